"""The served model: signatures, card, and that exporting again and again works."""

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from data import discovery
from tests import runs, trained
from trainer_module import export
from trainer_module.models import NAME as MODELS

DATASET = "toy.fruit"
MODEL = "custom_wide_deep"

# Fifty exports take 25 s on two cores: a process that is not done by then stands still.
EXPORTS = 50
HUNG_S = 150


@pytest.fixture(scope="module", params=discovery.names(MODELS))
def exported(request, materialised, tmp_path_factory):
    """Every model, trained for two steps, exported and finished."""
    bench = trained.bench(materialised(DATASET), DATASET, request.param, tmp_path_factory.mktemp(request.param))
    return bench, bench.train(steps=2).saved_model


@pytest.fixture(scope="module")
def fruit(materialised, tmp_path_factory):
    """One trained Estimator, and a function that exports it: to an own folder each, the API waits a second otherwise."""
    folder = tmp_path_factory.mktemp("fruit")
    bench = trained.bench(materialised(DATASET), DATASET, MODEL, folder / "model")
    estimator = bench.estimator()
    estimator.train(bench.input_fn("train", True), max_steps=2)

    numbers = itertools.count()

    def export_again():
        return tf.compat.as_str(estimator.export_saved_model(str(folder / str(next(numbers))), bench.receiver()))

    return bench, export_again


def graph_of(saved_model):
    (graph,) = SavedModel.FromString(Path(saved_model, "saved_model.pb").read_bytes()).meta_graphs
    return graph


def described(tensors):
    """Name -> (type, shape) of a signature's inputs or outputs; None is the batch."""
    shapes = {name: tf.TensorShape(t.tensor_shape).as_list() for name, t in tensors.items()}
    return {name: (tf.as_dtype(t.dtype).name, shapes[name]) for name, t in tensors.items()}


# Exporting.

FIFTY = """
import faulthandler, gc, sys
faulthandler.dump_traceback_later(float(sys.argv[3]), exit=True)
from tests import trained
bench = trained.bench(sys.argv[1], "toy.fruit", "custom_wide_deep", sys.argv[2])
estimator = bench.estimator()
estimator.train(bench.input_fn("train", True), max_steps=2)
gc.set_threshold(100, 5, 5)  # the collector also runs while TensorFlow holds the lock of a graph
for i in range(int(sys.argv[4])):
    estimator.export_saved_model(f"{sys.argv[2]}/exports/{i}", bench.receiver())
    gc.collect()
"""


