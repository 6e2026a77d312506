"""Exported models, each made once for all tests of this folder."""

import itertools

import pytest
import tensorflow as tf

from tests.support.serving_bench import FRUIT, HEADS, KINDS, LEVELS, LINE, MODEL, PRICES, Bench


@pytest.fixture(scope="package")
def bench(tmp_path_factory):
    return Bench(FRUIT, tmp_path_factory.mktemp("fruit"))


@pytest.fixture(scope="package", params=HEADS)
def exported(request, bench, tmp_path_factory):
    """A model of each kind, trained for two steps, exported and finished: its name and the SavedModel."""
    folder = tmp_path_factory.mktemp(request.param)
    estimator = bench.estimator(request.param, folder / "model")
    estimator.train(bench.input_fn, max_steps=2)
    return request.param, bench.export(estimator, folder / "export")


@pytest.fixture(scope="package")
def export_again(bench, tmp_path_factory):
    """Returns a function that exports one Estimator, unfinished: to an own folder each, the API waits a second otherwise."""
    folder = tmp_path_factory.mktemp("again")
    estimator = bench.estimator(MODEL, folder / "model")
    estimator.train(bench.input_fn, max_steps=2)
    numbers = itertools.count()
    return lambda: bench.export_unfinished(estimator, folder / str(next(numbers)))


@pytest.fixture(scope="package")
def served(write_model, tmp_path_factory):
    """Name of a dataset -> the signatures of LINE, trained on its three rows, exported and finished."""
    model = write_model("line", LINE)
    signatures = {}
    for dataset in (LEVELS, PRICES, KINDS):
        folder = tmp_path_factory.mktemp(dataset.name)
        # As where a reviewed schema gives a shape to a feature and to the label.
        bench = Bench(dataset, folder, required=["size", "kind"] if dataset is KINDS else [])
        estimator = bench.estimator(model, folder / "model")
        estimator.train(bench.input_fn, max_steps=1)
        signatures[dataset.name] = tf.saved_model.load(bench.export(estimator, folder / "export")).signatures
    return signatures
