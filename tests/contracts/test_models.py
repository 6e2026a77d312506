"""Every model fulfils the same contract on every dataset that it fits. New files in datasets/ and models/ are tested too."""

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma

from data import TASKS, Window, discovery
from pipeline import node_ids
from pipeline.evaluation import eval_config
from tests.support import cli, serving, toys, training
from trainer_module.estimators.compatibility import why_unfit
from trainer_module.heads import PREDICTION_KEYS, label_scale, metrics
from trainer_module.models import NAME as MODELS
from trainer_module.serving.signatures import LABEL, PREDICT_RAW, SERVED_PREDICTION, SERVING_DEFAULT, TRANSFORM_LABELS
from trainer_module.training.result import TrainingResult

# Pairs of toy dataset and model that differ little from another pair.
REPEATS = {("toy.surge", "lstm_forecaster"), ("toy.species", "canned_linear"), ("toy.species", "keras_wide_deep")}


def pairs():
    """Yields every (dataset, model) that fit.

    `make test` runs a toy of every task and every kind of Estimator, `make test-slow` runs all.
    """
    real = {name: discovery.dataset(name) for name in discovery.names(discovery.DATASETS)}
    for name, dataset in {**toys.DATASETS, **real}.items():
        for model in discovery.names(MODELS):
            if not why_unfit(dataset, model):
                marks = [pytest.mark.slow] if name in real or (name, model) in REPEATS else []
                yield pytest.param((name, model), id=f"{name}-{model}", marks=marks)


# Of an AUC, by the Estimator and by TFMA: with the usual number TFMA takes minutes if they are listed.
THRESHOLDS = 200


class Pair(NamedTuple):
    """A model that was trained for 30 steps on a dataset and exported.

    Attributes:
        bench: trains and evaluates the model.
        result: of the training.
        signatures: name -> Signature of the exported SavedModel.
    """

    bench: training.Bench
    result: TrainingResult
    signatures: Mapping[str, serving.Signature]


