"""A training that is interrupted and continued ends with exactly the weights of one that is not interrupted."""

import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from tests.support import training
from tests.support.jobs import STEPS, job
from trainer_module import trainer
from trainer_module.checkpoints import folder
from trainer_module.checkpoints.checkpoints import step_of
from trainer_module.supervision.control import Control, InterruptedTraining
from trainer_module.training import attempt, progress

# One model of each kind, each with dropout: custom, canned, converted from Keras; and one that reads text.
MODELS = {
    "custom_wide_deep": ("toy.fruit", {"dropout": 0.3}),
    "canned_wide_deep": ("toy.fruit", {"dropout": 0.3}),
    "keras_wide_deep": ("toy.fruit", {"dropout": 0.3}),
    "keras_sequence_classifier": ("toy.opinion", {}),
}


class Killed(BaseException):
    """Ends a training like kill -9: nothing is saved or reported."""


@pytest.fixture
def train_and_kill(monkeypatch):
    """Returns a function: trains `steps` steps, then ends without saving, wherever the last checkpoint is."""

    def train(steps, work):
        steps_left = iter([None] * (steps - 1))

        def after_run(hook, context, values):  # runs before the hook that saves
            if next(steps_left, Killed) is Killed:
                raise Killed

        with monkeypatch.context() as patched, pytest.raises(Killed):
            patched.setattr(progress.ProgressHook, "after_run", after_run)
            attempt.train(work, Control())

    return train


def truncate_newest(path):
    newest = Path(path, f"model.ckpt-{step_of(str(path))}.data-00000-of-00001")
    with newest.open("r+b") as file:
        file.truncate(newest.stat().st_size // 2)


def cases():
    """Every model with its rows in memory and streamed. The cases that are not slow cover each way of reading once."""
    quick = {("custom_wide_deep", 0), ("keras_wide_deep", 1024)}
    for model in MODELS:
        for memory_mb in (1024, 0):
            marks = () if (model, memory_mb) in quick else pytest.mark.slow
            yield pytest.param(model, memory_mb, marks=marks, id=f"{model}-{'in memory' if memory_mb else 'streamed'}")


@pytest.mark.parametrize(("model", "memory_mb"), list(cases()))
def test_three_kills_and_a_truncated_checkpoint_do_not_change_a_bit(model, memory_mb, materialised, tmp_path, train_and_kill):
    dataset, hp = MODELS[model]
    output = materialised(dataset)
    whole = job(output, dataset, model, tmp_path / "whole", hp, memory_mb=memory_mb, export="final")
    cut = replace(whole, folder=str(tmp_path / "cut"))
    expected = trainer.train(whole, None)

    train_and_kill(22, cut)  # between two checkpoints
    assert step_of(cut.folder) == 15
    train_and_kill(32, cut)
    assert step_of(cut.folder) == 45
    truncate_newest(cut.folder)
    folder.prepare(cut.folder, cut.evaluations, "")
    assert step_of(cut.folder) == 30
    train_and_kill(20, cut)
    assert step_of(cut.folder) == 45
    result = trainer.train(cut, None)

    assert (expected.steps, expected.resumed_from) == (STEPS, 0)
    assert (result.steps, result.resumed_from) == (STEPS, 45)
    assert result.metrics == expected.metrics
    before, after = training.weights(whole.folder), training.weights(cut.folder)
    assert list(before) == list(after)
    for name, value in before.items():
        assert np.array_equal(value, after[name]), name


# A stop request during a step, an evaluation, an export.


@pytest.fixture(scope="module")
def fruit(materialised):
    return materialised("toy.fruit")


class StopAtCheck(Control):
    """Requests a stop at the n-th check for a stop request."""

    def __init__(self, moment):
        super().__init__()
        self._moments = moment

    def raise_if_stopping(self):
        self._moments -= 1
        if self._moments == 0:
            self.request_stop(signal.SIGTERM)
        super().raise_if_stopping()


def assert_stops(work, control):
    with pytest.raises(InterruptedTraining):
        attempt.train(work, control)


def exported(work):
    return [p for p in Path(work.folder).glob("export/*/*") if p.is_dir()]


def test_a_stop_request_during_a_step_saves_that_step_and_does_nothing_else(fruit, tmp_path, monkeypatch):
    work, control = job(fruit, "toy.fruit", "custom_wide_deep", tmp_path / "cut"), Control()
    steps = iter(range(1, STEPS))
    monkeypatch.setattr(
        progress.ProgressHook, "after_run", lambda *_: control.request_stop(signal.SIGTERM) if next(steps) == 22 else None
    )
    assert_stops(work, control)
    assert step_of(work.folder) == 22
    assert work.evaluations.read().last.step == 15


def test_a_stop_request_during_an_evaluation_stops_before_the_next_batch(fruit, tmp_path):
    work = job(fruit, "toy.fruit", "custom_wide_deep", tmp_path / "cut", eval_seconds=0)
    # Check 4 is in the first evaluation, after the session was created and the checkpoint of step 15 was saved.
    assert_stops(work, StopAtCheck(4))
    assert step_of(work.folder) == 15
    assert work.evaluations.read().last is None
    assert exported(work) == []
    assert trainer.train(work, None).resumed_from == 15


def test_a_stop_request_during_an_export_stops_after_the_complete_export(fruit, tmp_path):
    work = job(fruit, "toy.fruit", "custom_wide_deep", tmp_path / "cut", eval_seconds=0)

    class StopAtExport(Control):
        """Requests a stop as soon as there is an export."""

        def raise_if_stopping(self):
            if exported(work):
                self.request_stop(signal.SIGTERM)
            super().raise_if_stopping()

    assert_stops(work, StopAtExport())
    [model] = exported(work)
    assert (model / "saved_model.pb").exists()
    assert work.evaluations.read().last.step == step_of(work.folder) == 15
    result = trainer.train(work, None)
    assert (result.steps, result.resumed_from) == (STEPS, 15)


def test_a_training_that_stopped_on_request_ends_with_the_same_weights(fruit, tmp_path):
    whole = job(fruit, "toy.fruit", "custom_wide_deep", tmp_path / "whole")
    cut = replace(whole, folder=str(tmp_path / "cut"))
    trainer.train(whole, None)
    assert_stops(cut, StopAtCheck(2))
    trainer.train(cut, None)
    after = training.weights(cut.folder)
    assert all(np.array_equal(value, after[name]) for name, value in training.weights(whole.folder).items())


def test_another_seed_gives_other_weights(fruit, tmp_path):
    work = job(fruit, "toy.fruit", "custom_wide_deep", tmp_path / "one", steps=15)
    other = replace(work, folder=str(tmp_path / "two"), settings=structs.replace(work.settings, seed=4))
    for each in (work, other):
        trainer.train(each, None)
    name = "deep/hidden_0/kernel"
    assert not np.array_equal(training.weights(work.folder)[name], training.weights(other.folder)[name])
