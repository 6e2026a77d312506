"""Evaluates labels and predictions with TFMA in this process, as a dataset configures it."""

import pickle
import uuid
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow_model_analysis.evaluators import metrics_plots_and_validations_evaluator as evaluator
from tensorflow_model_analysis.extractors import slice_key_extractor
from tensorflow_model_analysis.writers.metrics_plots_and_validations_writer import CombineValidations

from pipeline.config.tables import ENGINES
from pipeline.evaluation import eval_config


@dataclass
class EvaluationResult:
    """The result of an evaluation.

    Attributes:
        metrics: "overall" or the value of a slice -> metric -> value.
        validation: the tfma.ValidationResult: whether the metrics are within their bounds.
    """

    metrics: dict
    validation: object


def evaluate_rows(folder, dataset, labels, predictions, *, baseline=None, features=None, weights=None):
    """Evaluates rows. Returns an EvaluationResult.

    Args:
        folder: an empty folder.
        dataset: gives the metrics, slices and bounds.
        labels: transformed label of each row.
        predictions: prediction of each row, as the served model returns it.
        baseline: predictions of the latest blessed model, if there is one.
        features: raw column -> its value in each row.
        weights: weight of each row; without it all rows count alike.
    """
    alone = baseline is None
    config = tfma.utils.update_eval_config_with_defaults(eval_config(dataset), has_baseline=not alone, rubber_stamp=alone)
    rows = []
    for i, label in enumerate(labels):
        models = {"candidate": _array(predictions[i])} | ({} if alone else {"baseline": _array(baseline[i])})
        rows.append(
            {
                "labels": _array(label),
                "predictions": models["candidate"] if alone else models,
                "features": {name: _array(values[i]) for name, values in (features or {}).items()},
            }
            | ({} if weights is None else {"example_weights": _array(weights[i])})
        )
    with beam.Pipeline(options=PipelineOptions(list(ENGINES["in-process"]))) as pipeline:
        sliced = pipeline | beam.Create(rows) | slice_key_extractor.SliceKeyExtractor(eval_config=config).ptransform
        outputs = sliced | evaluator.MetricsPlotsAndValidationsEvaluator(config).ptransform
        outputs["metrics"] | "Keep metrics" >> beam.Map(_keep, str(folder), "metrics")
        validation = outputs["validations"] | beam.CombineGlobally(CombineValidations(config))
        validation | "Keep validation" >> beam.Map(_keep, str(folder), "validation")
    metrics = {
        (key[0][1] if key else "overall"): {
            k.name: float(v) for k, v in values.items() if k.model_name in ("", "candidate") and not k.is_diff
        }
        for key, values in _kept(folder, "metrics")
    }
    [validation] = _kept(folder, "validation")
    return EvaluationResult(metrics, validation)


def _array(value):
    return np.atleast_1d(np.asarray(value))


def _keep(value, folder, name):
    """Writes a value of a Beam collection into a file, because Beam returns no values."""
    Path(folder, f"{name}-{uuid.uuid4().hex}").write_bytes(pickle.dumps(value))


def _kept(folder, name):
    """Returns the values that `_keep` wrote under a name."""
    return [pickle.loads(file.read_bytes()) for file in folder.glob(f"{name}-*")]
