"""The versions of a serving folder."""

from components import serving_folder


def test_versions_are_numbers_oldest_first():
    assert serving_folder.versions(["100", "9", "20/", "tmp", ".pushing-5", "v7"]) == [9, 20, 100]


def test_the_newest_version_is_the_highest_number(tmp_path):
    for name in ("9", "100", "zzz"):
        (tmp_path / name).mkdir()
    assert serving_folder.newest(str(tmp_path)) == str(tmp_path / "100")


def test_a_folder_without_versions_has_no_newest(tmp_path):
    assert serving_folder.newest(str(tmp_path)) is None
    assert serving_folder.newest(str(tmp_path / "none")) is None


def test_a_version_may_have_a_span(tmp_path):
    assert serving_folder.read_span(str(tmp_path)) is None
    (tmp_path / serving_folder.SPAN_FILE).parent.mkdir()
    (tmp_path / serving_folder.SPAN_FILE).write_text("20778")
    assert serving_folder.read_span(str(tmp_path)) == 20778
