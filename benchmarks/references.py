"""Simple reference predictors with default settings, trained on the same rows as the models.

`predict` chooses the references by the task and the kinds of features. It reads raw examples, as an ExampleGen writes them.
A weight column is ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf
from sklearn.compose import TransformedTargetRegressor, make_column_selector, make_column_transformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from data import Bucketized, Categorical, Dataset, Numeric, NumericLabel, Text, Vocabulary, Window

Array = np.ndarray
Examples = Sequence[bytes]  # serialised tf.Examples

BOOSTING = "gradient boosting"
BOOSTING_LOG = "gradient boosting on the log"
BOOSTINGS = (BOOSTING, BOOSTING_LOG)
RIDGE = "ridge on one-hot columns"
RIDGE_LOG = "ridge on one-hot columns, on the log"
BAG_OF_WORDS = "logistic regression on counts of words"
BAG_OF_PAIRS = "logistic regression on tf-idf of words and pairs"
BAGS_OF_WORDS = (BAG_OF_WORDS, BAG_OF_PAIRS)
PERSISTENCE = "persistence"
SEASONAL_NAIVE = "seasonal naive with drift"
RIDGE_WINDOW = "ridge on the same window"
CONSTANT = "constant"

# The largest number of categories of a column that HistGradientBoosting accepts. Rarer categories count as missing.
MOST_CATEGORIES = 255
_ALPHAS = np.logspace(-2, 4, 13)


class NotATableError(ValueError):
    """A feature is of a kind that no reference can read."""


def predict(dataset: Dataset, train_rows: Examples, train_labels: Array, eval_rows: Examples) -> dict[str, Array]:
    """Trains the references on the training rows. Returns name -> predictions for the evaluation rows, in the
    shapes of `scores`.

    Raises:
        NotATableError: see `columns` and `texts`.
    """
    if dataset.task == "forecast":
        return _forecasts(dataset, train_rows, train_labels, eval_rows)
    read = texts if dataset.texts else columns
    train_x, eval_x = read(dataset, train_rows), read(dataset, eval_rows)
    if not dataset.texts:
        categorise(train_x, eval_x)
    if dataset.task == "regression":
        logarithmic = isinstance(dataset.label, NumericLabel) and dataset.label.log
        regressors = _regressors(logarithmic)
        return {name: model.fit(train_x, train_labels).predict(eval_x) for name, model in regressors.items()}
    classifiers = _text_classifiers() if dataset.texts else _classifiers()
    return {name: _probabilities(model.fit(train_x, train_labels), eval_x, dataset) for name, model in classifiers.items()}


def _classifiers() -> dict[str, Any]:
    return {
        BOOSTING: HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=1),
        CONSTANT: DummyClassifier(strategy="prior"),
    }


def _text_classifiers() -> dict[str, Any]:
    return {
        BAG_OF_WORDS: make_pipeline(CountVectorizer(), LogisticRegression(max_iter=1000)),
        BAG_OF_PAIRS: make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(max_iter=1000)),
        CONSTANT: DummyClassifier(strategy="prior"),
    }


def _regressors(logarithmic: bool) -> dict[str, Any]:
    """Returns the regressors by name. `logarithmic`: adds versions that are trained on the logarithm of the label."""

    def ridge() -> Any:
        names = make_pipeline(OneHotEncoder(handle_unknown="ignore"))
        numbers = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
        by_kind = (
            (names, make_column_selector(dtype_include="category")),
            (numbers, make_column_selector(dtype_include="number")),
        )
        return make_pipeline(make_column_transformer(*by_kind), RidgeCV(_ALPHAS))

    def boosting() -> Any:
        return HistGradientBoostingRegressor(categorical_features="from_dtype", random_state=1)

    def on_log(model: Any) -> Any:
        return TransformedTargetRegressor(model, func=np.log1p, inverse_func=np.expm1, check_inverse=False)

    plain = {BOOSTING: boosting(), RIDGE: ridge(), CONSTANT: DummyRegressor()}
    return {BOOSTING_LOG: on_log(boosting()), RIDGE_LOG: on_log(ridge()), **plain} if logarithmic else plain


def _probabilities(model: Any, rows: Any, dataset: Dataset) -> Array:
    """Returns the probabilities of the positive class [rows], or [rows, classes] with 0 for a class without a training row."""
    probabilities = model.predict_proba(rows)
    known_classes = model.classes_.astype(int)
    all_classes = np.zeros((len(probabilities), len(getattr(dataset.label, "classes", (0, 1)))))
    all_classes[:, known_classes] = probabilities
    return all_classes[:, 1] if dataset.task == "binary_classification" else all_classes


def columns(dataset: Dataset, rows: Examples) -> pd.DataFrame:
    """Returns the raw features, one column each, as numbers or names. A missing value is NaN.

    Raises:
        NotATableError: a feature is of a kind that cannot be a column of a table.
    """
    spec = {f.name: tf.io.VarLenFeature(tf.dtypes.as_dtype(f.dtype)) for f in dataset.features}
    parsed = tf.io.parse_example(tf.constant(rows), spec)
    named = {}
    for feature in dataset.features:
        if not isinstance(feature, (Numeric, Bucketized, Categorical, Vocabulary)):
            kind = type(feature).__name__
            raise NotATableError(
                f"'{feature.name}' is a {kind}: benchmarks/references.py cannot give it to a model for tables."
            )
        values = parsed[feature.name]
        numeric = isinstance(feature, (Numeric, Bucketized))
        column = np.full(len(rows), np.nan, np.float64 if numeric else object)
        column[values.indices[:, 0].numpy()] = values.values.numpy()
        named[feature.name] = column
    return pd.DataFrame(named)


def categorise(train_table: pd.DataFrame, eval_table: pd.DataFrame) -> None:
    """Turns the columns of names in both tables into categories. The categories are those of the training rows."""
    for name in train_table.select_dtypes(object).columns:
        categories = train_table[name].value_counts().index[:MOST_CATEGORIES]
        for rows in (train_table, eval_table):
            rows[name] = pd.Categorical(rows[name], categories=categories)


def texts(dataset: Dataset, rows: Examples) -> list[str]:
    """Returns the text of each row. Several text columns are joined by spaces.

    Raises:
        NotATableError: the dataset also has other features.
    """
    other_features = [f.name for f in dataset.features if not isinstance(f, Text)]
    if other_features:
        raise NotATableError(
            f"The dataset has texts and also {', '.join(other_features)}. benchmarks/references.py can compare only one kind."
        )
    parsed = _parsed({f.name: tf.io.FixedLenFeature([], tf.string, "") for f in dataset.features}, rows)
    return [" ".join(cell.decode("utf-8", "replace") for cell in cells) for cells in zip(*parsed.values(), strict=True)]


def _forecasts(dataset: Dataset, train_rows: Examples, train_labels: Array, eval_rows: Examples) -> dict[str, Array]:
    """Returns the naive forecasts, and that of a ridge regression on all windows that a model reads; each [rows, outputs]."""
    assert dataset.series
    outputs = dataset.series.outputs
    value = dataset.series.value
    train_windows, eval_windows = (_windows(dataset.windows, rows) for rows in (train_rows, eval_rows))
    train_last, eval_last = train_windows[value][:, -1:], eval_windows[value][:, -1:]
    ridge = RidgeCV(_ALPHAS).fit(_relative(train_windows, value), train_labels - train_last)
    naive = dataset.series.seasonal_naive
    seasonal = _parsed({naive: tf.io.FixedLenFeature([outputs], tf.float32)}, eval_rows)[naive]
    return {
        PERSISTENCE: np.repeat(eval_last, outputs, axis=1),
        SEASONAL_NAIVE: seasonal,
        RIDGE_WINDOW: eval_last + ridge.predict(_relative(eval_windows, value)),
    }


def _windows(windows: Sequence[Window], rows: Examples) -> dict[str, Array]:
    return _parsed({w.name: tf.io.FixedLenFeature([w.length], tf.float32) for w in windows}, rows)


def _relative(windows: dict[str, Array], value: str) -> Array:
    """Returns the windows side by side. The window of the value is relative to its last value."""
    return np.hstack([window - window[:, -1:] if name == value else window for name, window in windows.items()])


def _parsed(spec: dict[str, Any], rows: Examples) -> dict[str, Array]:
    return {name: values.numpy() for name, values in tf.io.parse_example(tf.constant(rows), spec).items()}
