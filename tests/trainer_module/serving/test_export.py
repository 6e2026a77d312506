"""The served model: signatures, units, what is missing, card, and that exporting again and again works."""

import itertools
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from data import Categorical, Dataset, MulticlassLabel, Numeric, NumericLabel, Series, Vocabulary
from tests.support import cli, toys, training, transform
from trainer_module.estimators import build as estimators
from trainer_module.estimators import hyperparameters
from trainer_module.heads import PROBABILITIES, WEIGHT
from trainer_module.serving import card, export
from trainer_module.serving.outputs import MissingPredictionError
from trainer_module.serving.receiver import serving_input_receiver_fn
from trainer_module.serving.saved_model import signature_names
from trainer_module.serving.signatures import (
    EXAMPLES,
    LABEL,
    PREDICT_RAW,
    PREDICTION,
    PROBABILITY,
    SERVING_DEFAULT,
    TRANSFORM_LABELS,
)

DATASET = "toy.fruit"
MODEL = "custom_wide_deep"
# One of each way to write a model -> the signatures of its own.
HEADS = {"custom_wide_deep": set(), "keras_wide_deep": set(), "canned_wide_deep": {"classification", "predict", "regression"}}
QUICK = ("custom_wide_deep", "keras_wide_deep")
NAN = float("nan")  # one object: a list that holds it finds it

# Fifty exports take 25 s on two cores: a process that is not done by then stands still.
EXPORTS = 50
HUNG_S = 150


FRUIT = toys.DATASETS[DATASET]
TIDE = Series(time="at", value="level", inputs=3, outputs=2, past_covariates=("rain",))
LEVELS = Dataset(
    name="levels", sample="", features=TIDE.features, label=TIDE.label, series=TIDE, empty_row="refuse", weight="copies"
)
PRICES = Dataset(
    name="prices",
    sample="",
    features=(Numeric("area"), Vocabulary("street", size=2)),
    label=NumericLabel("price", log=True),
    empty_row="refuse",
)
KINDS = Dataset(
    name="kinds",
    sample="",
    features=(Numeric("size"), Categorical("crate", size=2)),
    label=MulticlassLabel("kind", ("apple", "pear", "plum")),
)
TRAINED_ON = {
    FRUIT.name: {
        "weight": [90, 110, None, 100],
        "size": [1, 2, 5, 9],
        "colour": ["red", "red", "green", None],
        "crate": [0, 1, 2, 3],
        "ripe": [0, 1, 0, 1],
    },
    "levels": {
        "level": [[1, 2, 3], [4, 4, 6], [9, 8, 8]],
        "rain": [[0, 1, 2], [5, 5, 5], [1, 0, 0]],
        "level_future": [[4, 5], [7, 7], [6, 9]],
        "copies": [1, 2, 3],
    },
    "prices": {"area": [1, 3, 5], "street": ["a", "b", "a"], "price": [0, np.expm1(3), np.expm1(6)]},
    "kinds": {"size": [1, 2, 3], "crate": [0, 1, 1], "kind": ["apple", "plum", "pear"]},
}


class Bench:
    """What trains and exports models on a dataset's few rows of TRAINED_ON; the schema requires some columns."""

    def __init__(self, dataset, folder, required=()):
        self.dataset = dataset
        [self.rows] = transform.transformed(folder, dataset, TRAINED_ON[dataset.name], required=required)
        self.transform = training.transform_output(str(folder))

    def estimator(self, model, model_dir, seed=3):
        config = tf.estimator.RunConfig(model_dir=str(model_dir), tf_random_seed=seed, save_summary_steps=None)
        return estimators.build(self.dataset, model, hyperparameters.resolve(model), config)

    def input_fn(self):
        features = dict(self.rows)
        return tf.data.Dataset.from_tensors((features, features.pop(self.dataset.label.name))).repeat()

    def export(self, estimator, folder):
        """Exports and finishes; returns the SavedModel."""
        saved_model = self.export_unfinished(estimator, folder)
        export.finish(saved_model, self.dataset)
        return saved_model

    def export_unfinished(self, estimator, folder):
        receiver = serving_input_receiver_fn(self.dataset, self.transform)
        return tf.compat.as_str(estimator.export_saved_model(str(folder), receiver))


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(FRUIT, tmp_path_factory.mktemp("fruit"))


