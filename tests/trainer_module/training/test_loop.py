"""The training loop, with an Estimator that has one weight: when it ends, which model it exports, what it reports."""

import json
import logging
import shutil
import time
from pathlib import Path

import pytest
import tensorflow as tf

from data import metric_names
from tests.support.toy_estimator import NAN, checkpoints, estimator, exports, rows, served_weight, training, weight
from trainer_module.checkpoints import evaluations
from trainer_module.training import cadence, loop, progress
from trainer_module.training.result import TrainingError


def train(model_dir, steps, **options):
    return loop.train(training(model_dir, steps, **options))


def train_evaluating_often(model_dir, steps, **settings):
    """Trains with a checkpoint and an evaluation at every step. Step 3 is the best, because the labels differ:
    they are 2 in the training rows and 1 in the evaluation rows.

    The weights after each step: 0.40 0.72 0.98 1.18 1.34 1.48 1.58 1.66; their evaluation losses are (w - 1)^2.
    """
    settings = {"eval_rows": rows(y=1.0, batches=2), "eval_seconds": 0, "checkpoint_steps": 1, "keep": 2} | settings
    return train(model_dir, steps, **settings)


def read_record(model_dir):
    return json.loads(Path(model_dir, evaluations.FILE).read_text())


def never():
    """The input of a training that must not take a step."""
    raise AssertionError("This training reads its rows.")


# The first and the last step of a training.


def test_a_training_goes_to_its_last_step_and_exports_once(tmp_path):
    trained = train(tmp_path, 5)
    assert (trained.steps, trained.resumed_from, trained.ended_by) == (5, 0, "steps")
    assert exports(tmp_path) == [trained.saved_model]
    assert trained.checkpoint == str(tmp_path / "best" / "model.ckpt-5")
    assert trained.metrics["loss"] == pytest.approx((weight(5) - 2) ** 2, rel=1e-5)
    assert all(type(v) is float for v in trained.metrics.values())
    assert served_weight(trained) == pytest.approx(weight(5), rel=1e-5)


def test_a_second_call_continues_where_the_first_ended(tmp_path):
    first = train(tmp_path, 3)
    second = train(tmp_path, 7)
    assert (second.steps, second.resumed_from) == (7, 3)
    assert second.metrics["loss"] == pytest.approx((2 * 0.8**7) ** 2, rel=1e-5)
    assert exports(tmp_path) == sorted([first.saved_model, second.saved_model])


def test_a_training_that_was_cut_off_continues_from_its_last_checkpoint(tmp_path):
    def failing():
        def fail_at_the_sixth(i, batch):
            with tf.control_dependencies([tf.debugging.assert_less(i, tf.constant(5, tf.int64))]):
                return tf.nest.map_structure(tf.identity, batch)

        return rows()().enumerate().map(fail_at_the_sixth)

    with pytest.raises(tf.errors.InvalidArgumentError):
        train(tmp_path, 10, train_rows=failing, checkpoint_steps=2)
    trained = train(tmp_path, 10)
    assert (trained.steps, trained.resumed_from) == (10, 4)
    assert trained.metrics["loss"] == pytest.approx((2 * 0.8**10) ** 2, rel=1e-5)


def test_a_finished_training_that_is_called_again_takes_no_step_and_returns_the_same_model(tmp_path):
    first = train(tmp_path, 3)
    again = train(tmp_path, 3, train_rows=never)
    assert (again.steps, again.resumed_from) == (3, 3)
    assert (again.checkpoint, again.saved_model, again.metrics) == (first.checkpoint, first.saved_model, first.metrics)
    assert exports(tmp_path) == [first.saved_model]


def test_a_training_with_more_steps_than_requested_stays_as_it_is(tmp_path):
    train(tmp_path, 5)
    shorter = train(tmp_path, 3)
    assert (shorter.steps, shorter.resumed_from) == (5, 5)
    assert Path(shorter.saved_model).is_dir()


# Trainings that fail.


def test_the_error_for_an_input_that_ends_too_early_names_the_step(tmp_path):
    with pytest.raises(TrainingError, match=r"ended at step 4 of 10.*no more rows.*is the training split empty"):
        train(tmp_path, 10, train_rows=rows(batches=4))


