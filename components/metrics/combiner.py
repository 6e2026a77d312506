"""Several metrics out of one pass: TFMA metrics that derive their values from the same few sums."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import apache_beam as beam
import numpy as np
import numpy.typing as npt
from tensorflow_model_analysis.metrics import metric_types, metric_util

Sums = npt.NDArray[np.float64]
Row = npt.NDArray[np.float64]


class SumsMetric(metric_types.Metric):
    """One value out of weighted sums over the rows; the metrics of one subclass share the sums.

    TFMA calls one combiner a metric and row, in Python. Metrics that need the same sums share one here: TFMA leaves out
    computations that are equal to one it has, and those with the same private key are.
    """

    # Names of the values that `values` returns: a metric's name says which of them it is.
    NAMES: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str, **columns: str) -> None:
        """Makes one metric.

        Args:
            name: one of `NAMES`.
            **columns: raw features [n] that `terms` reads: what it calls them -> their column.
        """
        super().__init__(metric_util.merge_per_key_computations(self._computations), name=name, **columns)
        self._columns = columns

    def terms(self, label: Row, prediction: Row, features: Mapping[str, Row]) -> Iterable[float]:
        """Returns what a row adds to the sums (before its weight)."""
        raise NotImplementedError

    def values(self, weight: float, sums: Sums) -> Iterable[float]:
        """Returns the values, in the order of `NAMES`, from the sum of the weights (above 0) and the other sums."""
        raise NotImplementedError

    def _computations(
        self,
        name: str = "",
        eval_config: Any = None,
        model_name: str = "",
        output_name: str = "",
        example_weighted: bool = False,
        **_: Any,
    ) -> list[metric_types.MetricComputation | metric_types.DerivedMetricComputation]:
        def key(metric: str) -> metric_types.MetricKey:
            return metric_types.MetricKey(
                metric, model_name=model_name, output_name=output_name, example_weighted=example_weighted
            )

        # TFMA does not show what begins with an underscore.
        shared = key(f"_{type(self).__name__}")
        columns = list(self._columns.values())
        preprocessors = [metric_types.FeaturePreprocessor(columns)] if columns else None
        return [
            metric_types.MetricComputation([shared], preprocessors, _Combiner(self, shared, eval_config)),
            metric_types.DerivedMetricComputation([key(name)], lambda found: {key(name): self._value(name, found[shared])}),
        ]

    def _value(self, name: str, sums: Sums | float) -> float:
        if isinstance(sums, float) or not sums[0] > 0:
            return float("nan")
        return float(dict(zip(self.NAMES, self.values(sums[0], sums[1:]), strict=True))[name])

    def features_of(self, element: metric_types.StandardMetricInputs) -> dict[str, Row]:
        """Returns the features for `terms`."""
        return {name: np.ravel(element.features[c]).astype(np.float64) for name, c in self._columns.items()}


class _Combiner(beam.CombineFn):
    """Sums: of the weights, and of the terms times the weights."""

    def __init__(self, metric: SumsMetric, key: metric_types.MetricKey, eval_config: Any) -> None:
        self._metric, self._key, self._eval_config = metric, key, eval_config

    def create_accumulator(self) -> Sums | float:
        return 0.0

    def add_input(self, sums: Sums | float, element: metric_types.StandardMetricInputs) -> Sums | float:
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
            sums = sums + float(np.ravel(weight)[0]) * np.array([1.0, *terms])
        return sums

    def merge_accumulators(self, accumulators: Iterable[Sums | float]) -> Sums | float:
        return sum(accumulators, start=0.0)

    def extract_output(self, sums: Sums | float) -> dict[metric_types.MetricKey, Sums | float]:
        return {self._key: sums}
