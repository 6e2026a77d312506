"""A training that is cut off and continued ends with the very weights of one that is not."""

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
from trainer_module.supervision import watchdog
from trainer_module.training import attempt, exporters, progress

# One of each kind, each with dropout: custom, canned, converted from Keras.
MODELS = {
    "custom_wide_deep": ("toy.fruit", {"dropout": 0.3}),
    "canned_wide_deep": ("toy.fruit", {"dropout": 0.3}),
    "keras_wide_deep": ("toy.fruit", {"dropout": 0.3}),
    "keras_sequence_classifier": ("toy.opinion", {}),
}


class Killed(BaseException):
    """Like kill -9: nothing is saved, nothing is said."""


@pytest.fixture
def killed_after(monkeypatch):
    """Returns a function: trains so many steps, then ends, wherever the last checkpoint is."""

    def train(steps, work):
        left = iter([None] * (steps - 1))

        def after_run(hook, context, values):  # comes before the hook that saves
            if next(left, Killed) is Killed:
                raise Killed

        with monkeypatch.context() as patched, pytest.raises(Killed):
            patched.setattr(progress.ProgressHook, "after_run", after_run)
            attempt.train(work, watchdog.Control())

    return train


def truncate_newest(path):
    newest = Path(path, f"model.ckpt-{step_of(str(path))}.data-00000-of-00001")
    with newest.open("r+b") as file:
        file.truncate(newest.stat().st_size // 2)


def cases():
    """Every kind of model, the rows in memory and streamed; `make test` takes one of each."""
    quick = {("custom_wide_deep", 0), ("keras_wide_deep", 1024)}
    for model in MODELS:
        for memory_mb in (1024, 0):
            marks = () if (model, memory_mb) in quick else pytest.mark.slow
            yield pytest.param(model, memory_mb, marks=marks, id=f"{model}-{'in memory' if memory_mb else 'streamed'}")


@pytest.mark.parametrize(("model", "memory_mb"), list(cases()))
def test_three_kills_and_a_truncated_checkpoint_do_not_change_a_bit(model, memory_mb, materialised, tmp_path, killed_after):
    dataset, hp = MODELS[model]
    output = materialised(dataset)
    whole = job(output, dataset, model, tmp_path / "whole", hp, memory_mb=memory_mb, export="final")
    cut = replace(whole, folder=str(tmp_path / "cut"))
    expected = trainer.train(whole, None)

    killed_after(22, cut)  # between two checkpoints
    assert step_of(cut.folder) == 15
    killed_after(32, cut)
    assert step_of(cut.folder) == 45
    truncate_newest(cut.folder)
    folder.prepare(cut.folder, trainer.evaluations_of(cut), "")
    assert step_of(cut.folder) == 30
    killed_after(20, cut)
    assert step_of(cut.folder) == 45
    found = trainer.train(cut, None)

    assert (expected.steps, expected.resumed_from) == (STEPS, 0)
    assert (found.steps, found.resumed_from) == (STEPS, 45)
    assert found.metrics == expected.metrics
    before, after = training.weights(whole.folder), training.weights(cut.folder)
    assert list(before) == list(after)
    for name, value in before.items():
        assert np.array_equal(value, after[name]), name


# Being asked to leave: in a step, an evaluation, an export.


@pytest.fixture(scope="module")
def fruit(materialised):
    return materialised("toy.fruit")


class Asked(watchdog.Control):
    """Asks the training to leave at the n-th moment at which that is possible."""

    def __init__(self, moment):
        super().__init__()
        self._moments = moment

    def raise_if_stopping(self):
        self._moments -= 1
        if self._moments == 0:
            self.request_stop(signal.SIGTERM)
        super().raise_if_stopping()


def leaves(work, control):
    with pytest.raises(watchdog.InterruptedTraining):
        attempt.train(work, control)


def exported(work):
    return [p for p in Path(work.folder).glob("export/*/*") if p.is_dir()]


def test_in_a_step_a_checkpoint_is_saved_at_that_step_and_nothing_else_is_done(fruit, tmp_path, monkeypatch):
    work, control = job(fruit, "toy.fruit", "custom_wide_deep", tmp_path / "cut"), watchdog.Control()
    steps = iter(range(1, STEPS))
    monkeypatch.setattr(
        progress.ProgressHook, "after_run", lambda *_: control.request_stop(signal.SIGTERM) if next(steps) == 22 else None
    )
    leaves(work, control)
    assert step_of(work.folder) == 22
    assert trainer.evaluations_of(work).read().last.step == 15


def test_in_an_evaluation_it_leaves_before_the_next_batch(fruit, tmp_path):
    work = job(fruit, "toy.fruit", "custom_wide_deep", tmp_path / "cut", eval_seconds=0)
    # After the session was created and the checkpoint of step 15 saved, the evaluation of that one begins.
    leaves(work, Asked(4))
    assert step_of(work.folder) == 15
    assert trainer.evaluations_of(work).read().last is None
    assert exported(work) == []
    assert trainer.train(work, None).resumed_from == 15


def test_in_an_export_it_leaves_behind_it_and_the_export_is_whole(fruit, tmp_path, monkeypatch):
    work, control = job(fruit, "toy.fruit", "custom_wide_deep", tmp_path / "cut", eval_seconds=0), watchdog.Control()
    export = exporters.RememberingExporter.export

    def asked_in_between(self, *args, **kwargs):
        monkeypatch.setattr(
            control, "raise_if_stopping", lambda: control.request_stop(signal.SIGTERM)
        )  # heard at the next call only
        monkeypatch.setattr(self, "_control", control)
        result = export(self, *args, **kwargs)
        monkeypatch.undo()
        control.raise_if_stopping()
        return result

    monkeypatch.setattr(exporters.RememberingExporter, "export", asked_in_between)
    leaves(work, control)
    [model] = exported(work)
    assert (model / "saved_model.pb").exists()
    assert trainer.evaluations_of(work).read().last.step == step_of(work.folder) == 15
    found = trainer.train(work, None)
    assert (found.steps, found.resumed_from) == (STEPS, 15)


def test_a_training_that_was_asked_to_leave_ends_with_the_same_weights(fruit, tmp_path):
    whole = job(fruit, "toy.fruit", "custom_wide_deep", tmp_path / "whole")
    cut = replace(whole, folder=str(tmp_path / "cut"))
    trainer.train(whole, None)
    leaves(cut, Asked(2))
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
