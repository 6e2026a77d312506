"""The scores of predictions for each task, and the promises of the project about them.

Shapes of labels and predictions: for two classes [rows] and [rows], the probabilities of the positive class; for several
classes [rows] and [rows, classes]; for a regression [rows] and [rows]; for a forecast both [rows, outputs].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from sklearn import metrics

from benchmarks import references
from data import Dataset, Task
from data import metric_names as names

Array = np.ndarray
Scores = dict[str, dict[str, float]]  # name of a model or reference -> metric -> value

# Task -> a metric, and by how much the best model may be worse in it than gradient boosting.
PROMISED_GAPS: Mapping[Task, tuple[str, float]] = {
    "binary_classification": (names.AUC, 0.02),
    "multiclass_classification": (names.ACCURACY, 0.02),
}
# Task -> the metric in which the best model must reach the better of the bags of words.
ACCURACIES: Mapping[Task, str] = {
    "binary_classification": names.BINARY_ACCURACY,
    "multiclass_classification": names.ACCURACY,
}
ALLOWED_MAE_RATIO = 1.15
# The MAE in US dollars of ridge regression on one-hot columns in a five-fold cross-validation, on the sample of the project.
MOST_MAE = {"housing": 19_200.0}

LINEAR = "canned_linear"


def _rmse(labels: Array, predicted: Array) -> float:
    return float(np.sqrt(np.mean(np.square(predicted - labels))))


def _mae(labels: Array, predicted: Array) -> float:
    return float(np.mean(np.abs(predicted - labels)))


def _rmse_of_log(labels: Array, predicted: Array) -> float:
    return _rmse(np.log1p(np.maximum(labels, 0.0)), np.log1p(np.maximum(predicted, 0.0)))


_REGRESSION: Mapping[str, Callable[[Array, Array], float]] = {
    names.MAE: _mae,
    names.RMSE: _rmse,
    names.MEAN_RELATIVE_ERROR: lambda y, p: float(np.mean(np.abs(p - y) / np.abs(y))),
    "RMSE of the log": _rmse_of_log,
}
METRICS: Mapping[Task, Mapping[str, Callable[[Array, Array], float]]] = {
    "binary_classification": {
        names.AUC: metrics.roc_auc_score,
        names.BINARY_ACCURACY: lambda y, p: metrics.accuracy_score(y, p > 0.5),
        "log loss": metrics.log_loss,
    },
    "multiclass_classification": {
        names.ACCURACY: lambda y, p: metrics.accuracy_score(y, p.argmax(axis=1)),
        names.CROSS_ENTROPY: lambda y, p: metrics.log_loss(y, p, labels=range(p.shape[1])),
    },
    "regression": _REGRESSION,
    "forecast": {names.RMSE: _rmse, names.MAE: _mae},
}


def score(task: Task, labels: Array, predictions: Mapping[str, Array]) -> Scores:
    """Returns the metrics of all predictions."""
    return {
        name: {metric: measure(labels, predicted) for metric, measure in METRICS[task].items()}
        for name, predicted in predictions.items()
    }


def table(task: Task, scores: Scores, train_seconds: Mapping[str, float | None]) -> str:
    """Returns scores as Markdown, with the training seconds of the models that were trained in this run."""
    header = list(METRICS[task])
    lines = [f"| model | {' | '.join(header)} | training, s |", f"| --- |{' ---: |' * (len(header) + 1)}"]
    for model, values in scores.items():
        seconds = train_seconds.get(model)
        cells = [_number(values[metric]) for metric in header] + ["" if seconds is None else f"{seconds:.0f}"]
        lines.append(f"| {model} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.4f}"


def broken_promises(dataset: Dataset, scores: Scores, models: Sequence[str], *, sample: bool) -> list[str]:
    """Returns a sentence for each promise that the models of the project break.

    Args:
        dataset: its task and kinds of features decide the promises.
        scores: those of the models, and of the references from `references.predict`.
        models: the names in `scores` that are models of the project.
        sample: whether they were trained on the sample of the dataset.
    """
    reference_scores = {name: values for name, values in scores.items() if name not in models}
    model_scores = {name: scores[name] for name in models}
    return [f"{dataset.name}: {line}" for line in _broken(dataset, model_scores, reference_scores, sample)]


def _broken(dataset: Dataset, model_scores: Scores, reference_scores: Scores, sample: bool) -> Iterator[str]:
    if dataset.task == "forecast":
        for naive in (references.PERSISTENCE, references.SEASONAL_NAIVE):
            yield from _at_most(model_scores, names.RMSE, reference_scores[naive][names.RMSE], f"that of {naive}")
    elif dataset.task == "regression":
        yield from _broken_by_regression(dataset, model_scores, reference_scores, sample)
    elif dataset.texts:
        metric = ACCURACIES[dataset.task]
        bags = [name for name in reference_scores if name in references.BAGS_OF_WORDS]
        best = max(bags, key=lambda name: reference_scores[name][metric])
        yield from _at_least(model_scores, metric, reference_scores[best][metric], f"that of the {best}")
    else:
        metric, gap = PROMISED_GAPS[dataset.task]
        bound = reference_scores[references.BOOSTING][metric] - gap
        yield from _at_least(model_scores, metric, bound, f"that of gradient boosting minus {gap}")


def _broken_by_regression(dataset: Dataset, model_scores: Scores, reference_scores: Scores, sample: bool) -> Iterator[str]:
    linear = {name: values for name, values in model_scores.items() if name == LINEAR}
    deep = {name: values for name, values in model_scores.items() if name != LINEAR}
    if linear:
        yield from _at_most(linear, names.MAE, reference_scores[references.RIDGE][names.MAE], f"that of the {references.RIDGE}")
        if sample and dataset.name in MOST_MAE:
            yield from _at_most(linear, names.MAE, MOST_MAE[dataset.name], "the promise for the sample")
    if deep:
        boostings = [reference_scores[name][names.MAE] for name in references.BOOSTINGS if name in reference_scores]
        bound = ALLOWED_MAE_RATIO * min(boostings)
        yield from _at_most(deep, names.MAE, bound, f"{ALLOWED_MAE_RATIO} times that of gradient boosting")


def _at_least(model_scores: Scores, metric: str, bound: float, reference: str) -> Iterator[str]:
    best = max(model_scores, key=lambda name: model_scores[name][metric])
    value = model_scores[best][metric]
    if not value >= bound:
        yield f"the best {metric}, {_number(value)} of {best}, is below {_number(bound)}, {reference}."


def _at_most(model_scores: Scores, metric: str, bound: float, reference: str) -> Iterator[str]:
    best = min(model_scores, key=lambda name: model_scores[name][metric])
    value = model_scores[best][metric]
    if not value <= bound:
        yield f"the best {metric}, {_number(value)} of {best}, is above {_number(bound)}, {reference}."
