"""A training that begins with the weights of another model: every kind of Estimator, and what is said about it."""

import numpy as np
import pytest
import tensorflow as tf

from tests.support import training
from trainer_module.estimators import build as estimators
from trainer_module.estimators import hyperparameters, warm_start
from trainer_module.estimators.warm_start import WarmStart

v1 = tf.compat.v1
# One of each kind: custom, canned, converted from Keras.
MODELS = ("custom_wide_deep", "canned_wide_deep", "keras_wide_deep")


def saved_model(path, **variables):
    """Writes the variables of a SavedModel; returns its folder."""
    (path / "variables").mkdir(parents=True)
    with tf.Graph().as_default(), v1.Session() as session:
        made = [v1.get_variable(name, initializer=np.float32(value)) for name, value in variables.items()]
        session.run([v.initializer for v in made])
        v1.train.Saver(made).save(session, str(path / "variables" / "variables"), write_meta_graph=False, write_state=False)
    return str(path)


def started(folder, **variables):
    """Starts variables (name -> first value) from a SavedModel; returns (values, WarmStartResult)."""
    with tf.Graph().as_default(), v1.Session() as session:
        v1.train.create_global_step()
        made = {name: v1.get_variable(name, initializer=np.float32(value)) for name, value in variables.items()}
        result = warm_start.initialise_from(folder)
        session.run(v1.global_variables_initializer())
        return {name: session.run(v) for name, v in made.items()}, result


def test_variables_of_the_same_name_and_shape_are_taken(tmp_path):
    base = saved_model(tmp_path, kernel=[1, 2, 3], bias=4, gone=5)
    values, result = started(base, kernel=[0, 0, 0], bias=[0, 0], new=6)
    assert values["kernel"].tolist() == [1, 2, 3]
    assert (values["bias"].tolist(), values["new"].tolist()) == ([0, 0], 6)
    assert result.taken == ["kernel"]
    assert result.not_taken == {"bias": "its shape is [2], there []", "new": "the other model has none of that name"}
    assert result.unused == ["gone"]


def test_what_was_taken_and_what_not_and_why_is_said_and_kept(tmp_path):
    base = saved_model(tmp_path / "base", kernel=[1, 2], gone=5)
    _, result = started(base, kernel=[0, 0], new=6)
    warm_start.report(result, WarmStart(base), str(tmp_path / "now"))
    assert warm_start.read_report(str(tmp_path / "now")) == (
        f"Warm start from {base}: 1 variables taken (kernel). Not taken: new (the other model has none of that name). "
        "Not in this model: gone."
    )


def test_a_vocabulary_that_has_changed_is_named(tmp_path):
    base = saved_model(tmp_path / "base", kernel=1)
    for place, words in (("base/assets", "a\nb\nc\n"), ("transform/transform_fn/assets", "a\nc\nb\nd\n")):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "colour").write_text(words)
    _, result = started(base, kernel=0)
    warm_start.report(result, WarmStart(base, str(tmp_path / "transform")), str(tmp_path))
    assert "colour has changed (3 of 4 ids)" in warm_start.read_report(str(tmp_path))


def test_of_a_model_of_which_nothing_fits_nothing_is_taken_and_that_is_said(tmp_path):
    base = saved_model(tmp_path / "base", other=1)
    values, result = started(base, kernel=0)
    assert (values, result.taken) == ({"kernel": 0}, [])
    warm_start.report(result, WarmStart(base), str(tmp_path / "now"))
    assert warm_start.read_report(str(tmp_path / "now")) == (
        f"Warm start from {base}: nothing fits, this training begins afresh. "
        "Not taken: kernel (the other model has none of that name). Not in this model: other."
    )


def test_workers_that_all_report_leave_one_whole_file(tmp_path):
    base = saved_model(tmp_path / "base", kernel=1)
    _, result = started(base, kernel=0)
    for _ in range(2):
        warm_start.report(result, WarmStart(base), str(tmp_path / "now"))
    assert [p.name for p in (tmp_path / "now").iterdir()] == ["warm_start.txt"]


def test_a_model_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(warm_start.WarmStartError, match="No weights can be read"):
        started(str(tmp_path / "none"), kernel=0)


@pytest.mark.parametrize("model", MODELS)
def test_every_kind_of_estimator_begins_where_another_ended(model, materialised, tmp_path):
    fruit = materialised("toy.fruit")
    first = training.bench(fruit, "toy.fruit", model, tmp_path / "first")
    base = first.train(20).saved_model
    second = training.bench(fruit, "toy.fruit", model, tmp_path / "second", seed=4)
    config = tf.estimator.RunConfig(model_dir=str(second.model_dir), tf_random_seed=4, save_checkpoints_steps=1000)
    warm = estimators.build(second.dataset, model, hyperparameters.resolve(model), config, start=WarmStart(base))
    warm.train(second.input_fn("train", True), max_steps=1, hooks=[at_the_start := Weights()])
    ended = training.weights(tmp_path / "first")
    assert at_the_start.values
    for name, value in at_the_start.values.items():
        assert np.array_equal(value, ended[name]), name
    said = warm_start.read_report(str(second.model_dir))
    assert f"{len(at_the_start.values)} variables taken" in said
    assert "Not taken" not in said
    # Once it has a checkpoint of its own, that one counts.
    warm.train(second.input_fn("train", True), max_steps=2, hooks=[later := Weights()])
    assert any(not np.array_equal(value, ended[name]) for name, value in later.values.items())


def test_a_training_whose_model_is_of_another_kind_than_the_champion_begins_afresh(materialised, tmp_path):
    fruit = materialised("toy.fruit")
    base = training.bench(fruit, "toy.fruit", "custom_wide_deep", tmp_path / "first").train(5).saved_model
    second = training.bench(fruit, "toy.fruit", "canned_linear", tmp_path / "second")
    config = tf.estimator.RunConfig(model_dir=str(second.model_dir), tf_random_seed=3, save_checkpoints_steps=1000)
    fresh = estimators.build(
        second.dataset, "canned_linear", hyperparameters.resolve("canned_linear"), config, start=WarmStart(base)
    )
    fresh.train(second.input_fn("train", True), max_steps=1)
    assert "nothing fits, this training begins afresh" in warm_start.read_report(str(second.model_dir))


class Weights(tf.estimator.SessionRunHook):
    """Notes the trainable variables before the first step."""

    def begin(self):
        self._variables = {v.op.name: v for v in v1.trainable_variables()}

    def after_create_session(self, session, coord):
        self.values = session.run(self._variables)
