"""Exported models, each made once for all tests of this folder."""

import itertools
import textwrap

import pytest
import tensorflow as tf

from tests.trainer_module.serving.benches import FRUIT, HEADS, KINDS, LEVELS, LINE, MODEL, PRICES, Bench


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
def own(tmp_path_factory):
    """Returns a function that writes a user's own model file; its name."""
    folder = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))

        def write(name, text):
            (folder / f"served_{name}").mkdir()
            (folder / f"served_{name}" / "model.py").write_text(f"import tensorflow as tf\n\n\n{textwrap.dedent(text)}")
            return f"served_{name}.model"

        yield write


@pytest.fixture(scope="package")
def served(own, tmp_path_factory):
    """Name of a dataset -> the signatures of LINE, trained on its three rows, exported and finished."""
    model = own("line", LINE)
    signatures = {}
    for dataset in (LEVELS, PRICES, KINDS):
        folder = tmp_path_factory.mktemp(dataset.name)
        # As where a reviewed schema gives a shape to a feature and to the label.
        bench = Bench(dataset, folder, required=["size", "kind"] if dataset is KINDS else [])
        estimator = bench.estimator(model, folder / "model")
        estimator.train(bench.input_fn, max_steps=1)
        signatures[dataset.name] = tf.saved_model.load(bench.export(estimator, folder / "export")).signatures
    return signatures