def test_an_input_without_rows_is_an_error_at_step_0(tmp_path):
    with pytest.raises(TrainingError, match=r"ended at step 0 of 10"):
        train(tmp_path, 10, train_rows=rows(batches=0))


def test_a_training_with_a_nan_loss_has_diverged(tmp_path):
    with pytest.raises(TrainingError, match="diverged"):
        train(tmp_path, 10, train_rows=rows(y=NAN))


def test_a_training_that_overflows_has_diverged(tmp_path):
    with pytest.raises(TrainingError, match="diverged"):
        train(tmp_path, 10, train_rows=rows(y=1e30))


def test_an_evaluation_whose_loss_is_not_finite_is_refused(tmp_path):
    with pytest.raises(TrainingError, match=r"The loss is nan at step 3: the training has diverged"):
        train(tmp_path, 3, eval_rows=rows(y=NAN, batches=2))


# Which model is exported.


def test_the_best_model_is_exported_and_not_the_last(tmp_path):
    trained = train_evaluating_often(tmp_path, 8)
    assert (trained.steps, trained.best_step, trained.ended_by) == (8, 3, "steps")
    assert trained.metrics["loss"] == pytest.approx((weight(3) - 1) ** 2, rel=1e-4)
    assert served_weight(trained) == pytest.approx(weight(3), rel=1e-5)


def test_the_checkpoint_of_the_best_model_is_kept_and_evaluates_to_its_metrics(tmp_path):
    trained = train_evaluating_often(tmp_path, 8)
    assert checkpoints(tmp_path) == ["model.ckpt-7", "model.ckpt-8"]
    assert checkpoints(tmp_path / "best") == ["model.ckpt-3"]
    assert trained.checkpoint == str(tmp_path / "best" / "model.ckpt-3") == tf.train.latest_checkpoint(tmp_path / "best")
    metrics = estimator(tmp_path).evaluate(rows(y=1.0, batches=2), checkpoint_path=trained.checkpoint)
    assert metrics == trained.metrics


@pytest.mark.parametrize(("direction", "best"), [("higher", 5), ("lower", 1)])
def test_the_direction_of_the_metric_decides_what_is_better(tmp_path, direction, best):
    trained = train_evaluating_often(tmp_path, 5, best="weight", direction=direction)
    assert trained.best_step == best
    assert served_weight(trained) == pytest.approx(weight(best), rel=1e-5)


def test_an_evaluation_whose_metric_is_nan_is_never_the_best(tmp_path):
    trained = train_evaluating_often(tmp_path, 5, best="small", direction="higher")  # `small` is NaN from step 4 on
    assert trained.best_step == 3


def test_a_restart_keeps_the_best_evaluation(tmp_path):
    first = train_evaluating_often(tmp_path, 5)
    before = exports(tmp_path)
    second = train_evaluating_often(tmp_path, 8)  # every evaluation here is worse
    assert (second.resumed_from, second.steps, second.best_step) == (5, 8, 3)
    assert (second.saved_model, second.checkpoint, second.metrics) == (first.saved_model, first.checkpoint, first.metrics)
    assert exports(tmp_path) == before


def test_a_restart_can_find_a_better_evaluation(tmp_path):
    assert train_evaluating_often(tmp_path, 2).best_step == 2
    second = train_evaluating_often(tmp_path, 5)
    assert second.best_step == 3
    assert served_weight(second) == pytest.approx(weight(3), rel=1e-5)


def test_the_best_model_of_a_finished_training_is_exported_again_if_its_export_is_missing(tmp_path):
    first = train_evaluating_often(tmp_path, 6)
    shutil.rmtree(tmp_path / "export")
    again = train_evaluating_often(tmp_path, 6)
    assert (again.resumed_from, again.checkpoint, again.metrics) == (6, first.checkpoint, first.metrics)
    assert exports(tmp_path) == [again.saved_model]
    assert served_weight(again) == pytest.approx(weight(3), rel=1e-5)
    assert train_evaluating_often(tmp_path, 6).saved_model == again.saved_model


def test_a_last_checkpoint_without_evaluation_is_evaluated_by_the_next_call(tmp_path):
    train_evaluating_often(tmp_path, 2)
    estimator(tmp_path, checkpoint_steps=1).train(rows(), max_steps=3)
    trained = train_evaluating_often(tmp_path, 3)
    assert (trained.resumed_from, trained.best_step) == (3, 3)
    assert served_weight(trained) == pytest.approx(weight(3), rel=1e-5)


