"""The training loop, with an Estimator of one weight: what counts as finished, and what is said on the way."""

import logging
import math
from pathlib import Path

import pytest
import tensorflow as tf

from trainer_module.training import loop, progress

NAN = float("nan")


def model_fn(features, labels, mode):
    weight = tf.compat.v1.get_variable("weight", [], initializer=tf.zeros_initializer())
    predictions = {"y": weight * features["x"]}
    if mode == tf.estimator.ModeKeys.PREDICT:
        outputs = {"serving_default": tf.estimator.export.PredictOutput(predictions)}
        return tf.estimator.EstimatorSpec(mode, predictions=predictions, export_outputs=outputs)
    loss = tf.compat.v1.losses.mean_squared_error(labels, predictions["y"])
    step = tf.compat.v1.train.get_or_create_global_step()
    train_op = tf.compat.v1.train.GradientDescentOptimizer(0.1).minimize(loss, global_step=step)
    return tf.estimator.EstimatorSpec(mode, predictions=predictions, loss=loss, train_op=train_op)


def rows(*, y=2.0, batches=None):
    """An input of the line y = 2 x, two rows a batch: for ever, or so many batches."""

    def input_fn():
        batch = ({"x": tf.constant([[1.0], [1.0]])}, tf.constant([[y], [y]]))
        return tf.data.Dataset.from_tensors(batch).repeat(batches)

    return input_fn


def receiver():
    x = tf.compat.v1.placeholder(tf.float32, [None, 1], "x")
    return tf.estimator.export.ServingInputReceiver({"x": x}, {"x": x})


def train(model_dir, steps, *, training=None, evaluation=None, eval_seconds=600, checkpoint_steps=1000):
    config = tf.estimator.RunConfig(
        model_dir=str(model_dir), tf_random_seed=1, save_checkpoints_steps=checkpoint_steps, log_step_count_steps=1000
    )
    return loop.train(
        tf.estimator.Estimator(model_fn, config=config),
        loop.Plan(steps=steps, eval_seconds=eval_seconds),
        training or rows(),
        evaluation or rows(batches=2),
        receiver,
    )


def exports(model_dir):
    return sorted(str(p) for p in Path(model_dir, "export", loop.EXPORTER).glob("*"))


@pytest.fixture
def said(caplog, monkeypatch):
    """Returns a function: the reports of the trainings so far. Every step is reported."""
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0)
    caplog.set_level(logging.INFO, progress.LOGGER.name)
    return lambda: [r for r in caplog.records if r.name == progress.LOGGER.name]


# Where a training begins and ends.


def test_a_training_goes_to_its_last_step_and_exports_once(tmp_path):
    trained = train(tmp_path, 5)
    assert (trained.steps, trained.resumed_from, trained.ended_by) == (5, 0, "steps")
    assert exports(tmp_path) == [trained.saved_model]
    assert trained.checkpoint == str(tmp_path / "model.ckpt-5")
    # Each step brings the weight a fifth of the way from where it is to 2: w = 2 (1 - 0.8^n), loss = (w - 2)^2.
    assert trained.metrics["loss"] == pytest.approx((2 * 0.8**5) ** 2, rel=1e-5)
    assert all(type(v) is float for v in trained.metrics.values())
    served = tf.saved_model.load(trained.saved_model).signatures["serving_default"](x=tf.constant([[1.0]]))
    assert served["y"].numpy().item() == pytest.approx(2 * (1 - 0.8**5), rel=1e-5)


def test_a_second_call_continues_where_the_first_ended(tmp_path):
    first = train(tmp_path, 3)
    second = train(tmp_path, 7)
    assert (second.steps, second.resumed_from) == (7, 3)
    assert second.metrics["loss"] == pytest.approx((2 * 0.8**7) ** 2, rel=1e-5)
    assert exports(tmp_path) == sorted([first.saved_model, second.saved_model])


def test_a_training_that_was_cut_off_continues_at_its_last_checkpoint(tmp_path):
    def failing():
        def fail_at_the_sixth(i, batch):
            with tf.control_dependencies([tf.debugging.assert_less(i, tf.constant(5, tf.int64))]):
                return tf.nest.map_structure(tf.identity, batch)

        return rows()().enumerate().map(fail_at_the_sixth)

    with pytest.raises(tf.errors.InvalidArgumentError):
        train(tmp_path, 10, training=failing, checkpoint_steps=2)
    trained = train(tmp_path, 10)
    assert (trained.steps, trained.resumed_from) == (10, 4)
    assert trained.metrics["loss"] == pytest.approx((2 * 0.8**10) ** 2, rel=1e-5)


