"""Exported models. All tests of this folder share them, because an export takes long."""

import itertools

import pytest
import tensorflow as tf

from tests.support.serving_bench import FRUIT, HEADS, KINDS, LEVELS, LINE, MODEL, PRICES, Bench


@pytest.fixture(scope="package")
def bench(tmp_path_factory):
    return Bench(FRUIT, tmp_path_factory.mktemp("fruit"))


@pytest.fixture(scope="package", params=HEADS)
def exported(request, bench, tmp_path_factory):
    """The name and the SavedModel of a model of each kind, after two training steps, export and `finish`."""
    folder = tmp_path_factory.mktemp(request.param)
    estimator = bench.estimator(request.param, folder / "model")
    estimator.train(bench.input_fn, max_steps=2)
    return request.param, bench.export(estimator, folder / "export")


@pytest.fixture(scope="package")
def export_again(bench, tmp_path_factory):
    """Returns a function that exports the same Estimator without `finish`.

    Each export has its own folder: in one folder the API would wait until the next second for a new name.
    """
    folder = tmp_path_factory.mktemp("again")
    estimator = bench.estimator(MODEL, folder / "model")
    estimator.train(bench.input_fn, max_steps=2)
    numbers = itertools.count()
    return lambda: bench.export_unfinished(estimator, folder / str(next(numbers)))


@pytest.fixture(scope="package")
def served(write_model, tmp_path_factory):
    """Name of a dataset -> signatures of the model LINE, after training on its three rows, export and `finish`."""
    model = write_model("line", LINE)
    signatures = {}
    for dataset in (LEVELS, PRICES, KINDS):
        folder = tmp_path_factory.mktemp(dataset.name)
        # A reviewed schema may give a shape to a feature and to the label: `required` does the same.
        bench = Bench(dataset, folder, required=["size", "kind"] if dataset is KINDS else [])
        estimator = bench.estimator(model, folder / "model")
        estimator.train(bench.input_fn, max_steps=1)
        signatures[dataset.name] = tf.saved_model.load(bench.export(estimator, folder / "export")).signatures
    return signatures
