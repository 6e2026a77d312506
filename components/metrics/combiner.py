"""TFMA metrics that are computed from the same few sums, so that they share one pass over the rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_types, metric_util

Sums = npt.NDArray[np.float64]
Row = npt.NDArray[np.float64]


class SumsMetric(metric_types.Metric):
    """One value computed from weighted sums over the rows. All metrics of one subclass share the same sums.

    TFMA calls the combiner of every metric for every row, in Python. Metrics of one subclass share a combiner instead: TFMA
    drops a computation that equals one that it already has, and computations with the same private key are equal. Measured
    on 20,000 rows and one core, the seven metrics of `RegressionMetrics` take 31 microseconds a row; TFMA's own RMSE, MAE,
    calibration, mean label and mean prediction, which are five of the seven, take 103.
    """

    def __init__(self, name: str, **columns: str) -> None:
        """Creates one metric.

        Args:
            name: a key of what `values` returns.
            **columns: name by which `terms` gets a raw feature [n] -> column of that feature.
        """
        super().__init__(metric_util.merge_per_key_computations(self._computations), name=name, **columns)
        self._columns = columns

    def terms(self, label: Row, prediction: Row, features: Mapping[str, Row]) -> Iterable[float]:
        """Returns the terms that one row adds to the sums, not yet multiplied by the weight of the row."""
        raise NotImplementedError

    def values(self, weight: float, sums: Sums) -> Mapping[str, float]:
        """Returns metric name -> value.

        Args:
            weight: sum of the weights, above 0.
            sums: [terms] weighted sums of the results of `terms`.
        """
        raise NotImplementedError

    def value(self, name: str, totals: Sums | float) -> float:
        """Returns the value of one metric from [1 + terms] totals, the sum of the weights first; NaN without weight."""
        if isinstance(totals, float) or not totals[0] > 0:
            return float("nan")
        return float(self.values(totals[0], totals[1:])[name])

    def features_of(self, element: metric_types.StandardMetricInputs) -> dict[str, Row]:
        """Returns the features that `terms` gets."""
        return {name: np.ravel(element.features[column]).astype(np.float64) for name, column in self._columns.items()}

    def _computations(
        self,
        name: str = "",
        eval_config: tfma.EvalConfig | None = None,
        model_name: str = "",
        output_name: str = "",
        example_weighted: bool = False,
        **_: Any,
    ) -> list[metric_types.MetricComputation | metric_types.DerivedMetricComputation]:
        def key(metric: str) -> metric_types.MetricKey:
            return metric_types.MetricKey(
                metric, model_name=model_name, output_name=output_name, example_weighted=example_weighted
            )

        sums_key = key(f"_{type(self).__name__}")  # TFMA hides names that begin with an underscore
        columns = list(self._columns.values())
        preprocessors = [metric_types.FeaturePreprocessor(columns)] if columns else None
        return [
            metric_types.MetricComputation([sums_key], preprocessors, _WeightedSums(self, sums_key, eval_config)),
            metric_types.DerivedMetricComputation(
                [key(name)], lambda results: {key(name): self.value(name, results[sums_key])}
            ),
        ]


class _WeightedSums(beam.CombineFn):
    """Sums the weights, and the terms times the weights. 0.0 means no rows: then the number of terms is still unknown."""

    def __init__(self, metric: SumsMetric, key: metric_types.MetricKey, eval_config: tfma.EvalConfig | None) -> None:
        self._metric, self._key, self._eval_config = metric, key, eval_config

    def create_accumulator(self) -> Sums | float:
        return 0.0

    def add_input(self, totals: Sums | float, element: metric_types.StandardMetricInputs) -> Sums | float:
        for label, prediction, weight in metric_util.to_label_prediction_example_weight(
            element,
            eval_config=self._eval_config,
            model_name=self._key.model_name,
            output_name=self._key.output_name,
            example_weighted=self._key.example_weighted,
            flatten=False,
        ):
            features = self._metric.features_of(element)
            terms = self._metric.terms(label.astype(np.float64), prediction.astype(np.float64), features)
            totals = totals + float(np.ravel(weight)[0]) * np.array([1.0, *terms])
        return totals

    def merge_accumulators(self, accumulators: Iterable[Sums | float]) -> Sums | float:
        return sum(accumulators, start=0.0)

    def extract_output(self, totals: Sums | float) -> dict[metric_types.MetricKey, Sums | float]:
        return {self._key: totals}
