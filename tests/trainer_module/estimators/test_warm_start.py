"""Warm start: a training of any kind of Estimator begins with the weights of another model, and reports which it took."""

import numpy as np
import pytest
import tensorflow as tf

from tests.support import training
from trainer_module.estimators import build as estimators
from trainer_module.estimators import hyperparameters, warm_start
from trainer_module.estimators.warm_start import WarmStart

v1 = tf.compat.v1
# One model of each kind: custom, canned, converted from Keras.
MODELS = ("custom_wide_deep", "canned_wide_deep", "keras_wide_deep")


def saved_model(path, **variables):
    """Writes the variables of a SavedModel. Returns its folder."""
    (path / "variables").mkdir(parents=True)
    with tf.Graph().as_default(), v1.Session() as session:
        created = [v1.get_variable(name, initializer=np.float32(value)) for name, value in variables.items()]
        session.run([v.initializer for v in created])
        v1.train.Saver(created).save(session, str(path / "variables" / "variables"), write_meta_graph=False, write_state=False)
    return str(path)


def start_from(folder, **variables):
    """Creates variables (name -> first value) and starts them from a SavedModel. Returns (values, WarmStartResult)."""
    with tf.Graph().as_default(), v1.Session() as session:
        v1.train.create_global_step()
        created = {name: v1.get_variable(name, initializer=np.float32(value)) for name, value in variables.items()}
        result = warm_start.initialise_from(folder)
        session.run(v1.global_variables_initializer())
        return {name: session.run(v) for name, v in created.items()}, result


def test_variables_of_the_same_name_and_shape_are_taken(tmp_path):
    base = saved_model(tmp_path, kernel=[1, 2, 3], bias=4, gone=5)
    values, result = start_from(base, kernel=[0, 0, 0], bias=[0, 0], new=6)
    assert values["kernel"].tolist() == [1, 2, 3]
    assert (values["bias"].tolist(), values["new"].tolist()) == ([0, 0], 6)
    assert result.taken == ["kernel"]
    assert result.not_taken == {
        "bias": "its shape is [2], in the other model []",
        "new": "the other model has no variable of that name",
    }
    assert result.unused == ["gone"]


def test_the_report_names_the_variables_taken_and_why_others_were_not(tmp_path):
    base = saved_model(tmp_path / "base", kernel=[1, 2], gone=5)
    _, result = start_from(base, kernel=[0, 0], new=6)
    warm_start.report(result, WarmStart(base), str(tmp_path / "now"))
    assert warm_start.read_report(str(tmp_path / "now")) == (
        f"Warm start from {base}: 1 variables taken (kernel). Not taken: new (the other model has no variable of that name). "
        "Not in this model: gone."
    )


def test_the_report_names_a_vocabulary_that_has_changed(tmp_path):
    base = saved_model(tmp_path / "base", kernel=1)
    for place, words in (("base/assets", "a\nb\nc\n"), ("transform/transform_fn/assets", "a\nc\nb\nd\n")):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "colour").write_text(words)
    _, result = start_from(base, kernel=0)
    warm_start.report(result, WarmStart(base, str(tmp_path / "transform")), str(tmp_path))
    assert "colour has changed (3 of 4 ids)" in warm_start.read_report(str(tmp_path))


def test_the_report_says_that_no_variable_fits(tmp_path):
    base = saved_model(tmp_path / "base", other=1)
    values, result = start_from(base, kernel=0)
    assert (values, result.taken) == ({"kernel": 0}, [])
    warm_start.report(result, WarmStart(base), str(tmp_path / "now"))
    assert warm_start.read_report(str(tmp_path / "now")) == (
        f"Warm start from {base}: no variable fits, so this training starts from new weights. "
        "Not taken: kernel (the other model has no variable of that name). Not in this model: other."
    )


def test_reports_of_several_workers_leave_one_complete_file(tmp_path):
    base = saved_model(tmp_path / "base", kernel=1)
    _, result = start_from(base, kernel=0)
    for _ in range(2):
        warm_start.report(result, WarmStart(base), str(tmp_path / "now"))
    assert [p.name for p in (tmp_path / "now").iterdir()] == ["warm_start.txt"]


def test_a_missing_model_is_refused(tmp_path):
    with pytest.raises(warm_start.WarmStartError, match="No weights can be read"):
        start_from(str(tmp_path / "none"), kernel=0)


@pytest.mark.parametrize("model", MODELS)
def test_every_kind_of_estimator_begins_with_the_last_weights_of_another(model, materialised, tmp_path):
    fruit = materialised("toy.fruit")
    first = training.bench(fruit, "toy.fruit", model, tmp_path / "first")
    base = first.train(20).saved_model
    second = training.bench(fruit, "toy.fruit", model, tmp_path / "second", seed=4)
    config = tf.estimator.RunConfig(model_dir=str(second.model_dir), tf_random_seed=4, save_checkpoints_steps=1000)
    warm = estimators.build(second.dataset, model, hyperparameters.resolve(model), config, start=WarmStart(base))
    warm.train(second.input_fn("train", True), max_steps=1, hooks=[at_the_start := Weights()])
    last_weights = training.weights(tmp_path / "first")
    assert at_the_start.values
    for name, value in at_the_start.values.items():
        assert np.array_equal(value, last_weights[name]), name
    report = warm_start.read_report(str(second.model_dir))
    assert f"{len(at_the_start.values)} variables taken" in report
    assert "Not taken" not in report
    # After its own first checkpoint the training continues from that.
    warm.train(second.input_fn("train", True), max_steps=2, hooks=[later := Weights()])
    assert any(not np.array_equal(value, last_weights[name]) for name, value in later.values.items())


def test_a_model_of_another_kind_than_the_champion_begins_with_new_weights(materialised, tmp_path):
    fruit = materialised("toy.fruit")
    base = training.bench(fruit, "toy.fruit", "custom_wide_deep", tmp_path / "first").train(5).saved_model
    second = training.bench(fruit, "toy.fruit", "canned_linear", tmp_path / "second")
    config = tf.estimator.RunConfig(model_dir=str(second.model_dir), tf_random_seed=3, save_checkpoints_steps=1000)
    fresh = estimators.build(
        second.dataset, "canned_linear", hyperparameters.resolve("canned_linear"), config, start=WarmStart(base)
    )
    fresh.train(second.input_fn("train", True), max_steps=1)
    assert "no variable fits, so this training starts from new weights" in warm_start.read_report(str(second.model_dir))


class Weights(tf.estimator.SessionRunHook):
    """Keeps the values of the trainable variables from before the first step."""

    def begin(self):
        self._variables = {v.op.name: v for v in v1.trainable_variables()}

    def after_create_session(self, session, coord):
        self.values = session.run(self._variables)