@pytest.fixture(scope="module", params=list(pairs()))
def pair(request, materialised, tmp_path_factory):
    """A trained Pair. Module scope makes pytest run all tests of one pair before the next pair is trained."""
    dataset, model = request.param
    bench = training.bench(materialised(dataset), dataset, model, tmp_path_factory.mktemp("model"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "AUC_THRESHOLDS", THRESHOLDS)
        result = bench.train(steps=30)
    with serving.signatures(result.saved_model) as signatures:
        yield Pair(bench, result, signatures)


def examples(bench, rows=200):
    """Returns up to `rows` serialised raw tf.Examples of the evaluation split; all with -1."""
    files = [str(f) for f in bench.raw_eval]
    return list(tf.data.TFRecordDataset(files, "GZIP").take(rows).as_numpy_iterator())


def raw_inputs(bench, serialised):
    """Returns the same rows as a REST client sends them: column name -> tensor."""
    parsed = [tf.train.Example.FromString(s).features.feature for s in serialised]
    columns = {}
    for feature in bench.dataset.features:
        if feature.dtype == "string":
            values = [(p[feature.name].bytes_list.value or [b""])[0] for p in parsed]
            columns[feature.name] = tf.constant(values, tf.string)
            continue
        width = feature.length if isinstance(feature, Window) else 1
        field = "int64_list" if feature.dtype == "int64" else "float_list"
        values = [list(getattr(p[feature.name], field).value) or [math.nan] * width for p in parsed]
        columns[feature.name] = tf.reshape(tf.constant(values, tf.float64), [-1, width] if width > 1 else [-1])
    return columns


def one_row(bench, number, text):
    """Returns one row in which every number is `number` and every text is `text`: column name -> tensor."""
    columns = {}
    for feature in bench.dataset.features:
        shape = [1, feature.length] if isinstance(feature, Window) else [1]
        columns[feature.name] = (
            tf.fill(shape, text) if feature.dtype == "string" else tf.fill(shape, tf.cast(number, tf.float64))
        )
    return columns


def test_all_signatures_predict_the_same_as_the_estimator(pair):
    bench, result, signatures = pair
    key = SERVED_PREDICTION[bench.dataset.task]
    serialised = examples(bench)
    assert set(signatures) >= {SERVING_DEFAULT, PREDICT_RAW, TRANSFORM_LABELS}
    served = signatures[SERVING_DEFAULT](examples=tf.constant(serialised))
    raw = signatures[PREDICT_RAW](**raw_inputs(bench, serialised))
    assert set(served) == set(raw)
    np.testing.assert_allclose(served[key], raw[key], rtol=1e-5)
    if LABEL in served:
        np.testing.assert_array_equal(served[LABEL], raw[LABEL])

    predicted = bench.estimator().predict(bench.input_fn("eval", False), checkpoint_path=result.checkpoint)
    # Transform writes its examples in another order: sort before the comparison.
    by_estimator = np.sort([float(p[PREDICTION_KEYS[bench.dataset.task]][0]) for p in predicted])
    by_signature = signatures[SERVING_DEFAULT](examples=tf.constant(examples(bench, rows=-1)))[key]
    np.testing.assert_allclose(by_estimator, np.sort(by_signature.reshape(len(by_signature), -1)[:, 0]), rtol=1e-4)


def test_every_signature_removes_the_padding_rows(pair):
    bench, _, signatures = pair
    serialised = examples(bench, rows=3)
    for name, signature in signatures.items():
        if name.endswith("_raw"):
            inputs = raw_inputs(bench, serialised)
        else:
            [key] = signature.inputs
            inputs = {key: tf.constant(serialised)}
        assert {output.shape[0] for output in signature(**inputs).values()} == {3}, name


def with_listed_thresholds(config):
    """Changes an EvalConfig so that TFMA computes the AUC exactly, as Keras does, and returns it.

    With a number of thresholds TFMA approximates the AUC by a histogram. With listed ones it is exact, but slow.
    """
    thresholds = [(i + 1) / (THRESHOLDS - 1) for i in range(THRESHOLDS - 2)]
    for metric in config.metrics_specs[0].metrics:
        if metric.class_name == "AUC":
            settings = json.loads(metric.config)
            del settings["num_thresholds"]
            metric.config = json.dumps(settings | {"thresholds": thresholds})
    return config


def test_tfma_computes_the_same_metrics_as_the_estimator(pair, tmp_path):
    bench, result, _ = pair
    config = tfma.utils.update_eval_config_with_defaults(
        with_listed_thresholds(eval_config(bench.dataset)), has_baseline=False, rubber_stamp=True
    )
    model = tfma.default_eval_shared_model(result.saved_model, eval_config=config)
    evaluated = tfma.run_model_analysis(
        eval_config=config,
        eval_shared_model=model,
        data_location=str(bench.raw_eval[0].parent / "*"),
        output_path=str(tmp_path),
        schema=schema_of(bench),
    )
    by_tfma = {k: v["doubleValue"] for k, v in evaluated.get_metrics_for_slice(()).items() if "doubleValue" in v}
    assert set(TASKS[bench.dataset.task].metrics) <= set(by_tfma)
    compared = set(by_tfma) & set(result.metrics)
    assert len(compared) >= 2
    for name in compared:
        assert by_tfma[name] == pytest.approx(float(result.metrics[name]), rel=1e-4), name


def schema_of(bench):
    """Returns the schema of the raw examples."""
    import tensorflow_data_validation as tfdv

    return tfdv.load_schema_text(training.artifact(bench.output, *node_ids.SCHEMA) + "/schema.pbtxt")


def test_labels_are_the_same_in_serving_and_in_training(pair):
    bench, _, signatures = pair
    label = bench.dataset.label.name
    served = signatures[TRANSFORM_LABELS](examples=tf.constant(examples(bench, rows=-1)))[label]
    files = training.artifact(bench.output, *node_ids.TRANSFORMED_EXAMPLES) + "/Split-eval/*"
    records = tf.data.TFRecordDataset(tf.io.gfile.glob(files), "GZIP")
    spec = {label: bench.transform.transformed_feature_spec()[label]}
    stored = [tf.io.parse_single_example(r, spec)[label].numpy() for r in records]
    assert served.shape == (len(stored), bench.dataset.label.width)
    np.testing.assert_allclose(np.sort(np.ravel(served)), np.sort(np.ravel(stored)), rtol=1e-6)
    assert np.std(stored) > 0


def test_the_loss_is_finite_and_falls(pair, tmp_path, monkeypatch):
    bench, result, _ = pair
    monkeypatch.setattr(metrics, "AUC_THRESHOLDS", THRESHOLDS)
    untrained = training.bench(bench.output, bench.dataset.name, bench.model, tmp_path).estimator()
    untrained.train(bench.input_fn("train", True), max_steps=1)
    first, later = untrained.evaluate(bench.input_fn("eval", False))["loss"], result.metrics["loss"]
    if later >= first:  # the pair's 30 steps are enough for most models only
        untrained.train(bench.input_fn("train", True), max_steps=150)
        later = untrained.evaluate(bench.input_fn("eval", False))["loss"]
    assert math.isfinite(first)
    assert later < first


def test_same_examples_and_seed_give_the_same_weights(pair, tmp_path):
    bench, result, _ = pair
    again = training.bench(bench.output, bench.dataset.name, bench.model, tmp_path)
    again.estimator().train(again.input_fn("train", True), max_steps=30)
    one, two = training.weights(result.checkpoint), training.weights(tmp_path)
    assert one.keys() == two.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


def test_another_seed_gives_other_weights(pair, tmp_path):
    bench, result, _ = pair
    other = training.bench(bench.output, bench.dataset.name, bench.model, tmp_path, seed=4)
    other.estimator().train(other.input_fn("train", True), max_steps=30)
    one, two = training.weights(result.checkpoint), training.weights(tmp_path)
    assert any(not np.array_equal(one[name], two[name]) for name in one if name != "global_step")


def test_prediction_builds_no_loss_and_no_optimizer(pair):
    bench, _, _ = pair
    estimator = bench.estimator()
    with tf.Graph().as_default() as graph:
        tf.compat.v1.train.create_global_step()
        features, _ = tf.compat.v1.data.make_one_shot_iterator(bench.input_fn("eval", False)()).get_next()
        spec = estimator.model_fn(features, None, tf.estimator.ModeKeys.PREDICT, estimator.config)
        names = [op.name.lower() for op in graph.get_operations()]
    assert spec.loss is None
    assert spec.train_op is None
    forbidden = ("gradient", "adam", "ftrl", "sgd", "rmsprop", "cross_entropy", "crossentropy", "logistic_loss", "loss")
    assert not [n for n in names if any(w in n for w in forbidden)]


def test_a_batch_of_one_row_and_an_empty_batch_get_predictions(pair):
    bench, _, signatures = pair
    key = SERVED_PREDICTION[bench.dataset.task]
    for rows in (1, 0):
        serialised = examples(bench)[:rows]
        served = signatures[SERVING_DEFAULT](examples=tf.constant(serialised, tf.string))
        raw = signatures[PREDICT_RAW](**raw_inputs(bench, serialised))
        assert served[key].shape == raw[key].shape
        assert served[key].shape[0] == rows


def test_unknown_categories_and_extreme_numbers_get_a_prediction(pair):
    bench, _, signatures = pair
    answer = signatures[PREDICT_RAW](**one_row(bench, 1e7, "never seen"))[SERVED_PREDICTION[bench.dataset.task]]
    if not label_scale.is_scaled(bench.dataset.label):
        assert np.all((answer >= 0) & (answer <= 1))
    assert answer.shape[0] == 1


def test_an_empty_row_is_predicted_or_refused_as_the_dataset_declares(pair):
    bench, _, signatures = pair
    key = SERVED_PREDICTION[bench.dataset.task]
    if bench.dataset.empty_row == "refuse":
        with pytest.raises(tf.errors.InvalidArgumentError, match="no value at all"):
            signatures[PREDICT_RAW](**one_row(bench, math.nan, ""))
        with pytest.raises(tf.errors.InvalidArgumentError, match="no value at all"):
            signatures[SERVING_DEFAULT](examples=tf.constant([b""]))
        return
    missing = signatures[PREDICT_RAW](**one_row(bench, math.nan, ""))[key]
    assert np.all(np.isfinite(missing))
    empty = signatures[SERVING_DEFAULT](examples=tf.constant([b""]))[key]
    np.testing.assert_allclose(empty, missing, rtol=1e-6)


def test_serving_needs_no_label_and_no_weight(pair):
    bench, _, signatures = pair
    key, predict = SERVED_PREDICTION[bench.dataset.task], signatures[SERVING_DEFAULT]
    serialised = examples(bench, rows=20)
    features_only = []
    for text in serialised:
        example = tf.train.Example.FromString(text)
        for column in set(example.features.feature) - {f.name for f in bench.dataset.features}:
            del example.features.feature[column]
        features_only.append(example.SerializeToString())
    with_label, without_label = (predict(examples=tf.constant(rows))[key] for rows in (serialised, features_only))
    np.testing.assert_array_equal(with_label, without_label)


# Reads JSON lines [SavedModel, file of rows, output name]. Prints for each a JSON line: the imported packages of this project
# and TFX, then the output for the rows as examples, then as columns.
CLIENT = """
import json, sys, tensorflow as tf
for line in sys.stdin:
    saved_model, file, key = json.loads(line)
    with open(file) as rows:
        serialised, raw = json.load(rows)
    signatures = tf.saved_model.load(saved_model).signatures
    one = signatures['serving_default'](examples=tf.constant([bytes.fromhex(row) for row in serialised]))
    two = signatures['predict_raw'](**{name: tf.constant(values, dtype) for name, (dtype, values) in raw.items()})
    packages = sorted({module.split('.')[0] for module in sys.modules} & {'tfx', 'trainer_module', 'data'})
    print(json.dumps([packages, *(answer[key].numpy().tolist() for answer in (one, two))]), flush=True)
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A process with only TensorFlow. Returns a function: (SavedModel, rows, output name) -> the line that CLIENT prints."""
    folder = tmp_path_factory.mktemp("client")
    with (
        (folder / "errors").open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-c", CLIENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
            env=cli.environment(), cwd=folder,
        ) as process,
    ):  # fmt: skip

        def request(saved_model, rows, key):
            """Sends a request to the process and returns its answer. `rows`: [serialised rows in hex, columns]."""
            (folder / "rows").write_text(json.dumps(rows))
            process.stdin.write(json.dumps([saved_model, str(folder / "rows"), key]) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            assert line, (folder / "errors").read_text()
            return json.loads(line)

        yield request
        process.stdin.close()


def test_a_process_with_only_tensorflow_predicts_the_same(pair, client):
    bench, result, signatures = pair
    key, serialised = SERVED_PREDICTION[bench.dataset.task], examples(bench, rows=5)
    raw = {
        name: (v.dtype.name, v.numpy().astype(str if v.dtype == tf.string else float).tolist())
        for name, v in raw_inputs(bench, serialised).items()
    }
    imported, *answers = client(result.saved_model, [[s.hex() for s in serialised], raw], key)
    assert imported == []
    expected = signatures[SERVING_DEFAULT](examples=tf.constant(serialised))[key]
    assert len(answers) == 2
    for answer in answers:
        np.testing.assert_allclose(answer, expected, rtol=1e-5)
