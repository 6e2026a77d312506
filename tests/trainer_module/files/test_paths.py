import pytest

from trainer_module.files import paths


@pytest.mark.parametrize(
    ("path", "remote"),
    [
        ("gs://bucket/folder", True),
        ("s3://bucket", True),
        ("ram://folder", True),
        ("/data/folder", False),
        ("folder", False),
        ("C:folder", False),
        ("odd://", True),
        ("a/b://c", False),
    ],
)
def test_a_url_is_remote_and_a_path_is_not(path, remote):
    assert paths.is_remote(path) == remote


def test_a_relative_path_becomes_absolute_and_a_url_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert paths.absolute("data.csv") == f"{tmp_path}/data.csv"
    assert paths.absolute("/data.csv") == "/data.csv"
    assert paths.absolute("gs://bucket/data.csv") == "gs://bucket/data.csv"


@pytest.mark.parametrize(
    ("folder", "path"), [("gs://bucket/search/trial_0", "bucket/search/trial_0"), ("hdfs:///search", "search")]
)
def test_the_logs_of_work_in_a_remote_folder_are_on_this_machine(folder, path, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert paths.local_log_folder(folder) == tmp_path / path


def test_the_logs_of_work_in_a_local_folder_are_in_that_folder():
    assert str(paths.local_log_folder("/searches/abc")) == "/searches/abc"
