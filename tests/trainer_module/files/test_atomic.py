import subprocess
import sys
import threading
from pathlib import Path

import pytest
import tensorflow as tf

from trainer_module.files import atomic

ROOT = Path(__file__).parents[3]


def test_text_and_bytes_are_written_into_a_new_folder(tmp_path):
    atomic.write(tmp_path / "new" / "text", "Zürich")
    atomic.write(str(tmp_path / "new" / "bytes"), b"\x00\xff")
    assert (tmp_path / "new" / "text").read_text("utf-8") == "Zürich"
    assert (tmp_path / "new" / "bytes").read_bytes() == b"\x00\xff"


def test_a_remote_file_is_replaced_and_no_temporary_file_stays():
    for content in ("old", "new"):
        atomic.write("ram://atomic/file", content)
    with tf.io.gfile.GFile("ram://atomic/file") as file:
        assert file.read() == "new"
    assert [name.rstrip("/") for name in tf.io.gfile.listdir("ram://atomic")] == ["file"]


def test_a_failed_write_leaves_the_old_file_and_no_temporary_file(tmp_path, monkeypatch):
    target = tmp_path / "file"
    target.write_text("old")

    def full(path, data):
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        atomic.write(target, "new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_reader_never_sees_a_partial_file(tmp_path):
    target, complete = tmp_path / "file", {"a" * 200_000, "b" * 200_000}
    atomic.write(target, "a" * 200_000)
    writers = [threading.Thread(target=lambda c=c: [atomic.write(target, c * 200_000) for _ in range(20)]) for c in "ab"]
    for writer in writers:
        writer.start()
    contents = {target.read_text() for _ in range(50)}
    for writer in writers:
        writer.join()
    assert contents <= complete
    assert list(tmp_path.iterdir()) == [target]


def test_writing_a_local_file_does_not_import_tensorflow(tmp_path):
    script = (
        "import sys; from trainer_module.files import atomic; atomic.write(sys.argv[1], ''); print('tensorflow' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "file"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout == "False\n"


def test_a_remote_file_that_cannot_be_renamed_leaves_no_temporary_file(monkeypatch):
    def denied(source, target, overwrite):
        raise tf.errors.PermissionDeniedError(None, None, "denied")

    monkeypatch.setattr(tf.io.gfile, "rename", denied)
    with pytest.raises(tf.errors.PermissionDeniedError):
        atomic.write("ram://denied/file", "new")
    assert tf.io.gfile.listdir("ram://denied") == []


def test_the_temporary_file_of_a_killed_writer_is_recognised(tmp_path, monkeypatch):
    with monkeypatch.context() as killed:
        killed.setattr(Path, "replace", lambda *_: None)
        killed.setattr(Path, "unlink", lambda *_, **__: None)
        atomic.write(tmp_path / "saved_model.pb", b"")
    [leftover] = tmp_path.iterdir()
    assert atomic.is_leftover(leftover.name)
    for name in ("saved_model.pb", ".lock", ".saved_model.pb", "model.ckpt-10.index", ".a.tmp"):
        assert not atomic.is_leftover(name)
