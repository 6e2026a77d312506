"""A dataset: its defaults, the declarations that it refuses, and its columns."""

import pytest

from data import (
    ORIGIN,
    SERIES,
    TASKS,
    BinaryLabel,
    Bound,
    Categorical,
    Dataset,
    ForecastLabel,
    MulticlassLabel,
    Numeric,
    NumericLabel,
    Series,
    Text,
    Training,
    Vocabulary,
    Window,
)
from data import metric_names as names

YEARS = Series(
    time="year",
    value="level",
    inputs=5,
    outputs=2,
    id="place",
    past_covariates=("rain",),
    known_covariates=("plan",),
    calendar=("year",),
)
LABELS = {
    "binary_classification": BinaryLabel("ripe"),
    "multiclass_classification": MulticlassLabel("colour", ("red", "green")),
    "regression": NumericLabel("price"),
    "forecast": YEARS.label,
}


def dataset(label=LABELS["regression"], **changes):
    settings = {"name": "d", "features": (Numeric("age"),), "sample": "d.csv"}
    return Dataset(label=label, **settings | changes)


def forecast(**changes):
    return dataset(YEARS.label, **{"features": YEARS.features, "series": YEARS} | changes)


def dataset_of(kind, **changes):
    return forecast(**changes) if kind == "forecast" else dataset(LABELS[kind], **changes)


# Defaults.


@pytest.mark.parametrize("task", TASKS)
def test_the_label_decides_the_task(task):
    assert dataset_of(task).task == task


@pytest.mark.parametrize("task", TASKS)
def test_the_default_bounds_are_those_of_the_task(task):
    assert dataset_of(task).bounds == TASKS[task].bounds
    assert dataset_of(task, bounds=()).bounds == ()


@pytest.mark.parametrize(
    ("task", "bounds"),
    [
        ("binary_classification", {names.AUC: (0.5, None), names.ACCURACY_SKILL: (0.01, None)}),
        ("multiclass_classification", {names.ACCURACY_SKILL: (0.01, None), names.ACCURACY: (None, None)}),
        ("regression", {names.RELATIVE_RMSE: (None, 0.95), names.MAE: (None, None)}),
        ("forecast", {names.RELATIVE_RMSE: (None, 1.0), names.RMSE: (None, None)}),
    ],
)
def test_the_default_bounds_require_skill_and_limit_the_degradation(task, bounds):
    declaration = dataset_of(task).bounds
    assert {b.metric: (b.at_least, b.at_most) for b in declaration} == bounds
    assert [b for b in declaration if b.max_degradation or b.max_degradation_ratio]
    assert {b.metric for b in declaration} <= set(TASKS[task].metrics)


@pytest.mark.parametrize(
    ("task", "best"),
    [
        ("binary_classification", names.AUC),
        ("multiclass_classification", names.CROSS_ENTROPY),
        ("regression", names.MAE),
        ("forecast", names.RMSE),
    ],
)
def test_the_best_checkpoint_is_chosen_by_the_primary_metric_unless_another_is_named(task, best):
    assert dataset_of(task).best == best
    other = next(name for name in TASKS[task].selection_metrics if name != best)
    assert dataset_of(task, training=Training(best=other)).best == other


def test_every_primary_metric_has_a_direction():
    assert {task: task_metrics.metrics[task_metrics.primary] for task, task_metrics in TASKS.items()} == {
        "binary_classification": "higher",
        "multiclass_classification": "lower",
        "regression": "lower",
        "forecast": "lower",
    }


def test_a_metric_without_a_direction_may_be_bounded():
    bound = Bound(names.CALIBRATION, at_least=0.9, at_most=1.1)
    assert dataset(bounds=(bound,)).bounds == (bound,)