def test_an_earlier_checkpoint_without_evaluation_is_evaluated_before_the_training_continues(tmp_path):
    train_evaluating_often(tmp_path, 2)
    before = (tmp_path / evaluations.FILE).read_text()
    train_evaluating_often(tmp_path, 3)  # the best step
    (tmp_path / evaluations.FILE).write_text(before)  # as after a kill between saving and evaluating
    trained = train_evaluating_often(tmp_path, 6)
    assert (trained.steps, trained.resumed_from, trained.best_step) == (6, 3, 3)


def test_a_training_that_starts_at_step_0_ignores_earlier_evaluations_in_its_folder(tmp_path):
    train_evaluating_often(tmp_path, 4)
    for file in tmp_path.glob("*ckpt*"):
        file.unlink()
    (tmp_path / "checkpoint").unlink()
    trained = train_evaluating_often(tmp_path, 1)
    assert (trained.resumed_from, trained.best_step) == (0, 1)
    assert checkpoints(tmp_path / "best") == ["model.ckpt-1"]


def test_a_training_continues_after_its_folder_was_moved(tmp_path):
    train_evaluating_often(tmp_path / "here", 5)
    (tmp_path / "here").rename(tmp_path / "there")
    moved = train_evaluating_often(tmp_path / "there", 5)
    assert moved.checkpoint == str(tmp_path / "there" / "best" / "model.ckpt-3")
    assert moved.saved_model in exports(tmp_path / "there")


def test_export_latest_exports_at_every_evaluation_and_returns_the_last_model(tmp_path):
    trained = train_evaluating_often(tmp_path, 4, export="latest")
    assert (trained.steps, trained.best_step) == (4, 3)
    assert trained.checkpoint == str(tmp_path / "model.ckpt-4")
    assert trained.metrics["loss"] == pytest.approx((weight(4) - 1) ** 2, rel=1e-4)
    assert served_weight(trained) == pytest.approx(weight(4), rel=1e-5)
    assert len(exports(tmp_path, "latest")) == 2  # as many as checkpoints
    assert trained.saved_model == exports(tmp_path, "latest")[-1]


def test_export_final_exports_once_and_returns_the_last_model(tmp_path):
    trained = train_evaluating_often(tmp_path, 4, export="final")
    assert (trained.checkpoint, trained.best_step) == (str(tmp_path / "model.ckpt-4"), 3)
    assert served_weight(trained) == pytest.approx(weight(4), rel=1e-5)
    assert exports(tmp_path, "final") == [trained.saved_model]
    assert train_evaluating_often(tmp_path, 4, export="final").saved_model == trained.saved_model


def test_export_final_also_exports_a_training_that_the_stop_rule_ended(tmp_path):
    trained = train_evaluating_often(tmp_path, 8, export="final", patience=2)
    assert trained.steps == 5
    assert exports(tmp_path, "final") == [trained.saved_model]
    assert served_weight(trained) == pytest.approx(weight(5), rel=1e-5)


def test_another_export_setting_exports_a_finished_training_without_a_step(tmp_path):
    train_evaluating_often(tmp_path, 5, export="final")
    best = train_evaluating_often(tmp_path, 5)
    assert (best.resumed_from, best.checkpoint) == (5, str(tmp_path / "best" / "model.ckpt-3"))
    assert served_weight(best) == pytest.approx(weight(3), rel=1e-5)


def test_the_error_for_a_missing_metric_names_the_metrics_that_the_estimator_reports(tmp_path):
    with pytest.raises(evaluations.MissingMetricError, match=r"'auc', but .* It reports: global_step, loss, small, weight\."):
        train(tmp_path, 2, best=metric_names.AUC, direction="higher")


def test_a_training_whose_metric_is_never_finite_is_refused(tmp_path):
    train_evaluating_often(tmp_path, 4)  # from this step on the metric is NaN
    (tmp_path / evaluations.FILE).unlink()
    with pytest.raises(TrainingError, match="reached step 6, but no evaluation had a finite small"):
        train_evaluating_often(tmp_path, 6, best="small", direction="higher")