@pytest.fixture(scope="module", params=HEADS)
def exported(request, bench, tmp_path_factory):
    """A model of each kind, trained for two steps, exported and finished: its name and the SavedModel."""
    folder = tmp_path_factory.mktemp(request.param)
    estimator = bench.estimator(request.param, folder / "model")
    estimator.train(bench.input_fn, max_steps=2)
    return request.param, bench.export(estimator, folder / "export")


@pytest.fixture(scope="module")
def export_again(bench, tmp_path_factory):
    """Returns a function that exports one Estimator, unfinished: to an own folder each, the API waits a second otherwise."""
    folder = tmp_path_factory.mktemp("again")
    estimator = bench.estimator(MODEL, folder / "model")
    estimator.train(bench.input_fn, max_steps=2)
    numbers = itertools.count()
    return lambda: bench.export_unfinished(estimator, folder / str(next(numbers)))


@pytest.fixture(scope="module")
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
from tests.support import training
bench = training.bench(sys.argv[1], "toy.fruit", "custom_wide_deep", sys.argv[2])
estimator = bench.estimator()
estimator.train(bench.input_fn("train", True), max_steps=2)
gc.set_threshold(100, 5, 5)  # the collector also runs while TensorFlow holds the lock of a graph
for i in range(int(sys.argv[4])):
    estimator.export_saved_model(f"{sys.argv[2]}/exports/{i}", bench.receiver())
    gc.collect()
