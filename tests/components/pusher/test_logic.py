"""The parts of a push: the new version, killed pushes, the lock, the span of a version."""

import threading

import pytest

from components import serving_folder
from components.pusher import logic


@pytest.mark.parametrize(
    ("names", "version"),
    [([], "50"), (["49"], "50"), (["50"], "51"), (["7", "900"], "901"), ([".pushing-900", "model"], "50")],
)
def test_the_next_version_is_the_second_or_above_the_highest(names, version):
    assert logic.next_version(names, now=50) == version


def test_the_hidden_folders_of_killed_pushes_are_unfinished():
    assert logic.unfinished(["7", ".pushing-8", "model", ".pushing-9/"]) == [".pushing-8", ".pushing-9/"]


def test_only_one_process_at_a_time_pushes_to_a_folder(tmp_path):
    order = []

    def push():
        with logic.locked(str(tmp_path / "serving")):
            order.append("second")

    with logic.locked(str(tmp_path / "serving")):
        waiting = threading.Thread(target=push)
        waiting.start()
        waiting.join(0.2)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["serving"]


def test_the_span_of_a_version_is_read_as_written(tmp_path):
    assert serving_folder.read_span(str(tmp_path)) is None
    logic.write_span(str(tmp_path), 20778)
    assert serving_folder.read_span(str(tmp_path)) == 20778
