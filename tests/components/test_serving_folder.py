"""The versions of a serving folder, and which model may replace the served one."""

import threading

import pytest

from components import serving_folder
from components.decision import Decision


def test_versions_are_numbers_oldest_first():
    assert serving_folder.versions(["100", "9", "20/", "tmp", ".pushing-5", "v7"]) == [9, 20, 100]


def test_the_newest_version_is_the_highest_number(tmp_path):
    for name in ("9", "100", "zzz"):
        (tmp_path / name).mkdir()
    assert serving_folder.newest(str(tmp_path)) == str(tmp_path / "100")


def test_a_folder_without_versions_has_no_newest(tmp_path):
    assert serving_folder.newest(str(tmp_path)) is None
    assert serving_folder.newest(str(tmp_path / "none")) is None


@pytest.mark.parametrize(
    ("names", "version"),
    [([], "50"), (["49"], "50"), (["50"], "51"), (["7", "900"], "901"), ([".pushing-900", "model"], "50")],
)
def test_the_next_version_is_the_second_or_above_the_highest(names, version):
    assert serving_folder.next_version(names, now=50) == version


def test_the_hidden_folders_of_killed_pushes_are_unfinished():
    assert serving_folder.unfinished(["7", ".pushing-8", "model", ".pushing-9/"]) == [".pushing-8", ".pushing-9/"]


GOOD = Decision(decision="passed", why="The model holds.")


@pytest.fixture
def served(tmp_path):
    """Returns a function: span -> folder of a version with that span."""

    def write(span):
        if span is not None:
            serving_folder.write_span(str(tmp_path / "1"), span)
        return str(tmp_path / "1")

    return write


@pytest.mark.parametrize(("span", "served_span"), [(7, None), (7, 6), (7, 7), (0, None), (None, 7)])
def test_a_model_whose_data_is_not_older_stays_blessed(served, span, served_span):
    assert serving_folder.keep_newer_data(GOOD, span, served(served_span)) is GOOD
    assert serving_folder.keep_newer_data(GOOD, span, None) is GOOD


def test_a_good_model_of_older_data_does_not_replace_a_newer_one(served):
    decision = serving_folder.keep_newer_data(GOOD, 6, served(7))
    assert (decision.decision, decision.passed) == ("unchanged", False)
    for phrase in ("good enough", "ends with span 6", "/1 with span 7", "Nothing was pushed", "remove that version"):
        assert phrase in decision.why


def test_a_refused_model_of_older_data_keeps_its_reason(served):
    bad = Decision(decision="refused", why="auc is too low.")
    assert serving_folder.keep_newer_data(bad, 6, served(7)) is bad


def test_only_one_process_at_a_time_pushes_to_a_folder(tmp_path):
    order = []

    def push():
        with serving_folder.locked(str(tmp_path / "serving")):
            order.append("second")

    with serving_folder.locked(str(tmp_path / "serving")):
        waiting = threading.Thread(target=push)
        waiting.start()
        waiting.join(0.2)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["serving"]


def test_the_span_of_a_version_is_read_as_written(tmp_path):
    assert serving_folder.read_span(str(tmp_path)) is None
    serving_folder.write_span(str(tmp_path), 20778)
    assert serving_folder.read_span(str(tmp_path)) == 20778
