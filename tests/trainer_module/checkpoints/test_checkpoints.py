"""Damaged checkpoints are set aside, and a training continues from the newest complete one."""

import logging

import pytest
import tensorflow as tf

from tests.support.checkpoints import data, save, steps, truncate
from trainer_module.checkpoints import checkpoints


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
