"""The summaries that a training writes for TensorBoard, in event files of real trainings and in graphs with one weight."""

import collections
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from data import BinaryLabel, Bucketized, Categorical, Dataset, Numeric, metric_names
from trainer_module.estimators import build as estimators
from trainer_module.estimators import hyperparameters, summaries

FRUIT = Dataset(
    name="fruit",
    sample="fruit.csv",
    features=(Numeric("weight"), Bucketized("size", buckets=3), Categorical("crate", size=2)),
    label=BinaryLabel("ripe"),
)
# One model of each kind: a custom model_fn, a canned Estimator, a converted Keras model.
MODELS = ("custom_wide_deep", "canned_wide_deep", "keras_wide_deep")
SMALL = {"hidden_units": "32", "embedding_dim": 2, "learning_rate": 0.004}


def rows():
    """Endless batches of eight fruit."""
    features = {f.name: tf.constant([[i % f.cardinality] for i in range(8)], tf.int64) for f in FRUIT.categorical}
    weight = tf.constant([[i / 4 - 1] for i in range(8)], tf.float32)
    return tf.data.Dataset.from_tensors(({"weight": weight, **features}, tf.constant([[i > 3] for i in range(8)]))).repeat()


def train(model, folder, *, every, histograms=False):
    """Trains three steps. Returns the Estimator."""
    config = tf.estimator.RunConfig(
        model_dir=str(folder), tf_random_seed=5, save_checkpoints_steps=1000, save_summary_steps=every, log_step_count_steps=1
    )
    hp = hyperparameters.resolve(model, SMALL)
    estimator = estimators.build(FRUIT, model, hp, config, histograms=histograms)
    return estimator.train(rows, max_steps=3)


def events(folder):
    """The summaries in a folder: tag -> values, in the order of the steps."""
    values_of = collections.defaultdict(list)
    for file in sorted(folder.glob("*.tfevents.*")):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                values_of[value.tag].append(value.simple_value if value.HasField("simple_value") else value.histo)
    return dict(values_of)


@pytest.fixture(scope="module", params=MODELS)
def written(request, tmp_path_factory):
    """A training with all summaries: name of the model, its Estimator, values by tag."""
    folder = tmp_path_factory.mktemp("summaries")
    estimator = train(request.param, folder, every=1, histograms=True)
    return request.param, estimator, events(folder)


def test_every_kind_of_estimator_writes_loss_gradient_norm_and_learning_rate(written):
    model, _, tags = written
    rate = "learning_rate/Adam" if model == "canned_wide_deep" else "learning_rate"
    assert tags[rate] == pytest.approx([0.004] * 3)
    assert "loss_1" not in tags
    for name in ("loss", "gradient_norm"):
        assert len(tags[name]) == 3, name
        assert np.all(np.isfinite(tags[name])), name
        assert np.all(np.array(tags[name]) > 0), name
    assert "global_step/sec" in tags


def test_each_of_two_optimizers_has_its_learning_rate(written):
    model, _, tags = written
    rates = {tag: values[0] for tag, values in tags.items() if tag.startswith("learning_rate")}
    if model == "canned_wide_deep":
        assert rates == pytest.approx({"learning_rate/Adam": 0.004, "learning_rate/Ftrl": 0.02})
    else:
        assert list(rates) == ["learning_rate"]


def test_histograms_cover_every_weight_and_its_gradient(written):
    _, estimator, tags = written
    with tf.Graph().as_default():
        tf.compat.v1.train.create_global_step()
        features, labels = tf.compat.v1.data.make_one_shot_iterator(rows()).get_next()
        estimator.model_fn(features, labels, tf.estimator.ModeKeys.TRAIN, estimator.config)
        variables = {v.op.name: v for v in tf.compat.v1.trainable_variables()}
    assert variables
    for kind in ("weights", "gradients"):
        assert {t.removeprefix(f"{kind}/") for t in tags if t.startswith(f"{kind}/")} == variables.keys()
    for name, variable in variables.items():
        assert tags[f"weights/{name}"][0].num == variable.shape.num_elements(), name


def test_an_evaluation_writes_the_metrics_of_the_task(written):
    _, estimator, _ = written
    metrics = estimator.evaluate(rows, steps=1)
    scalars = events(Path(estimator.model_dir) / "eval")
    assert scalars[metric_names.AUC] == pytest.approx([metrics[metric_names.AUC]])
    assert scalars["loss"] == pytest.approx([metrics["loss"]])