"""


@pytest.mark.slow
def test_fifty_exports_in_one_process_do_not_hang(materialised, toy, tmp_path):
    """In a process of its own: one that hangs inside TensorFlow holds the interpreter, too, and cannot be interrupted."""
    output = materialised(DATASET)
    done = subprocess.run(
        [sys.executable, "-c", FIFTY, output, tmp_path, str(HUNG_S), str(EXPORTS)],
        cwd=cli.ROOT, env=cli.environment(f"{cli.ROOT}{os.pathsep}{toy}"),
        capture_output=True, text=True, timeout=HUNG_S + 30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"after {len(list(tmp_path.glob('exports/*')))} exports: {done.stderr[-4000:]}"
    assert len(list(tmp_path.glob("exports/*/*/saved_model.pb"))) == EXPORTS


# Signatures.


def test_an_export_has_the_three_documented_signatures_and_those_of_its_heads(exported):
    model, saved_model = exported
    documented = {SERVING_DEFAULT, PREDICT_RAW, TRANSFORM_LABELS}
    assert signature_names(saved_model) == documented | HEADS[model]
    signatures = graph_of(saved_model).signature_def
    outputs = {PROBABILITY: ("float32", [None]), LABEL: ("int64", [None])}
    examples = {EXAMPLES: ("string", [None])}

    assert described(signatures[SERVING_DEFAULT].inputs) == examples
    assert described(signatures[SERVING_DEFAULT].outputs) == outputs
    assert described(signatures[PREDICT_RAW].inputs) == {
        "weight": ("float64", [None]),
        "size": ("float64", [None]),
        "colour": ("string", [None]),
        "crate": ("float64", [None]),
    }
    assert described(signatures[PREDICT_RAW].outputs) == outputs
    assert described(signatures[TRANSFORM_LABELS].inputs) == examples
    assert described(signatures[TRANSFORM_LABELS].outputs) == {"ripe": ("float32", [None, 1])}
    assert {signatures[name].method_name for name in documented} == {"tensorflow/serving/predict"}


@pytest.mark.parametrize("exported", QUICK, indirect=True)
def test_the_label_is_one_where_the_probability_is_above_one_half(exported):
    _, saved_model = exported
    rows = {
        "weight": tf.constant([60.0, 140.0, float("nan"), 100.0], tf.float64),
        "size": tf.constant([1.0, 9.0, 5.0, float("nan")], tf.float64),
        "colour": tf.constant(["green", "red", "", "blue"]),
        "crate": tf.constant([0.0, 3.0, float("nan"), 77.0], tf.float64),
    }
    served = tf.saved_model.load(saved_model).signatures[PREDICT_RAW](**rows)
    np.testing.assert_array_equal(served[LABEL], np.array(served[PROBABILITY]) > 0.5)


def test_finishing_changes_neither_the_graph_nor_the_variables(bench, export_again):
    saved_model = export_again()
    before = graph_of(saved_model)
    variables = {f.name: f.read_bytes() for f in Path(saved_model, "variables").iterdir()}
    export.finish(saved_model, bench.dataset)
    after = graph_of(saved_model)
    assert after.graph_def == before.graph_def
    assert after.collection_def == before.collection_def
    assert variables == {f.name: f.read_bytes() for f in Path(saved_model, "variables").iterdir()}
    assert after.signature_def[PREDICT_RAW] == before.signature_def["columns:serving_default"]


def test_finishing_twice_changes_nothing(bench, export_again):
    saved_model = export_again()
    export.finish(saved_model, bench.dataset)
    once = {f: f.read_bytes() for f in Path(saved_model).rglob("*") if f.is_file()}
    export.finish(saved_model, bench.dataset)
    assert {f: f.read_bytes() for f in Path(saved_model).rglob("*") if f.is_file()} == once


def test_a_saved_model_of_another_origin_is_not_finished(tmp_path):
    class Tiny(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def serve(self, examples):
            return {"probability": tf.zeros(tf.shape(examples))}

    tiny = Tiny()
    tf.saved_model.save(tiny, str(tmp_path), {"serving_default": tiny.serve, "other": tiny.serve})
    before = Path(tmp_path, "saved_model.pb").read_bytes()
    with pytest.raises(MissingPredictionError) as error:
        export.finish(str(tmp_path), PRICES)
    assert str(error.value).startswith(f"{tmp_path} has no signature 'columns:serving_default'. It has: ")
    assert "other, serving_default" in str(error.value)
    assert Path(tmp_path, "saved_model.pb").read_bytes() == before
    assert card.identity(str(tmp_path)) is None


@pytest.mark.parametrize(
    ("predictions", "named"),
    [('{"zeta": y, "score": y}', "score, zeta"), ("y", "nothing by name")],
    ids=["other names", "no name"],
)
def test_a_model_without_a_probability_is_told_what_it_predicts(bench, own, tmp_path, predictions, named):
    model = own(
        f"nameless_{len(named)}",
        f"""
        def search_space(hp):
            pass


        def build(dataset, hp, config):
            return tf.estimator.Estimator(model_fn, config=config)


        def model_fn(features, labels, mode):
            y = features["weight"] * tf.compat.v1.get_variable("w", [])
            head = tf.estimator.export.PredictOutput({{"y": y}})
            loss = None if labels is None else tf.reduce_mean(tf.square(y - tf.cast(labels, tf.float32)))
            step = tf.compat.v1.train.get_or_create_global_step().assign_add(1)
            return tf.estimator.EstimatorSpec(mode, {predictions}, loss, step, export_outputs={{"serving_default": head}})
        """,
    )
    estimator = bench.estimator(model, tmp_path / "model")
    estimator.train(bench.input_fn, max_steps=1)
    with pytest.raises(MissingPredictionError) as error:
        bench.export(estimator, tmp_path / "export")
    assert str(error.value) == (
        "A binary_classification is evaluated and served by predictions['logistic'] (trainer_module/heads says what that "
        f"is). This model predicts: {named}. In Keras, name the last layer 'logistic'."
    )


# Units and heads of a model's own.

# Its first value is the first one of the first feature, every further one half a unit more.
LINE = """
def search_space(hp):
    pass


