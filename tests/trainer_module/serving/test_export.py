"""Export and `finish`: signatures, graph and variables that stay the same, warm start from an export, many exports in a row."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from tests.support import cli
from tests.support.serving_bench import DATASET, HEADS, PRICES, QUICK
from trainer_module.serving import card, export
from trainer_module.serving.outputs import MissingPredictionError
from trainer_module.serving.saved_model import signature_names
from trainer_module.serving.signatures import EXAMPLES, LABEL, PREDICT_RAW, PROBABILITY, SERVING_DEFAULT, TRANSFORM_LABELS

# Fifty exports take 25 s on two cores. A process that still runs after HUNG_S seconds hangs.
EXPORTS = 50
HUNG_S = 150

FIFTY = """
import faulthandler, gc, sys
faulthandler.dump_traceback_later(float(sys.argv[3]), exit=True)
from tests.support import training
bench = training.bench(sys.argv[1], "toy.fruit", "custom_wide_deep", sys.argv[2])
estimator = bench.estimator()
estimator.train(bench.input_fn("train", True), max_steps=2)
gc.set_threshold(100, 5, 5)  # the collector also runs while TensorFlow holds the lock of a graph
for i in range(int(sys.argv[4])):
    estimator.export_saved_model(f"{sys.argv[2]}/exports/{i}", bench.receiver())
    gc.collect()
"""


def graph_of(saved_model):
    (graph,) = SavedModel.FromString(Path(saved_model, "saved_model.pb").read_bytes()).meta_graphs
    return graph


def specs(tensors):
    """The inputs or outputs of a signature: name -> (type, shape). None is the batch."""
    shapes = {name: tf.TensorShape(t.tensor_shape).as_list() for name, t in tensors.items()}
    return {name: (tf.as_dtype(t.dtype).name, shapes[name]) for name, t in tensors.items()}


@pytest.mark.slow
def test_fifty_exports_in_one_process_do_not_hang(materialised, toy, tmp_path):
    """Runs in a new process: a hang inside TensorFlow holds the lock of the interpreter and could not be interrupted here."""
    output = materialised(DATASET)
    result = subprocess.run(
        [sys.executable, "-c", FIFTY, output, tmp_path, str(HUNG_S), str(EXPORTS)],
        cwd=cli.ROOT, env=cli.environment(f"{cli.ROOT}{os.pathsep}{toy}"),
        capture_output=True, text=True, timeout=HUNG_S + 30, check=False,
    )  # fmt: skip
    assert result.returncode == 0, f"after {len(list(tmp_path.glob('exports/*')))} exports: {result.stderr[-4000:]}"
    assert len(list(tmp_path.glob("exports/*/*/saved_model.pb"))) == EXPORTS


def test_an_export_has_the_three_documented_signatures_and_those_of_its_heads(exported):
    model, saved_model = exported
    documented = {SERVING_DEFAULT, PREDICT_RAW, TRANSFORM_LABELS}
    assert signature_names(saved_model) == documented | HEADS[model]
    signatures = graph_of(saved_model).signature_def
    outputs = {PROBABILITY: ("float32", [None]), LABEL: ("int64", [None])}
    examples = {EXAMPLES: ("string", [None])}

    assert specs(signatures[SERVING_DEFAULT].inputs) == examples
    assert specs(signatures[SERVING_DEFAULT].outputs) == outputs
    assert specs(signatures[PREDICT_RAW].inputs) == {
        "weight": ("float64", [None]),
        "size": ("float64", [None]),
        "colour": ("string", [None]),
        "crate": ("float64", [None]),
    }
    assert specs(signatures[PREDICT_RAW].outputs) == outputs
    assert specs(signatures[TRANSFORM_LABELS].inputs) == examples
    assert specs(signatures[TRANSFORM_LABELS].outputs) == {"ripe": ("float32", [None, 1])}
    assert {signatures[name].method_name for name in documented} == {"tensorflow/serving/predict"}


def test_finish_changes_neither_the_graph_nor_the_variables(bench, export_again):
    saved_model = export_again()
    before = graph_of(saved_model)
    variables = {f.name: f.read_bytes() for f in Path(saved_model, "variables").iterdir()}
    export.finish(saved_model, bench.dataset)
    after = graph_of(saved_model)
    assert after.graph_def == before.graph_def
    assert after.collection_def == before.collection_def
    assert variables == {f.name: f.read_bytes() for f in Path(saved_model, "variables").iterdir()}
    assert after.signature_def[PREDICT_RAW] == before.signature_def["columns:serving_default"]


def test_a_second_finish_changes_nothing(bench, export_again):
    saved_model = export_again()
    export.finish(saved_model, bench.dataset)
    once = {f: f.read_bytes() for f in Path(saved_model).rglob("*") if f.is_file()}
    export.finish(saved_model, bench.dataset)
    assert {f: f.read_bytes() for f in Path(saved_model).rglob("*") if f.is_file()} == once


def test_finish_refuses_a_saved_model_of_another_origin(tmp_path):
    class Tiny(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def serve(self, examples):
            return {PROBABILITY: tf.zeros(tf.shape(examples))}

    tiny = Tiny()
    tf.saved_model.save(tiny, str(tmp_path), {SERVING_DEFAULT: tiny.serve, "other": tiny.serve})
    before = Path(tmp_path, "saved_model.pb").read_bytes()
    with pytest.raises(MissingPredictionError) as error:
        export.finish(str(tmp_path), PRICES)
    assert str(error.value).startswith(f"{tmp_path} has no signature 'columns:serving_default'. It has: ")
    assert "other, serving_default" in str(error.value)
    assert Path(tmp_path, "saved_model.pb").read_bytes() == before
    assert card.identity(str(tmp_path)) is None


def test_the_card_names_dataset_task_label_and_columns(exported):
    _, saved_model = exported
    content = card.read(saved_model)
    assert (content.dataset, content.task, content.label) == (DATASET, "binary_classification", "ripe")
    assert content.columns == {
        "weight": "float32",
        "size": "float32",
        "colour": "string",
        "crate": "int64",
        "ripe": "int64",
    }
    assert content.id == card.identity(saved_model)


def test_two_exports_have_different_identities_and_a_copy_has_the_same(bench, export_again, tmp_path):
    one, two = export_again(), export_again()
    for saved_model in (one, two):
        assert card.read(saved_model) is None
        assert card.identity(saved_model) is None
        export.finish(saved_model, bench.dataset)
    assert card.identity(one) != card.identity(two)
    assert card.identity(shutil.copytree(one, tmp_path / "copy")) == card.identity(one)


class Initial(tf.estimator.SessionRunHook):
    """Keeps the values of the variables from before the first step."""

    def begin(self):
        self._variables = {v.op.name: v for v in tf.compat.v1.trainable_variables()}

    def after_create_session(self, session, coord):
        self.values = session.run(self._variables)


@pytest.mark.parametrize("exported", QUICK, indirect=True)
def test_a_later_training_starts_from_an_export(bench, exported, tmp_path):
    model, saved_model = exported
    fresh = bench.estimator(model, tmp_path, seed=4)
    warm = tf.estimator.Estimator(fresh.model_fn, config=fresh.config, warm_start_from=saved_model)
    initial = Initial()
    warm.train(bench.input_fn, hooks=[initial], max_steps=1)

    exported_weights = tf.train.load_checkpoint(str(Path(saved_model, "variables", "variables")))
    assert len(initial.values) >= 6
    for name, value in initial.values.items():
        np.testing.assert_array_equal(value, exported_weights.get_tensor(name), err_msg=name)
    assert warm.get_variable_value("global_step") == 1
