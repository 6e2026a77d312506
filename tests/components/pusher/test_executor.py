"""A model is served whole or not at all, under a version of its own."""

import json
import shutil
import threading
from pathlib import Path

import pytest
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from components import gate, serving_folder
from components.pusher import executor

FILES = {"saved_model.pb": "graph", "variables/variables.index": "index", "assets.extra/notes.txt": "mine"}


@pytest.fixture
def model(tmp_path):
    made = standard_artifacts.Model()
    made.uri = str(tmp_path / "model")
    for name, text in FILES.items():
        file = Path(path_utils.serving_model_dir(made.uri), name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return made


@pytest.fixture
def serving(tmp_path):
    return tmp_path / "serving"


@pytest.fixture
def push(model, serving, tmp_path):
    """Returns a function that runs the executor and returns the PushedModel artifact."""

    def run(blessed: int = 1, span: int | None = None) -> standard_artifacts.PushedModel:
        blessing = standard_artifacts.ModelBlessing()
        blessing.uri = str(tmp_path / "blessing")
        blessing.set_int_custom_property("blessed", blessed)
        if span is not None:
            blessing.set_int_custom_property(serving_folder.SPAN, span)
        pushed = standard_artifacts.PushedModel()
        pushed.uri = str(tmp_path / "pushed")
        shutil.rmtree(pushed.uri, ignore_errors=True)
        Path(pushed.uri).mkdir()
        destination = json.dumps({"filesystem": {"base_directory": str(serving)}})
        executor.Executor().Do(
            {"model": [model], "model_blessing": [blessing]},
            {"pushed_model": [pushed]},
            {"push_destination": destination},
        )
        return pushed

    return run


def contents(folder) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in Path(folder).rglob("*") if p.is_file()}


def test_a_blessed_model_is_served_whole(push, serving):
    pushed = push()
    (version,) = serving.iterdir()
    assert version.name.isdigit()
    assert contents(version) == FILES
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_destination") == str(version)
    assert pushed.get_string_custom_property("pushed_version") == version.name


def test_the_artifact_keeps_a_copy_of_what_was_pushed(push):
    assert contents(push().uri) == FILES


def test_a_model_that_is_not_blessed_is_not_pushed(push, serving):
    pushed = push(blessed=0)
    assert not serving.exists()
    assert contents(pushed.uri) == {}
    assert pushed.get_int_custom_property("pushed") == 0


def test_two_pushes_are_two_versions_even_in_one_second(push, serving):
    first = push().get_string_custom_property("pushed_version")
    second = push().get_string_custom_property("pushed_version")
    assert int(second) > int(first)
    assert [contents(serving / v) for v in (first, second)] == [FILES, FILES]


def test_a_version_from_the_future_is_topped_and_kept(push, serving):
    (serving / "99999999999").mkdir(parents=True)
    (serving / "99999999999" / "saved_model.pb").write_text("older")
    assert push().get_string_custom_property("pushed_version") == "100000000000"
    assert contents(serving / "99999999999") == {"saved_model.pb": "older"}
    assert serving_folder.newest(str(serving)) == str(serving / "100000000000")


def test_what_is_not_a_version_is_left_alone(push, serving):
    serving.mkdir()
    (serving / "models.config").write_text("mine")
    push()
    assert (serving / "models.config").read_text() == "mine"


def test_what_a_killed_push_left_behind_is_removed(push, serving):
    left = serving / f"{serving_folder.UNFINISHED}5"
    left.mkdir(parents=True)
    (left / "saved_model.pb").write_text("half")
    version = push().get_string_custom_property("pushed_version")
    assert [p.name for p in serving.iterdir()] == [version]


@pytest.fixture
def killed(monkeypatch, serving):
    """A copy into the serving folder dies after its first file."""

    def partial_copy(source: str, target: str) -> None:
        if Path(target).is_relative_to(serving):
            Path(target).mkdir()
            shutil.copy(Path(source) / "saved_model.pb", target)
            raise KeyboardInterrupt
        shutil.copytree(source, target, dirs_exist_ok=True)

    with monkeypatch.context() as patch:
        patch.setattr(executor.io_utils, "copy_dir", partial_copy)
        yield patch


def test_a_killed_push_shows_nothing_and_the_next_one_succeeds(push, serving, killed):
    with pytest.raises(KeyboardInterrupt):
        push()
    (left,) = serving.iterdir()
    assert contents(left) == {"saved_model.pb": "graph"}
    assert serving_folder.newest(str(serving)) is None

    killed.undo()
    version = push().get_string_custom_property("pushed_version")
    assert [p.name for p in serving.iterdir()] == [version]
    assert contents(serving / version) == FILES


def test_the_span_of_its_data_is_served_with_a_model(push, serving):
    version = push(span=20778).get_string_custom_property("pushed_version")
    assert serving_folder.read_span(str(serving / version)) == 20778


def test_data_without_spans_has_none(push, serving):
    version = push().get_string_custom_property("pushed_version")
    assert serving_folder.read_span(str(serving / version)) is None


def test_a_blessing_that_has_grown_old_replaces_no_model_of_newer_data(push, serving):
    """As of a Pusher that is tried again after a later run has pushed."""
    newer = push(span=20778)
    late = push(span=20777)
    assert late.get_int_custom_property("pushed") == 0
    assert [p.name for p in serving.iterdir()] == [newer.get_string_custom_property("pushed_version")]
    assert "ends with span 20777" in gate.read(late.uri).why


def test_a_model_that_is_served_already_is_not_pushed_once_more(push, model, serving):
    """As after a try that was cut off between the push and saying so."""
    card = Path(path_utils.serving_model_dir(model.uri), "assets.extra", "dataset.json")
    card.write_text(json.dumps({"id": "1a2b", "dataset": "fruit", "task": "binary", "label": "ripe", "columns": {}}))
    first, again = push(), push()
    assert [p.name for p in serving.iterdir()] == [first.get_string_custom_property("pushed_version")]
    assert again.get_string_custom_property("pushed_destination") == first.get_string_custom_property("pushed_destination")
    assert again.get_int_custom_property("pushed") == 1


def test_pushes_come_one_after_another(push, serving):
    with serving_folder.locked(str(serving)):
        waiting = threading.Thread(target=push)
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive() and serving_folder.newest(str(serving)) is None
    waiting.join()
    assert serving_folder.newest(str(serving)) is not None