# Refused declarations.


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: dataset(bounds=(Bound(names.AUC, at_least=0.9),)),
            "A regression has no metric 'auc'. It has: mae, rmse, mean_relative_error, relative_rmse, "
            "calibration, mean_label, mean_prediction.",
        ),
        (
            lambda: dataset(BinaryLabel("ripe"), training=Training(best=names.RMSE)),
            "The best checkpoint of a binary_classification cannot be chosen by 'rmse'. It can be chosen by: auc, ",
        ),
        (
            lambda: dataset(training=Training(best=names.MEAN_LABEL)),
            "The best checkpoint of a regression cannot be chosen by 'mean_label'. "
            "It can be chosen by: mae, rmse, mean_relative_error.",
        ),
        (
            lambda: dataset(training=Training(best=names.RELATIVE_RMSE)),
            "The best checkpoint of a regression cannot be chosen by 'relative_rmse'. It can be chosen by: mae, rmse, ",
        ),
        (
            lambda: dataset(bounds=(Bound(names.CALIBRATION, at_least=0.9, max_degradation=0.1),)),
            "'calibration' has no better direction: bound it with at_least and at_most only.",
        ),
        (
            lambda: dataset(features=(Numeric("age"), Numeric("price"))),
            "The features and the label must have different names. Used twice: price.",
        ),
        (
            lambda: dataset(features=(Numeric("hour"), Categorical("hour", size=24))),
            "The features and the label must have different names. Used twice: hour.",
        ),
        (
            lambda: dataset(slices=("age", "colour", "size")),
            "There is no column colour, size to slice by. Declared: age, price.",
        ),
        (lambda: dataset(ForecastLabel("level", 5, 2)), "A forecast needs a `series`. Other tasks must not have one."),
        (lambda: dataset(series=YEARS), "A forecast needs a `series`. Other tasks must not have one."),
        (lambda: dataset(eval_buckets=0), "eval_buckets must be from 1 to 9 (of ten buckets). Received: 0."),
        (lambda: dataset(eval_buckets=10), "eval_buckets must be from 1 to 9 (of ten buckets). Received: 10."),
    ],
    ids=[
        "a bound on a metric of another task",
        "best by a metric of another task",
        "best by a metric without a direction",
        "best by a metric that no training reports",
        "a degradation of a metric without a direction",
        "a label that is a feature",
        "a column that is two features",
        "slices of no column",
        "a forecast without series",
        "a series without forecast",
        "nothing to evaluate",
        "nothing to train on",
    ],
)
def test_a_declaration_that_cannot_work_is_refused(make, message):
    with pytest.raises(ValueError) as error:
        make()
    assert str(error.value).startswith(message)


# Columns.


def test_a_slice_may_be_of_any_declared_column():
    declaration = dataset(slices=("age", "price", "street"), other_columns={"street": "string"})
    assert declaration.slices == ("age", "price", "street")
    assert forecast(slices=(SERIES,)).slices == (SERIES,)


def test_the_weight_is_a_required_column():
    assert dataset(weight="copies").columns == {"age": "float32", "price": "float32", "copies": "float32"}
    assert "copies" not in dataset(other_columns={"copies": "float32"}).columns


def test_without_a_series_the_columns_of_the_file_are_those_of_the_examples():
    declaration = dataset(other_columns={"street": "string"})
    assert declaration.source_columns == declaration.columns == {"age": "float32", "price": "float32"}
    assert declaration.source_types == declaration.types == {"age": "float32", "price": "float32", "street": "string"}


def test_with_a_series_the_columns_of_the_file_become_those_of_windows():
    declaration = forecast(other_columns={"note": "string"})
    assert declaration.source_columns == {
        "year": "string",
        "place": "string",
        "level": "float32",
        "rain": "float32",
        "plan": "float32",
    }
    assert declaration.source_types == declaration.source_columns | {"note": "string"}
    windows = dict.fromkeys(("level", "rain", "plan", "year_sin", "year_cos", "level_future"), "float32")
    assert declaration.columns == windows
    carried = {SERIES: "string", ORIGIN: "int64", "level_seasonal_naive": "float32"}
    assert declaration.types == windows | carried | {"note": "string"}


def test_features_are_found_by_kind():
    age, crate, colour, review, level = all_features = (
        Numeric("age"),
        Categorical("crate", size=3),
        Vocabulary("colour"),
        Text("review"),
        Window("level", 4),
    )
    declaration = dataset(features=all_features)
    assert declaration.numeric == (age,)
    assert declaration.categorical == (crate, colour)
    assert declaration.texts == (review,)
    assert declaration.windows == (level,)