def slowly(dataset, seconds):
    """An input that takes `seconds` for each batch."""

    def wait(*batch):
        with tf.control_dependencies([tf.numpy_function(lambda: time.sleep(seconds), [], [])]):
            return tf.nest.map_structure(tf.identity, batch)

    return lambda: dataset().map(wait)


def test_an_evaluation_over_its_time_budget_is_given_up_and_the_last_one_is_completed(tmp_path, caplog):
    caplog.set_level(logging.INFO, cadence.__name__)
    slow = {
        "train_rows": slowly(rows(), 0.1),
        "eval_rows": slowly(rows(batches=40), 0.2),
    }  # 8 s, much longer than building the graph
    trained = train(tmp_path, 40, **slow, eval_seconds=None, checkpoint_steps=1, overhead=1.0)
    assert (trained.steps, trained.best_step) == (40, 40)
    given_up = [r.getMessage() for r in caplog.records if "An evaluation was stopped" in r.getMessage()]
    assert given_up and given_up[0].endswith("train.overhead is 1.")
    assert len(exports(tmp_path)) == 1


# The stop rule.


def test_a_training_without_improvement_stops_at_the_checkpoint_where_patience_ends(tmp_path):
    trained = train_evaluating_often(tmp_path, 100, patience=4)
    assert (trained.steps, trained.best_step, trained.ended_by) == (7, 3, "no better loss in 4 steps")
    assert served_weight(trained) == pytest.approx(weight(3), rel=1e-5)
    assert checkpoints(tmp_path)[-1] == "model.ckpt-7"


def test_the_stop_rule_looks_only_at_evaluations(tmp_path):
    trained = train_evaluating_often(tmp_path, 100, patience=4, checkpoint_steps=5)
    # The evaluations are at steps 5 and 10.
    assert (trained.steps, trained.best_step) == (10, 5)


def test_a_training_that_improves_is_not_stopped(tmp_path):
    trained = train(tmp_path, 4, patience=2, eval_seconds=0, checkpoint_steps=1)
    assert (trained.steps, trained.ended_by) == (4, "steps")


def test_a_metric_that_is_nan_counts_as_no_improvement(tmp_path):
    train_evaluating_often(tmp_path, 4, best="small", direction="higher")
    trained = train_evaluating_often(tmp_path, 100, best="small", direction="higher", patience=3)
    assert (trained.steps, trained.best_step) == (6, 3)


def test_a_stopped_training_that_is_called_again_takes_no_step_even_for_more_steps(tmp_path):
    first = train_evaluating_often(tmp_path, 100, patience=4)
    for steps in (100, 200):
        again = train_evaluating_often(tmp_path, steps, patience=4, train_rows=never)
        assert (again.steps, again.resumed_from, again.ended_by) == (7, 7, first.ended_by)
        assert (again.saved_model, again.checkpoint, again.metrics) == (first.saved_model, first.checkpoint, first.metrics)


def test_a_stopped_training_continues_with_more_patience_or_without_the_stop_rule(tmp_path):
    train_evaluating_often(tmp_path, 100, patience=4)
    with_more = train_evaluating_often(tmp_path, 100, patience=6)
    assert (with_more.resumed_from, with_more.steps, with_more.ended_by) == (7, 9, "no better loss in 6 steps")
    without = train_evaluating_often(tmp_path, 11)
    assert (without.resumed_from, without.steps, without.ended_by) == (9, 11, "steps")


def test_the_stop_rule_can_be_set_for_a_training_that_began_without_it(tmp_path):
    train_evaluating_often(tmp_path, 4)
    trained = train_evaluating_often(tmp_path, 100, patience=3)
    assert (trained.resumed_from, trained.steps, trained.ended_by) == (4, 6, "no better loss in 3 steps")


def test_a_training_that_reached_its_last_step_was_ended_by_its_steps(tmp_path):
    train_evaluating_often(tmp_path, 8)
    trained = train_evaluating_often(tmp_path, 8, patience=2)
    assert (trained.steps, trained.ended_by) == (8, "steps")


# Progress reports.


def test_a_training_reports_its_progress_to_the_logger(tmp_path, caplog):
    caplog.set_level(logging.INFO, progress.LOGGER.name)
    train(tmp_path, 3, train_rows=slowly(rows(), 2 * progress.EVERY_SECONDS))
    reports = [record.progress for record in caplog.records if record.name == progress.LOGGER.name]
    assert {report.steps for report in reports} == {3}
