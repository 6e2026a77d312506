"""Damaged checkpoints are set aside; one process at a time uses a training folder; tidying keeps the right files."""

import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from data import metric_names
from tests.support.cli import ROOT
from trainer_module.checkpoints import checkpoints, folder
from trainer_module.checkpoints.evaluations import Evaluations


def save(path, *steps):
    """Writes a checkpoint at each of `steps`: the global step and one variable of 20 kB."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        step = tf.compat.v1.train.create_global_step()
        weight = tf.compat.v1.get_variable("weight", initializer=np.arange(5000, dtype=np.float32))
        saver = tf.compat.v1.train.Saver(save_relative_paths=True, max_to_keep=10)
        session.run([step.initializer, weight.initializer])
        for number in steps:
            session.run(step.assign(number))
            saver.save(session, str(Path(path, "model.ckpt")), global_step=number, write_meta_graph=False)


def data(path, step):
    return Path(path, f"model.ckpt-{step}.data-00000-of-00001")


def truncate(path, step, size=1000):
    with data(path, step).open("r+b") as file:
        file.truncate(size)


def steps(path):
    return sorted(int(p.stem.rpartition("-")[2]) for p in Path(path).glob("*.index"))


@pytest.fixture
def warnings(caplog):
    caplog.set_level(logging.WARNING)
    return lambda: [r.getMessage() for r in caplog.records if r.name.startswith("trainer_module")]


def test_whole_checkpoints_stay_as_they_are(tmp_path, warnings):
    save(tmp_path, 5, 10)
    before = (tmp_path / "checkpoint").read_bytes()
    checkpoints.fall_back(str(tmp_path))
    assert (checkpoints.step_of(str(tmp_path)), steps(tmp_path)) == (10, [5, 10])
    assert (tmp_path / "checkpoint").read_bytes() == before
    assert warnings() == []


def test_a_truncated_newest_checkpoint_gives_way_to_the_one_before_with_a_warning(tmp_path, warnings):
    save(tmp_path, 5, 10, 15)
    truncate(tmp_path, 15)
    checkpoints.fall_back(str(tmp_path))
    assert (checkpoints.step_of(str(tmp_path)), steps(tmp_path)) == (10, [5, 10])
    assert not data(tmp_path, 15).exists()
    put_aside, goes_on = warnings()
    assert "model.ckpt-15" in put_aside
    assert "model.ckpt-10" in goes_on
    assert steps(tmp_path / "broken") == [15]


def test_several_broken_checkpoints_are_skipped(tmp_path):
    save(tmp_path, 5, 10, 15)
    truncate(tmp_path, 15, size=0)
    data(tmp_path, 10).unlink()
    checkpoints.fall_back(str(tmp_path))
    assert checkpoints.step_of(str(tmp_path)) == 5


def test_a_checkpoint_with_one_changed_bit_is_broken(tmp_path):
    save(tmp_path, 5, 10)
    content = bytearray(data(tmp_path, 10).read_bytes())
    content[3000] ^= 1
    data(tmp_path, 10).write_bytes(content)
    checkpoints.fall_back(str(tmp_path))
    assert checkpoints.step_of(str(tmp_path)) == 5


def test_unreachable_storage_does_not_make_a_checkpoint_broken(tmp_path, monkeypatch):
    class Unreachable(tf.io.gfile.GFile):
        def read(self, n=-1):
            raise tf.errors.UnavailableError(None, None, "try again later")

    def load(checkpoint):  # TensorFlow reports the same failure as UNKNOWN
        raise tf.errors.OpError(None, None, "try again later", tf.errors.UNKNOWN)

    save(tmp_path, 5, 10)
    with monkeypatch.context() as patched, pytest.raises(tf.errors.UnavailableError):
        patched.setattr(tf.io.gfile, "GFile", Unreachable)
        patched.setattr(tf.compat.v1.train, "NewCheckpointReader", load)
        checkpoints.fall_back(str(tmp_path))
    assert (checkpoints.step_of(str(tmp_path)), steps(tmp_path)) == (10, [5, 10])


def test_a_file_that_cannot_be_opened_is_an_error_and_not_a_broken_checkpoint(tmp_path):
    save(tmp_path, 5, 10)
    data(tmp_path, 10).unlink()
    data(tmp_path, 10).symlink_to(data(tmp_path, 10))  # a symlink to itself: root can read a file of any mode
    with pytest.raises(tf.errors.OpError, match="symbolic links"):
        checkpoints.fall_back(str(tmp_path))
    assert steps(tmp_path) == [5, 10]


def test_storage_that_fails_once_does_not_make_a_checkpoint_broken(tmp_path, monkeypatch, warnings):
    real = tf.compat.v1.train.NewCheckpointReader

    def fails_once(checkpoint):
        monkeypatch.setattr(tf.compat.v1.train, "NewCheckpointReader", real)
        raise tf.errors.OpError(None, None, "try again later", tf.errors.UNKNOWN)

    save(tmp_path, 5, 10)
    monkeypatch.setattr(tf.compat.v1.train, "NewCheckpointReader", fails_once)
    checkpoints.fall_back(str(tmp_path))
    assert (checkpoints.step_of(str(tmp_path)), steps(tmp_path), warnings()) == (10, [5, 10], [])


def test_without_a_readable_checkpoint_the_training_starts_at_step_0(tmp_path):
    save(tmp_path, 5)
    truncate(tmp_path, 5)
    checkpoints.fall_back(str(tmp_path))
    assert (checkpoints.step_of(str(tmp_path)), steps(tmp_path)) == (0, [])


def test_a_complete_checkpoint_counts_before_the_checkpoint_file_lists_it(tmp_path):
    save(tmp_path, 5)
    listed = (tmp_path / "checkpoint").read_bytes()
    save(tmp_path, 10)
    (tmp_path / "checkpoint").write_bytes(listed)
    checkpoints.fall_back(str(tmp_path))
    assert checkpoints.step_of(str(tmp_path)) == 10


def test_an_empty_folder_gives_no_warning(tmp_path, warnings):
    checkpoints.fall_back(str(tmp_path))
    assert warnings() == []


# The training folder.


def evaluations(path):
    return Evaluations(str(path), metric_names.AUC, "higher")


def test_one_process_at_a_time_holds_a_folder_and_the_error_names_it(tmp_path):
    script = (
        "import sys\n"
        "from trainer_module.checkpoints import folder\n"
        "with folder.held(sys.argv[1]):\n"
        "    print('held', flush=True)\n"
        "    input()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, tmp_path], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert other.stdout.readline() == "held\n"
    with pytest.raises(folder.FolderInUseError, match=f"Process {other.pid} is training in {tmp_path}"):
        with folder.held(str(tmp_path)):
            pass
    other.kill()  # the lock dies with its owner
    other.communicate(timeout=30)
    with folder.held(str(tmp_path)) as lock:
        assert lock is not None


def test_a_child_that_inherits_the_lock_still_holds_the_folder(tmp_path):
    with folder.held(str(tmp_path)) as lock:
        child = subprocess.Popen(["sleep", "60"], pass_fds=[lock])
    with pytest.raises(folder.FolderInUseError):
        with folder.held(str(tmp_path)):
            pass
    child.kill()
    child.wait(30)
    with folder.held(str(tmp_path)):
        pass


def test_prepare_returns_the_step_at_which_the_training_continues(tmp_path):
    assert folder.prepare(str(tmp_path), evaluations(tmp_path), "") == 0
    save(tmp_path, 5, 10)
    assert folder.prepare(str(tmp_path), evaluations(tmp_path), "") == 10


def test_evaluations_after_the_restored_checkpoint_are_forgotten(tmp_path):
    save(tmp_path, 5, 10)
    record = evaluations(tmp_path)
    record.record(str(tmp_path / "model.ckpt-5"), {metric_names.AUC: 0.7, "loss": 1.0, "global_step": 5}, None)
    record.record(str(tmp_path / "model.ckpt-10"), {metric_names.AUC: 0.6, "loss": 1.0, "global_step": 10}, None)
    truncate(tmp_path, 10)
    assert folder.prepare(str(tmp_path), record, "") == 5
    summary = record.read()
    assert (summary.best.step, summary.last.step) == (5, 5)


def test_a_fresh_run_empties_the_folder_once(tmp_path):
    save(tmp_path, 5)
    with folder.held(str(tmp_path)):
        assert folder.prepare(str(tmp_path), evaluations(tmp_path), "run-1") == 0
        save(tmp_path, 7)
        assert folder.prepare(str(tmp_path), evaluations(tmp_path), "run-1") == 7  # a retry of the same run
        assert folder.prepare(str(tmp_path), evaluations(tmp_path), "") == 7
        assert folder.prepare(str(tmp_path), evaluations(tmp_path), "run-2") == 0


def test_tidying_keeps_the_last_and_the_best_checkpoint_and_the_events(tmp_path):
    path = tmp_path / "now"
    path.mkdir()
    save(path, 5, 10, 15)
    evaluations(path).record(str(path / "model.ckpt-10"), {metric_names.AUC: 0.7, "loss": 1.0, "global_step": 10}, None)
    (path / "export" / "best" / "1").mkdir(parents=True)
    (path / "broken").mkdir()
    (path / "events.out.tfevents.1").write_text("summaries")
    folder.tidy(str(path), keep=0)
    assert steps(path) == [15]
    assert checkpoints.step_of(str(path)) == 15
    assert checkpoints.step_of(str(path / "best")) == 10
    assert sorted(p.name for p in path.iterdir() if p.is_dir()) == ["best"]
    assert (path / "events.out.tfevents.1").exists()


def test_event_files_are_copied_with_their_folders(tmp_path):
    (tmp_path / "from" / "eval").mkdir(parents=True)
    (tmp_path / "from" / "events.out.tfevents.1").write_text("training")
    (tmp_path / "from" / "eval" / "events.out.tfevents.2").write_text("evaluation")
    save(tmp_path / "from", 5)
    folder.copy_events(str(tmp_path / "from"), str(tmp_path / "to"))
    copied = {str(p.relative_to(tmp_path / "to")): p.read_text() for p in (tmp_path / "to").rglob("*") if p.is_file()}
    assert copied == {"events.out.tfevents.1": "training", "eval/events.out.tfevents.2": "evaluation"}