def test_fifty_exports_in_one_process_do_not_hang(materialised, toy, tmp_path):
    """In a process of its own: one that hangs inside TensorFlow holds the interpreter, too, and cannot be interrupted."""
    output = materialised(DATASET)
    done = subprocess.run(
        [sys.executable, "-c", FIFTY, output, tmp_path, str(HUNG_S), str(EXPORTS)],
        cwd=runs.ROOT, env=runs.environment(f"{runs.ROOT}{os.pathsep}{toy}"),
        capture_output=True, text=True, timeout=HUNG_S + 30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"after {len(list(tmp_path.glob('exports/*')))} exports: {done.stderr[-4000:]}"
    assert len(list(tmp_path.glob("exports/*/*/saved_model.pb"))) == EXPORTS


# Signatures.


def test_an_export_has_the_three_documented_signatures(exported):
    _, saved_model = exported
    assert export.signatures(saved_model) == {export.SERVING_DEFAULT, export.PREDICT_RAW, export.TRANSFORM_LABELS}
    signatures = graph_of(saved_model).signature_def
    outputs = {export.PROBABILITY: ("float32", [None]), export.LABEL: ("int64", [None])}
    examples = {export.EXAMPLES: ("string", [None])}

    assert described(signatures[export.SERVING_DEFAULT].inputs) == examples
    assert described(signatures[export.SERVING_DEFAULT].outputs) == outputs
    assert described(signatures[export.PREDICT_RAW].inputs) == {
        "weight": ("float64", [None]),
        "size": ("float64", [None]),
        "colour": ("string", [None]),
        "crate": ("float64", [None]),
    }
    assert described(signatures[export.PREDICT_RAW].outputs) == outputs
    assert described(signatures[export.TRANSFORM_LABELS].inputs) == examples
    assert described(signatures[export.TRANSFORM_LABELS].outputs) == {"ripe": ("float32", [None, 1])}
    assert {s.method_name for s in signatures.values()} == {"tensorflow/serving/predict"}


def test_the_label_is_one_where_the_probability_is_above_one_half(exported):
    _, saved_model = exported
    rows = {
        "weight": tf.constant([60.0, 140.0, float("nan"), 100.0], tf.float64),
        "size": tf.constant([1.0, 9.0, 5.0, float("nan")], tf.float64),
        "colour": tf.constant(["green", "red", "", "blue"]),
        "crate": tf.constant([0.0, 3.0, float("nan"), 77.0], tf.float64),
    }
    served = tf.saved_model.load(saved_model).signatures[export.PREDICT_RAW](**rows)
    np.testing.assert_array_equal(served[export.LABEL], np.array(served[export.PROBABILITY]) > 0.5)


def test_finishing_changes_neither_the_graph_nor_the_variables(fruit):
    bench, export_again = fruit
    saved_model = export_again()
    before = graph_of(saved_model)
    variables = {f.name: f.read_bytes() for f in Path(saved_model, "variables").iterdir()}
    export.finish(saved_model, bench.dataset)
    after = graph_of(saved_model)
    assert after.graph_def == before.graph_def
    assert after.collection_def == before.collection_def
    assert variables == {f.name: f.read_bytes() for f in Path(saved_model, "variables").iterdir()}
    assert after.signature_def[export.PREDICT_RAW] == before.signature_def["raw:serving_default"]


def test_finishing_twice_is_harmless_or_refused(fruit):
    bench, export_again = fruit
    saved_model = export_again()
    export.finish(saved_model, bench.dataset)
    once = graph_of(saved_model).signature_def[export.PREDICT_RAW]
    try:
        export.finish(saved_model, bench.dataset)
    except Exception as error:
        assert saved_model in str(error)
    assert graph_of(saved_model).signature_def[export.PREDICT_RAW] == once


def test_a_model_without_a_probability_is_told_what_it_predicts(fruit, tmp_path):
    bench, _ = fruit

    def model_fn(features, labels, mode):
        y = tf.cast(features["weight"], tf.float32) * tf.compat.v1.get_variable("w", [])
        predictions = {"zeta": y, "score": y}
        loss = None if labels is None else tf.reduce_mean(tf.square(y - tf.cast(labels, tf.float32)))
        return tf.estimator.EstimatorSpec(
            mode,
            predictions=predictions,
            loss=loss,
            train_op=tf.compat.v1.train.get_or_create_global_step().assign_add(1),
            export_outputs={"serving_default": tf.estimator.export.PredictOutput(predictions)},
        )

    estimator = export.with_signatures(tf.estimator.Estimator(model_fn, str(tmp_path / "model")), bench.dataset)
    estimator.train(bench.input_fn("train", True), max_steps=1)
    with pytest.raises(export.MissingPredictionError, match=r"predictions\['logistic'\].*This model predicts: score, zeta\."):
        estimator.export_saved_model(str(tmp_path / "export"), bench.receiver())


# The card.


def test_the_card_says_what_a_model_was_trained_on(exported):
    _, saved_model = exported
    card = export.read_card(saved_model)
    assert (card.dataset, card.task, card.label) == (DATASET, "binary_classification", "ripe")
    assert card.columns == {
        "weight": "float32",
        "size": "float32",
        "colour": "string",
        "crate": "int64",
        "ripe": "int64",
    }
    assert card.id == export.identity(saved_model)


def test_two_exports_are_told_apart_and_a_copy_is_the_same(fruit, tmp_path):
    bench, export_again = fruit
    one, two = export_again(), export_again()
    for saved_model in (one, two):
        assert export.read_card(saved_model) is None
        assert export.identity(saved_model) is None
        export.finish(saved_model, bench.dataset)
    assert export.identity(one) != export.identity(two)
    assert export.identity(shutil.copytree(one, tmp_path / "copy")) == export.identity(one)


# Starting from an export.


class Initial(tf.estimator.SessionRunHook):
    """Remembers the variables that a training begins with."""

    def begin(self):
        self._variables = {v.op.name: v for v in tf.compat.v1.trainable_variables()}

    def after_create_session(self, session, coord):
        self.values = session.run(self._variables)


def test_a_later_training_starts_from_an_export(exported, tmp_path):
    bench, saved_model = exported
    other = trained.bench(bench.output, DATASET, bench.model, tmp_path, seed=bench.seed + 1)
    fresh = other.estimator()
    warm = tf.estimator.Estimator(fresh.model_fn, config=fresh.config, warm_start_from=saved_model)
    initial = Initial()
    warm.train(other.input_fn("train", True), hooks=[initial], max_steps=1)

    held = tf.train.load_checkpoint(str(Path(saved_model, "variables", "variables")))
    assert len(initial.values) >= 6
    for name, value in initial.values.items():
        np.testing.assert_array_equal(value, held.get_tensor(name), err_msg=name)
    assert warm.get_variable_value("global_step") == 1