def test_a_finished_training_called_again_trains_nothing_and_still_exports(tmp_path, said):
    first = train(tmp_path, 3)
    reports = len(said())
    again = train(tmp_path, 3)
    assert (again.steps, again.resumed_from, again.checkpoint) == (3, 3, first.checkpoint)
    assert again.metrics["loss"] == pytest.approx(first.metrics["loss"])
    assert again.saved_model != first.saved_model
    assert exports(tmp_path) == sorted([first.saved_model, again.saved_model])
    assert len(said()) == reports


def test_a_training_that_is_already_longer_than_asked_stays_as_it_is(tmp_path):
    train(tmp_path, 5)
    shorter = train(tmp_path, 3)
    assert (shorter.steps, shorter.resumed_from) == (5, 5)
    assert Path(shorter.saved_model).is_dir()


# Trainings that do not end as they should.


def test_an_input_that_runs_dry_says_how_far_it_came(tmp_path):
    with pytest.raises(loop.TrainingError, match=r"ended at step 4 of 10.*runs dry.*is the training split empty"):
        train(tmp_path, 10, training=rows(batches=4))


def test_an_input_without_rows_says_so(tmp_path):
    with pytest.raises(loop.TrainingError, match=r"ended at step 0 of 10"):
        train(tmp_path, 10, training=rows(batches=0))


def test_a_training_that_diverges_says_so(tmp_path):
    with pytest.raises(loop.TrainingError, match="diverged"):
        train(tmp_path, 10, training=rows(y=NAN))


def test_a_training_that_overflows_says_so(tmp_path):
    with pytest.raises(loop.TrainingError, match="diverged"):
        train(tmp_path, 10, training=rows(y=1e30))


def test_an_evaluation_whose_loss_is_not_finite_is_refused(tmp_path):
    with pytest.raises(loop.TrainingError, match=r"The loss is nan at step 3: the training has diverged"):
        train(tmp_path, 3, evaluation=rows(y=NAN, batches=2))


@pytest.mark.parametrize("found", [None, [], [None]])
def test_a_training_without_an_export_is_refused(tmp_path, monkeypatch, found):
    real = tf.estimator.train_and_evaluate
    monkeypatch.setattr(tf.estimator, "train_and_evaluate", lambda *args: (real(*args)[0], found))
    with pytest.raises(loop.TrainingError, match="reached step 2, but exported no SavedModel"):
        train(tmp_path, 2)


# What is said on the way.


def test_every_report_names_step_steps_loss_and_speed(tmp_path, said):
    train(tmp_path, 4)
    reports = [r.training for r in said()]
    # The step and the loss are those that a step begins with.
    assert [r["step"] for r in reports] == [0, 1, 2, 3]
    assert {r["steps"] for r in reports} == {4}
    assert [r["loss"] for r in reports] == pytest.approx([(2 * 0.8**i) ** 2 for i in range(4)], rel=1e-5)
    assert reports[0]["steps_per_second"] == 0
    assert all(0 < r["steps_per_second"] < math.inf for r in reports[1:])
    assert said()[0].getMessage() == "step 0/4, loss 4.0000, 0 steps/s"


def test_a_continued_training_reports_from_where_it_continues(tmp_path, said):
    train(tmp_path, 2)
    before = len(said())
    train(tmp_path, 5)
    assert [r.training["step"] for r in said()[before:]] == [2, 3, 4]


def test_reports_wait_for_their_time(tmp_path, said, monkeypatch):
    monkeypatch.setattr(progress, "EVERY_SECONDS", 1000)
    train(tmp_path, 4)
    assert said() == []


def test_the_step_that_does_not_report_fetches_nothing(monkeypatch):
    hook = progress.ProgressHook(10)
    with tf.Graph().as_default():
        step = tf.compat.v1.train.create_global_step()
        tf.compat.v1.losses.add_loss(tf.constant(1.5))
        hook.begin()
        with tf.compat.v1.Session() as session:
            session.run(step.initializer)
            hook.after_create_session(session, None)
            assert hook.before_run(None) is None
            monkeypatch.setattr(progress, "EVERY_SECONDS", 0)
            step_and_loss = session.run(hook.before_run(None).fetches)
    assert step_and_loss == [0, 1.5]
