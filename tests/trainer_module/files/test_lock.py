import errno

import pytest

from trainer_module.files import lock

# flock belongs to an open file: a second one of the same process is locked out like another process.


def test_a_lock_is_exclusive_until_its_file_is_closed(tmp_path):
    path = tmp_path / "lock"
    with lock.open_locked(path) as file:
        file.write("somebody")
        file.flush()
        with pytest.raises(lock.LockedError) as error:
            lock.open_locked(path)
        assert error.value.text == "somebody"
    lock.open_locked(path).close()


def test_processes_that_share_a_lock_keep_out_one_that_does_not(tmp_path):
    path = tmp_path / "lock"
    with lock.open_locked(path, shared=True), lock.open_locked(path, shared=True):
        with pytest.raises(lock.LockedError):
            lock.open_locked(path)
    with lock.open_locked(path):
        with pytest.raises(lock.LockedError):
            lock.open_locked(path, shared=True)


def test_a_lock_in_a_folder_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        lock.open_locked(tmp_path / "missing" / "lock")


def test_a_folder_that_is_held_names_the_process_that_holds_it(tmp_path):
    folder = tmp_path / "training"
    with lock.held(str(folder)) as file:
        held_by = (folder / lock.FILE).read_text()
        assert held_by.isdigit() and not file.closed
        with pytest.raises(lock.FolderInUseError, match=rf"Process {held_by} is training in {folder}\."):
            with lock.held(str(folder)):
                pass


def test_a_folder_that_is_not_there_is_made_only_where_it_should_be(tmp_path):
    with pytest.raises(FileNotFoundError):
        with lock.held(str(tmp_path / "missing"), create=False):
            pass
    assert not (tmp_path / "missing").exists()


def test_a_file_system_without_locks_is_an_error_of_the_system_and_no_lock_of_another_process(tmp_path, monkeypatch):
    def without_locks(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", without_locks)
    for wait in (False, True):
        with pytest.raises(OSError, match="No locks available"):
            lock.open_locked(tmp_path / "lock", wait=wait)
