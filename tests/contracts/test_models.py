"""What every model must do on every dataset. A new file in datasets/ or models/ is picked up here unedited."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma

from data import discovery
from pipeline.evaluation import eval_config
from tests import runs, trained
from trainer_module import export, metrics
from trainer_module.metrics import LOGISTIC
from trainer_module.models import NAME as MODELS

DATASETS = [*discovery.names(discovery.DATASETS), "toy.fruit"]
PAIRS = [(d, m) for d in DATASETS for m in discovery.names(MODELS)]

_benches = {}


@pytest.fixture(params=PAIRS, ids=lambda p: "-".join(p))
def pair(request, materialised, tmp_path_factory):
    """A model that has been trained for a few steps on a dataset and exported, once for all tests here."""
    dataset, model = request.param
    if request.param not in _benches:
        bench = trained.bench(materialised(dataset), dataset, model, tmp_path_factory.mktemp("model"))
        _benches[request.param] = bench, bench.train(steps=30)
    return _benches[request.param]


def examples(bench, rows=200):
    """Serialised raw examples of the evaluation split."""
    files = [str(f) for f in bench.raw_eval]
    return list(tf.data.TFRecordDataset(files, "GZIP").take(rows).as_numpy_iterator())


def raw_inputs(bench, serialised):
    """The same rows as named columns: what a REST client sends."""
    parsed = [tf.train.Example.FromString(s).features.feature for s in serialised]
    columns = {}
    for feature in bench.dataset.features:
        if feature.dtype == "string":
            values = [(p[feature.name].bytes_list.value or [b""])[0] for p in parsed]
            columns[feature.name] = tf.constant(values, tf.string)
        else:
            field = "int64_list" if feature.dtype == "int64" else "float_list"
            values = [(list(getattr(p[feature.name], field).value) or [math.nan])[0] for p in parsed]
            columns[feature.name] = tf.constant(values, tf.float64)
    return columns


def signatures(result):
    return tf.saved_model.load(result.saved_model).signatures


def test_every_signature_answers_alike_and_like_the_estimator(pair):
    bench, result = pair
    serialised = examples(bench)
    loaded = signatures(result)
    assert set(loaded) == {export.SERVING_DEFAULT, export.PREDICT_RAW, export.TRANSFORM_LABELS}
    served = loaded[export.SERVING_DEFAULT](examples=tf.constant(serialised))
    raw = loaded[export.PREDICT_RAW](**raw_inputs(bench, serialised))
    assert set(served) == set(raw) == {export.PROBABILITY, export.LABEL}
    np.testing.assert_allclose(served[export.PROBABILITY], raw[export.PROBABILITY], rtol=1e-6)
    np.testing.assert_array_equal(served[export.LABEL], raw[export.LABEL])

    estimator = bench.estimator()
    predicted = estimator.predict(bench.input_fn("eval", False), checkpoint_path=result.checkpoint)
    # Transform writes its examples in another order: compare the rows as sets.
    ours = sorted(float(p[LOGISTIC][0]) for p in predicted)
    everyone = loaded[export.SERVING_DEFAULT](examples=tf.constant(examples(bench, rows=-1)))[export.PROBABILITY]
    np.testing.assert_allclose(ours, np.sort(everyone.numpy()), rtol=1e-4)


THRESHOLDS = 200


def exact(config):
    """TFMA computes an AUC of N thresholds from a histogram; of listed ones it does so exactly, as Keras does, but slowly."""
    listed = [(i + 1) / (THRESHOLDS - 1) for i in range(THRESHOLDS - 2)]
    for metric in config.metrics_specs[0].metrics:
        if metric.class_name == "AUC":
            settings = json.loads(metric.config)
            del settings["num_thresholds"]
            metric.config = json.dumps(settings | {"thresholds": listed})
    return config


def test_tfma_says_what_the_estimator_says(pair, tmp_path, monkeypatch):
    bench, result = pair
    monkeypatch.setattr(metrics, "AUC_THRESHOLDS", THRESHOLDS)
    said = bench.estimator().evaluate(bench.input_fn("eval", False), checkpoint_path=result.checkpoint)
    config = tfma.utils.update_eval_config_with_defaults(
        exact(eval_config(bench.dataset)), has_baseline=False, rubber_stamp=True
    )
    model = tfma.default_eval_shared_model(result.saved_model, eval_config=config)
    evaluated = tfma.run_model_analysis(
        eval_config=config,
        eval_shared_model=model,
        data_location=str(bench.raw_eval[0].parent / "*"),
        output_path=str(tmp_path),
        schema=schema_of(bench),
    )
    ours = {k: v["doubleValue"] for k, v in evaluated.get_metrics_for_slice(()).items() if "doubleValue" in v}
    for name in ("auc", "auc_precision_recall", "binary_accuracy"):
        assert ours[name] == pytest.approx(float(said[name]), rel=1e-4), name


def schema_of(bench):
    from tfx.utils import io_utils

    folder = trained.artifact(bench.output, "SchemaGen", "schema")
    return io_utils.SchemaReader().read(f"{folder}/schema.pbtxt")


def test_labels_are_the_same_in_serving_and_in_training(pair):
    bench, result = pair
    label = bench.dataset.label.name
    served = signatures(result)[export.TRANSFORM_LABELS](examples=tf.constant(examples(bench, rows=-1)))[label]
    files = trained.artifact(bench.output, "Transform", "transformed_examples") + "/Split-eval/*"
    records = tf.data.TFRecordDataset(tf.io.gfile.glob(files), "GZIP")
    spec = {label: bench.transform.transformed_feature_spec()[label]}
    stored = [tf.io.parse_single_example(r, spec)[label].numpy() for r in records]
    assert sorted(np.ravel(served)) == sorted(np.ravel(stored))
    assert 0 < np.mean(stored) < 1


def test_the_loss_is_finite_and_falls(pair, tmp_path):
    bench, _ = pair
    estimator = trained.bench(bench.output, bench.dataset.name, bench.model, tmp_path).estimator()
    estimator.train(bench.input_fn("train", True), max_steps=2)
    first = estimator.evaluate(bench.input_fn("eval", False))["loss"]
    estimator.train(bench.input_fn("train", True), max_steps=60)
    later = estimator.evaluate(bench.input_fn("eval", False))["loss"]
    assert math.isfinite(first)
    assert later < first


def test_same_examples_and_seed_give_the_same_weights(pair, tmp_path):
    bench, result = pair
    again = trained.bench(bench.output, bench.dataset.name, bench.model, tmp_path)
    again.estimator().train(again.input_fn("train", True), max_steps=30)
    one, two = trained.weights(result.checkpoint), trained.weights(tmp_path)
    assert one.keys() == two.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


def test_another_seed_gives_other_weights(pair, tmp_path):
    bench, result = pair
    other = trained.bench(bench.output, bench.dataset.name, bench.model, tmp_path, seed=4)
    other.estimator().train(other.input_fn("train", True), max_steps=30)
    one, two = trained.weights(result.checkpoint), trained.weights(tmp_path)
    assert any(not np.array_equal(one[name], two[name]) for name in one if name != "global_step")


def test_prediction_builds_no_loss_and_no_optimizer(pair):
    bench, _ = pair
    with tf.Graph().as_default() as graph:
        tf.compat.v1.train.create_global_step()
        features, _ = tf.compat.v1.data.make_one_shot_iterator(bench.input_fn("eval", False)()).get_next()
        estimator = bench.estimator()
        spec = estimator.model_fn(features, None, tf.estimator.ModeKeys.PREDICT, estimator.config)
        names = [op.name.lower() for op in graph.get_operations()]
    assert spec.loss is None
    assert spec.train_op is None
    assert not [n for n in names if any(w in n for w in ("gradient", "adam", "ftrl"))]
    if not bench.model.startswith("keras"):  # model_to_estimator compiles its clone in every mode
        assert not [n for n in names if any(w in n for w in ("cross_entropy", "logistic_loss"))]


def test_a_batch_of_one_and_an_empty_batch_are_answered(pair):
    bench, result = pair
    loaded = signatures(result)
    for rows in (1, 0):
        serialised = examples(bench)[:rows]
        served = loaded[export.SERVING_DEFAULT](examples=tf.constant(serialised, tf.string))
        raw = loaded[export.PREDICT_RAW](**raw_inputs(bench, serialised))
        assert served[export.PROBABILITY].shape == raw[export.PROBABILITY].shape == (rows,)


def test_unknown_categories_and_missing_values_are_answered(pair):
    bench, result = pair
    raw = signatures(result)[export.PREDICT_RAW]
    strange, missing = {}, {}
    for feature in bench.dataset.features:
        text = feature.dtype == "string"
        strange[feature.name] = tf.constant(["never seen"]) if text else tf.constant([1e7], tf.float64)
        missing[feature.name] = tf.constant([""]) if text else tf.constant([math.nan], tf.float64)
    for columns in (strange, missing):
        probability = float(raw(**columns)[export.PROBABILITY][0])
        assert 0 <= probability <= 1
    nothing = signatures(result)[export.SERVING_DEFAULT](examples=tf.constant([b""]))
    np.testing.assert_allclose(nothing[export.PROBABILITY], raw(**missing)[export.PROBABILITY], rtol=1e-6)


def test_serving_needs_no_label(pair):
    bench, result = pair
    serving = signatures(result)[export.SERVING_DEFAULT]
    serialised = examples(bench, rows=20)
    bare = []
    for text in serialised:
        example = tf.train.Example.FromString(text)
        for column in {c for c, _ in bench.dataset.label.columns} - {f.name for f in bench.dataset.features}:
            example.features.feature.pop(column, None)
        bare.append(example.SerializeToString())
    with_labels = serving(examples=tf.constant(serialised))[export.PROBABILITY]
    np.testing.assert_array_equal(with_labels, serving(examples=tf.constant(bare))[export.PROBABILITY])


def test_a_fresh_process_that_knows_only_tensorflow_answers_alike(pair, tmp_path):
    bench, result = pair
    serialised = examples(bench, rows=5)
    (tmp_path / "rows").write_text(json.dumps([s.hex() for s in serialised]))
    code = (
        "import json, sys, tensorflow as tf\n"
        "rows = [bytes.fromhex(r) for r in json.load(open(sys.argv[2]))]\n"
        "served = tf.saved_model.load(sys.argv[1]).signatures['serving_default'](examples=tf.constant(rows))\n"
        "print(json.dumps(served['probability'].numpy().tolist()))\n"
        "assert not [m for m in sys.modules if m.split('.')[0] in ('tfx', 'trainer_module', 'data')]\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, result.saved_model, tmp_path / "rows"],
        capture_output=True, text=True, env=runs.environment(), cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    here = signatures(result)[export.SERVING_DEFAULT](examples=tf.constant(serialised))[export.PROBABILITY]
    np.testing.assert_allclose(json.loads(done.stdout.splitlines()[-1]), here, rtol=1e-6)
