"""The state of a training, read from the files in its folder."""

import collections

import pytest
import tensorflow as tf

from data import metric_names
from tests.support.settings import train_settings
from trainer_module.training.job import Job
from trainer_module.training.training_state import TrainingState


@pytest.fixture
def state(tmp_path):
    settings = train_settings(100, best=metric_names.AUC, patience=20)
    return TrainingState(Job("taxi", "none", {}, [], [], "", "", str(tmp_path), settings))


@pytest.fixture
def save(tmp_path):
    """Returns a function: writes the checkpoint of a step."""

    def save(step):
        for suffix in ("index", "data-00000-of-00001"):
            (tmp_path / f"model.ckpt-{step}.{suffix}").write_text("")
        (tmp_path / "checkpoint").write_text(f'model_checkpoint_path: "model.ckpt-{step}"\n')

    return save


@pytest.fixture
def evaluate(state, tmp_path):
    """Returns a function: records an evaluation of a step's checkpoint. `stored_step`: the step in its content, if another."""

    def evaluate(step, auc, stored_step=None):
        metrics = {metric_names.AUC: auc, "loss": 1.0, "global_step": stored_step or step}
        state.evaluations.record(str(tmp_path / f"model.ckpt-{step}"), metrics, None)

    return evaluate


def test_a_training_without_a_checkpoint_is_at_step_0(state):
    now = state.read()
    assert (now.step, now.evaluated_step, now.evaluated, now.complete, now.finished) == (0, 0, False, False, False)


def test_a_training_is_finished_after_the_checkpoint_of_its_last_step_is_evaluated(state, save, evaluate):
    save(50)
    evaluate(50, 0.6)
    now = state.read()
    assert (now.evaluated, now.complete, now.finished) == (True, False, False)
    save(101)
    now = state.read()
    assert (now.evaluated, now.complete, now.finished) == (False, True, False)
    evaluate(101, 0.6)
    now = state.read()
    assert (now.evaluated, now.complete, now.finished) == (True, True, True)


def test_the_step_of_a_checkpoint_is_the_one_in_its_name_and_not_in_its_content(state, save, evaluate):
    save(98)
    evaluate(98, 0.6, stored_step=101)
    save(100)
    now = state.read()
    assert (now.evaluated_step, now.evaluated) == (98, False)


def test_after_the_stop_rule_a_training_is_finished_when_its_last_checkpoint_is_marked(state, save, evaluate):
    for step in (10, 30):
        save(step)
        evaluate(step, 0.6)
    assert (state.read().complete, state.read().finished) == (True, False)
    state.mark_last_checkpoint()
    assert state.read().finished
    save(40)  # a new checkpoint
    assert (state.read().complete, state.read().finished) == (False, False)
    evaluate(40, 0.7)  # this one is better: the training continues
    state.mark_last_checkpoint()
    assert (state.read().complete, state.read().finished) == (False, False)


def test_a_poll_reads_each_file_once(state, save, evaluate, tmp_path, monkeypatch):
    for step in (10, 30):
        save(step)
        evaluate(step, 0.6)
    state.mark_last_checkpoint()
    reads = collections.Counter()
    latest_checkpoint, open_file = tf.train.latest_checkpoint, tf.io.gfile.GFile

    def count(name, call):
        def counted(path, *arguments, **options):
            reads[name or str(path).removeprefix(f"{tmp_path}/")] += 1
            return call(path, *arguments, **options)

        return counted

    monkeypatch.setattr(tf.train, "latest_checkpoint", count("checkpoint", latest_checkpoint))
    monkeypatch.setattr(tf.io.gfile, "GFile", count("", open_file))
    assert state.read().finished
    assert reads == {"checkpoint": 1, "evaluations.json": 1, "cluster/last_checkpoint": 1}


def test_falling_back_forgets_the_evaluation_of_a_lost_checkpoint(state, save, evaluate, tmp_path):
    save(10)
    evaluate(10, 0.6)
    state.fall_back()  # no checkpoint can be read: the files are empty
    assert list(tmp_path.glob("model.ckpt-*")) == []
    assert (state.read().step, state.read().evaluated_step) == (0, 0)


def test_tidying_removes_the_leftovers_of_killed_processes(state, tmp_path):
    for name in ("tmp_worker_0/events", "cluster/evaluated/model.ckpt-1.index", "cluster/chief-0.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    state.tidy()
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["chief-0.log", "cluster"]
