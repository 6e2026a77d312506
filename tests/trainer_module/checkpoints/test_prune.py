"""Pruning removes old training folders of this pipeline, and no other folder."""

import logging
import os
import shutil
import subprocess
import sys

import pytest
import tensorflow as tf

from tests.support.cli import ROOT
from trainer_module.checkpoints import folder, prune
from trainer_module.files import lock

NOW = "0" * 16


def training(root, digit, age=0, owner=""):
    """Makes a training folder whose files were last modified `age` seconds ago. Returns its path."""
    path = root / (digit * 16)
    with folder.held(str(path), owner):
        (path / "model.ckpt-5.index").write_text("weights")
    for file in path.iterdir():
        os.utime(file, (1e9 - age, 1e9 - age))
    return path


@pytest.fixture
def root(tmp_path):
    """A root with the training that has just ended, 0, and four others: a is the newest, d the oldest."""
    for age, digit in enumerate("abcd"):
        training(tmp_path, digit, age)
    training(tmp_path, "0")
    return tmp_path


def end(root, keep):
    """Ends training 0, which prunes. Returns the first characters of the remaining folders."""
    folder.tidy(str(root / NOW), keep=keep)
    return "".join(sorted(p.name[0] for p in root.iterdir()))


def test_the_oldest_trainings_are_removed(root):
    assert end(root, keep=2) == "0ab"


def test_a_shorter_training_with_a_numbered_name_is_removed_like_any_other(root):
    (root / ("d" * 16)).rename(root / f"{'d' * 16}-300")
    assert end(root, keep=3) == "0abc"


def test_a_folder_that_is_not_a_training_stays_whatever_its_name(root):
    (root / ".git").mkdir()
    (root / "serving").mkdir()
    (root / ("9" * 16)).mkdir()  # named like a training
    shutil.copy(root / ("a" * 16) / prune.MARK, root / "serving")  # marked like a training
    assert end(root, keep=0) == "".join(sorted(".0s9"))


def test_a_mark_of_an_unknown_format_protects_its_folder(root):
    (root / ("d" * 16) / prune.MARK).write_text('["something"]')
    assert end(root, keep=0) == "0d"


def test_in_a_root_that_pipelines_share_each_removes_only_its_own_trainings(tmp_path):
    for age, digit in enumerate("abc"):
        training(tmp_path, digit, age, owner="mine")
    for age, digit in enumerate("def"):
        training(tmp_path, digit, age + 100, owner="another's")
    training(tmp_path, "0", owner="mine")
    assert end(tmp_path, keep=1) == "0adef"


def test_a_training_without_a_mark_prunes_nothing(root):
    (root / NOW / prune.MARK).unlink()
    assert end(root, keep=0) == "0abcd"


def test_a_fresh_run_keeps_the_owner_of_a_folder(tmp_path):
    path = training(tmp_path, "a", owner="mine")
    with folder.held(str(path), "mine"):
        folder.prepare(str(path), None, "run-1")
        assert prune.owner_of(str(path)) == "mine"


def test_a_running_training_stays(root):
    with folder.held(str(root / ("d" * 16))):
        assert end(root, keep=0) == "0d"


def test_a_folder_that_cannot_be_removed_is_a_warning_and_not_an_error(root, monkeypatch, caplog):
    real = tf.io.gfile.remove

    def remove(path):
        if "/cccc" in path:
            raise tf.errors.PermissionDeniedError(None, None, "not yours")
        real(path)

    monkeypatch.setattr(tf.io.gfile, "remove", remove)
    caplog.set_level(logging.WARNING, prune.__name__)
    assert end(root, keep=0) == "0c"
    [warning] = [r.getMessage() for r in caplog.records]
    assert warning.endswith("cccc: not yours")


def test_an_interrupted_removal_is_finished_the_next_time(root, monkeypatch):
    def killed(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(tf.io.gfile, "remove", killed)
        end(root, keep=3)
    assert (root / f"{'d' * 16}.removed").exists()
    assert end(root, keep=3) == "0abc"


def test_a_folder_whose_file_vanishes_during_pruning_counts_as_running(root, monkeypatch):
    real = tf.io.gfile.stat

    def stat(path):
        if "/dddd" in path:
            raise tf.errors.NotFoundError(None, None, path)
        return real(path)

    monkeypatch.setattr(tf.io.gfile, "stat", stat)
    assert end(root, keep=1) == "0d"


def test_on_a_remote_file_system_all_trainings_stay():
    for digit in "0ab":
        with folder.held(f"ram://prune/{digit * 16}"):
            pass
    folder.tidy(f"ram://prune/{NOW}", keep=0)
    assert sorted(name[0] for name in tf.io.gfile.listdir("ram://prune")) == ["0", "a", "b"]


def test_a_folder_that_is_removed_during_locking_is_made_and_locked_again(tmp_path, monkeypatch):
    path, real = tmp_path / "training", lock.fcntl.flock

    def removed_in_between(file, how):
        monkeypatch.setattr(lock.fcntl, "flock", real)
        path.rename(tmp_path / "training.removed")
        real(file, how)

    monkeypatch.setattr(lock.fcntl, "flock", removed_in_between)
    script = "import sys; from trainer_module.files import lock; lock.held(sys.argv[1]).__enter__()"
    with folder.held(str(path)):
        other = subprocess.run([sys.executable, "-c", script, path], cwd=ROOT, capture_output=True, text=True, check=False)
        assert f"Process {os.getpid()} works in {path}" in other.stderr