def build(dataset, hp, config):
    params = {"feature": dataset.features[0].name, "classes": getattr(dataset.label, "classes", None), "n": dataset.label.width}
    return tf.estimator.Estimator(model_fn, config=config, params=params)


def model_fn(features, labels, mode, params):
    export = tf.estimator.export
    x = features[params["feature"]]
    step = tf.compat.v1.train.get_or_create_global_step().assign_add(1)
    if params["classes"]:
        scores = tf.concat([x * 0, x, -x], axis=1)
        predictions = {"probabilities": tf.nn.softmax(scores)}
        head = export.ClassificationOutput(scores=predictions["probabilities"])
        heads = {"serving_default": head, "classification": head}
    else:
        y = x[:, :1] + 0.5 * tf.range(params["n"], dtype=tf.float32)
        predictions = {"predictions": y}
        heads = {
            "regression": export.RegressionOutput(y if params["n"] > 1 else y[:, 0]),
            "predict": export.PredictOutput({"predictions": y}),
            "embedding": export.PredictOutput({"embedding": x, "predictions": y[:, 0]}),
        }
        heads["serving_default"] = heads["predict"]
    return tf.estimator.EstimatorSpec(mode, predictions, tf.reduce_sum(x), step, export_outputs=heads)
"""


@pytest.fixture(scope="module")
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


def examples(columns):
    """Serialised tf.Examples of the rows that `columns` hold; a value that is missing is left out, or NaN in a window."""
    made = []
    for row in zip(*columns.values(), strict=True):
        present = {name: value for name, value in zip(columns, row, strict=True) if value not in ("", NAN)}
        features = tf.train.Features(feature={name: feature(value) for name, value in present.items()})
        made.append(tf.train.Example(features=features).SerializeToString())
    return tf.constant(made, tf.string)


def feature(value):
    if isinstance(value, str):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
    if isinstance(value, int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
    return tf.train.Feature(float_list=tf.train.FloatList(value=value if isinstance(value, list) else [value]))


def raw(columns):
    """The same rows as `predict_raw` takes them."""
    return {k: tf.constant(v) if isinstance(v[0], str) else tf.constant(v, tf.float64) for k, v in columns.items()}


WINDOWS = {"level": [[100.0, NAN, 104.0], [NAN, 2.0, 1.0]], "rain": [[1.0, 1.0, 1.0], [NAN, NAN, NAN]]}
HOUSES = {"area": [5.0, 1.0, NAN], "street": ["a", "never heard of", "b"]}
SIZES = {"size": [3.0, 1.0, 2.0], "crate": [0, NAN, 9]}


def futures():
    """What LINE predicts for WINDOWS, in the units of the series."""
    levels = np.array(TRAINED_ON["levels"]["level"], float)
    unit = np.sqrt(np.mean((levels - levels[:, 2:]) ** 2))
    step = np.sqrt(np.mean((np.array(TRAINED_ON["levels"]["level_future"]) - levels[:, 2:]) ** 2))
    first, last = np.array([[100.0], [2.0]]), np.array([[104.0], [1.0]])
    return last + step * ((first - last) / unit + [[0, 0.5]])


def prices():
    """What LINE predicts for HOUSES: areas and logarithms of prices have the means 3 and 3, a missing area is the mean."""
    deviations = np.std([1, 3, 5]), np.std([0, 3, 6])
    return np.expm1(3 + (np.array([5, 1, 3]) - 3) / deviations[0] * deviations[1])


def test_a_window_is_an_input_of_its_length_and_a_forecast_an_output_of_its_own(served):
    signature = served["levels"][PREDICT_RAW]
    inputs = {name: (spec.dtype, spec.shape.as_list()) for name, spec in signature.structured_input_signature[1].items()}
    assert inputs == {"level": (tf.float64, [None, 3]), "rain": (tf.float64, [None, 3])}
    assert {name: spec.shape.as_list() for name, spec in signature.structured_outputs.items()} == {"prediction": [None, 2]}
    assert served["prices"][PREDICT_RAW].structured_outputs["prediction"].shape.as_list() == [None]


@pytest.mark.parametrize(("name", "columns", "expected"), [("levels", WINDOWS, futures()), ("prices", HOUSES, prices())])
def test_predictions_are_in_the_units_of_the_label(served, name, columns, expected):
    for answer in (
        served[name][SERVING_DEFAULT](examples=examples(columns)),
        served[name][PREDICT_RAW](**raw(columns)),
    ):
        assert set(answer) == {PREDICTION}
        np.testing.assert_allclose(answer[PREDICTION], expected, rtol=1e-5, atol=1e-5)


def test_classes_are_answered_as_the_data_writes_them(served):
    for answer in (
        served["kinds"][SERVING_DEFAULT](examples=examples(SIZES)),
        served["kinds"][PREDICT_RAW](**raw(SIZES)),
    ):
        assert answer[LABEL].numpy().tolist() == [b"pear", b"plum", b"apple"]
        assert answer[PROBABILITIES].shape == (3, 3)
        np.testing.assert_allclose(tf.reduce_sum(answer[PROBABILITIES], axis=1), 1, rtol=1e-6)


def test_a_models_own_heads_are_served_in_the_units_of_the_label_and_without_the_padding(served):
    for name, columns, expected in (("levels", WINDOWS, futures()), ("prices", HOUSES, prices()[:, np.newaxis])):
        signatures = served[name]
        assert set(signatures) == {
            SERVING_DEFAULT,
            PREDICT_RAW,
            TRANSFORM_LABELS,
            "regression",
            "predict",
            "embedding",
            "embedding_raw",
        }
        serialised = examples(columns)
        np.testing.assert_allclose(signatures["predict"](examples=serialised)["predictions"], expected, rtol=1e-5, atol=1e-5)
        regression = signatures["regression"](inputs=serialised)["outputs"]
        np.testing.assert_allclose(regression, expected if name == "levels" else expected[:, 0], rtol=1e-5, atol=1e-5)
        for embedding in (signatures["embedding"](examples=serialised), signatures["embedding_raw"](**raw(columns))):
            # A head of [batch] stays one; what is no prediction of the label stays as the model made it.
            np.testing.assert_allclose(embedding["predictions"], expected[:, 0], rtol=1e-5, atol=1e-5)
            assert embedding["embedding"].shape == (len(expected), 3 if name == "levels" else 1)
    np.testing.assert_allclose(embedding["embedding"], [[1.5**0.5], [-(1.5**0.5)], [0]], rtol=1e-5)


def test_a_classification_head_leaves_the_padding_out_too(served):
    scores = served["kinds"]["classification"](inputs=examples(SIZES))["scores"]
    answer = served["kinds"][SERVING_DEFAULT](examples=examples(SIZES))
    np.testing.assert_array_equal(scores, answer[PROBABILITIES])


def test_the_labels_signature_gives_label_and_weight_in_the_units_of_the_data(served):
    rows = WINDOWS | {"level_future": [[1.0, 2.0], [3.0, 4.0]], "copies": [0.5, NAN]}
    labels = served["levels"][TRANSFORM_LABELS](examples=examples(rows))
    assert {k: v.numpy().tolist() for k, v in labels.items()} == {"level_future": [[1, 2], [3, 4]], WEIGHT: [[0.5], [1]]}

    labels = served["prices"][TRANSFORM_LABELS](examples=examples(HOUSES | {"price": [7.0, NAN, -2.0]}))
    np.testing.assert_array_equal(labels["price"], [[7], [NAN], [-2]])
    assert set(labels) == {"price"}

    labels = served["kinds"][TRANSFORM_LABELS](examples=examples(SIZES | {"kind": ["plum", "cherry", ""]}))
    assert labels["kind"].numpy().tolist() == [[2], [-1], [-1]]


def test_serving_needs_neither_label_nor_weight(served):
    rows = WINDOWS | {"level_future": [[1.0, 2.0], [3.0, 4.0]], "copies": [0.5, 0.0]}
    with_them = served["levels"][SERVING_DEFAULT](examples=examples(rows))
    np.testing.assert_array_equal(
        with_them[PREDICTION], served["levels"][SERVING_DEFAULT](examples=examples(WINDOWS))[PREDICTION]
    )


@pytest.mark.parametrize("columns", [{"area": [1.0, 2.0], "street": ["a"]}, {"area": [1.0], "street": ["a", "b"]}])
def test_columns_of_different_lengths_are_refused(served, columns):
    with pytest.raises(tf.errors.InvalidArgumentError, match="The columns must have the same number of values: area, street"):
        served["prices"][PREDICT_RAW](**raw(columns))


# Rows without any value.


@pytest.mark.parametrize(
    ("name", "rows", "needed"),
    [
        ("levels", {"level": [[1.0, 2.0, 3.0], [NAN] * 3], "rain": [[1.0, 1.0, 1.0], [NAN] * 3]}, "level, rain"),
        ("prices", {"area": [1.0, NAN], "street": ["a", ""]}, "area, street"),
    ],
)
def test_a_batch_with_a_row_that_has_no_value_is_refused_by_the_names_of_the_columns(served, name, rows, needed):
    message = f"A row has no value at all. It needs at least one of: {needed}."
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        served[name][SERVING_DEFAULT](examples=examples(rows))
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        served[name][PREDICT_RAW](**raw(rows))
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        served[name][SERVING_DEFAULT](examples=tf.constant([b""]))


@pytest.mark.parametrize("name", ["levels", "prices", "kinds"])
def test_an_empty_batch_has_an_empty_answer(served, name):
    columns = {"levels": WINDOWS, "prices": HOUSES, "kinds": SIZES}[name]
    none = {k: v[:0] for k, v in raw(columns).items()}
    for answer in (
        served[name][SERVING_DEFAULT](examples=tf.constant([], tf.string)),
        served[name][PREDICT_RAW](**none),
    ):
        assert {output.shape[0] for output in answer.values()} == {0}


@pytest.mark.parametrize("exported", QUICK[:1], indirect=True)
def test_a_dataset_that_says_nothing_answers_a_row_without_any_value(exported):
    _, saved_model = exported
    signatures = tf.saved_model.load(saved_model).signatures
    answers = [
        signatures[SERVING_DEFAULT](examples=tf.constant([b""])),
        signatures[PREDICT_RAW](**raw({"weight": [NAN], "size": [NAN], "colour": [""], "crate": [NAN]})),
    ]
    probabilities = [float(answer[PROBABILITY]) for answer in answers]
    assert 0 < probabilities[0] < 1
    assert probabilities[0] == pytest.approx(probabilities[1])


# The card.


def test_the_card_says_what_a_model_was_trained_on(exported):
    _, saved_model = exported
    written = card.read(saved_model)
    assert (written.dataset, written.task, written.label) == (DATASET, "binary_classification", "ripe")
    assert written.columns == {
        "weight": "float32",
        "size": "float32",
        "colour": "string",
        "crate": "int64",
        "ripe": "int64",
    }
    assert written.id == card.identity(saved_model)


def test_two_exports_are_told_apart_and_a_copy_is_the_same(bench, export_again, tmp_path):
    one, two = export_again(), export_again()
    for saved_model in (one, two):
        assert card.read(saved_model) is None
        assert card.identity(saved_model) is None
        export.finish(saved_model, bench.dataset)
    assert card.identity(one) != card.identity(two)
    assert card.identity(shutil.copytree(one, tmp_path / "copy")) == card.identity(one)


# Starting from an export.


class Initial(tf.estimator.SessionRunHook):
    """Remembers the variables that a training begins with."""

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

    held = tf.train.load_checkpoint(str(Path(saved_model, "variables", "variables")))
    assert len(initial.values) >= 6
    for name, value in initial.values.items():
        np.testing.assert_array_equal(value, held.get_tensor(name), err_msg=name)
    assert warm.get_variable_value("global_step") == 1
