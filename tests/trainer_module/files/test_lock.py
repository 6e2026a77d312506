import errno

import pytest

from trainer_module.files import lock

# A flock belongs to an open file: a second open file of the same process cannot take it, like another process.


def test_a_lock_is_exclusive_until_its_file_is_closed(tmp_path):
    path = tmp_path / "lock"
    with lock.open_locked(path) as file:
        file.write("somebody")
        file.flush()
        with pytest.raises(lock.LockedError) as error:
            lock.open_locked(path)
        assert error.value.text == "somebody"
    lock.open_locked(path).close()


def test_a_shared_lock_excludes_an_exclusive_one_and_the_reverse(tmp_path):
    path = tmp_path / "lock"
    with lock.open_locked(path, shared=True), lock.open_locked(path, shared=True):
        with pytest.raises(lock.LockedError):
            lock.open_locked(path)
    with lock.open_locked(path):
        with pytest.raises(lock.LockedError):
            lock.open_locked(path, shared=True)


def test_a_lock_in_a_missing_folder_raises_the_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        lock.open_locked(tmp_path / "missing" / "lock")


def test_the_error_for_a_held_folder_names_the_process_that_holds_it(tmp_path):
    folder = tmp_path / "training"
    with lock.held(str(folder)) as file:
        held_by = (folder / lock.FILE).read_text()
        assert held_by.isdigit() and not file.closed
        with pytest.raises(lock.FolderInUseError, match=rf"Process {held_by} works in {folder}\."):
            with lock.held(str(folder)):
                pass


def test_with_create_false_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        with lock.held(str(tmp_path / "missing"), create=False):
            pass
    assert not (tmp_path / "missing").exists()


def test_a_file_system_without_locks_raises_its_own_error_and_not_locked_error(tmp_path, monkeypatch):
    def without_locks(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", without_locks)
    for wait in (False, True):
        with pytest.raises(OSError, match="No locks available"):
            lock.open_locked(tmp_path / "lock", wait=wait)