def test_summaries_do_not_change_the_weights(written, tmp_path):
    model, estimator, _ = written
    plain = train(model, tmp_path, every=0)
    assert not [t for t in events(tmp_path) if t.startswith(("gradient", "weights", "learning_rate"))]
    assert estimator.get_variable_names() == plain.get_variable_names()
    for name in estimator.get_variable_names():
        np.testing.assert_array_equal(estimator.get_variable_value(name), plain.get_variable_value(name), err_msg=name)


def test_histograms_of_weights_are_off_by_default(tmp_path):
    train("custom_wide_deep", tmp_path, every=1)
    tags = events(tmp_path)
    assert {"loss", "gradient_norm", "learning_rate"} <= tags.keys()
    assert not [t for t in tags if t.startswith(("weights", "gradients"))]


# Graphs with one weight.


@pytest.fixture
def graph():
    with tf.Graph().as_default() as graph:
        tf.compat.v1.train.create_global_step()
        yield graph


def variable(value):
    return tf.compat.v1.get_variable("w", initializer=tf.constant(value))


def values():
    """The summaries of the current graph before its first step: tag -> value."""
    with tf.compat.v1.Session() as session:
        session.run(tf.compat.v1.global_variables_initializer())
        summary = tf.compat.v1.Summary.FromString(session.run(tf.compat.v1.summary.merge_all()))
    return {v.tag: v.simple_value if v.HasField("simple_value") else v.histo for v in summary.value}


V1 = tf.compat.v1.train
LEGACY = tf.keras.optimizers.legacy


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: V1.GradientDescentOptimizer(0.25),
        lambda: V1.AdamOptimizer(0.25),
        lambda: V1.AdagradOptimizer(0.25),
        lambda: V1.FtrlOptimizer(0.25),
        lambda: V1.RMSPropOptimizer(0.25),
        lambda: V1.MomentumOptimizer(0.25, 0.9),
        lambda: V1.GradientDescentOptimizer(V1.exponential_decay(0.5, V1.get_global_step() + 1, 1, 0.5)),
        lambda: LEGACY.SGD(0.25),
        lambda: LEGACY.Adam(0.25),
        lambda: LEGACY.RMSprop(0.25),
        lambda: LEGACY.Ftrl(0.25),
        lambda: LEGACY.Adam(tf.keras.optimizers.schedules.PiecewiseConstantDecay([5], [0.25, 0.1])),
    ],
)
def test_the_learning_rate_is_found_for_every_optimizer(graph, optimizer):
    weight = variable(0.0)
    loss = tf.math.squared_difference(weight, 2.0)
    instance = optimizer()
    if isinstance(instance, V1.Optimizer):
        instance.minimize(loss, global_step=V1.get_global_step())
    else:
        instance.iterations = V1.get_global_step()
        instance.get_updates(loss, [weight])
    summaries.write(loss, histograms=False)
    assert values() == pytest.approx({"loss": 4.0, "learning_rate": 0.25, "gradient_norm": 4.0})


def test_a_learning_rate_summary_of_the_model_itself_stays_the_only_one(graph):
    weight = variable(0.0)
    loss = tf.math.squared_difference(weight, 2.0)
    V1.GradientDescentOptimizer(0.25).minimize(loss)
    tf.compat.v1.summary.scalar("learning_rate", 7.0)
    summaries.write(loss, histograms=False)
    assert {t: v for t, v in values().items() if "learning" in t} == {"learning_rate": 7.0}


def test_the_gradients_of_a_row_that_occurs_twice_add_up(graph):
    table = variable([[0.0], [0.0], [0.0]])
    loss = 3.0 * tf.reduce_sum(tf.gather(table, [0, 0, 2])) + 8.0 * tf.reduce_sum(tf.gather(table, [2]))
    summaries.write(loss, histograms=True)
    summary = values()
    assert summary["gradient_norm"] == pytest.approx((6.0**2 + 11.0**2) ** 0.5)
    assert summary["gradients/w"].num == 2  # rows that are not in the batch are left out
    assert summary["gradients/w"].sum == pytest.approx(17.0)


def test_a_model_without_gradients_has_no_gradient_summaries(graph):
    weight = variable(0.0)
    unused = tf.compat.v1.get_variable("unused", initializer=1.0)
    assert unused is not None
    loss = tf.cast(tf.raw_ops.PopulationCount(x=tf.cast(weight, tf.int32)), tf.float32)
    summaries.write(loss, histograms=True)
    assert set(values()) == {"loss", "weights/w", "weights/unused"}


def test_a_gradient_that_is_not_a_number_does_not_break_the_step(graph):
    weight = variable([0.0, 4.0])
    summaries.write(tf.reduce_sum(tf.sqrt(weight) * 0.0 / 0.0), histograms=True)
    summary = values()
    assert np.isnan(summary["gradient_norm"])
    assert (summary["gradients/w"].num, summary["weights/w"].num) == (0, 2)
