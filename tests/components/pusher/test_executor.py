"""Every push creates a new version with the complete model, or no version."""

import json
import shutil
import threading
from pathlib import Path

import pytest
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from components import gate, serving_folder
from components.pusher import executor, logic

FILES = {"saved_model.pb": "graph", "variables/variables.index": "index", "assets.extra/notes.txt": "mine"}


@pytest.fixture
def model(tmp_path):
    artifact = standard_artifacts.Model()
    artifact.uri = str(tmp_path / "model")
    for name, text in FILES.items():
        file = Path(path_utils.serving_model_dir(artifact.uri), name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return artifact


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


def test_a_blessed_model_is_pushed_complete(push, serving):
    pushed = push()
    (version,) = serving.iterdir()
    assert version.name.isdigit()
    assert contents(version) == FILES
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_destination") == str(version)
    assert pushed.get_string_custom_property("pushed_version") == version.name


def test_the_artifact_keeps_a_copy_of_the_pushed_model(push):
    assert contents(push().uri) == FILES


def test_a_model_that_is_not_blessed_is_not_pushed(push, serving):
    pushed = push(blessed=0)
    assert not serving.exists()
    assert contents(pushed.uri) == {}
    assert pushed.get_int_custom_property("pushed") == 0


def test_two_pushes_in_one_second_create_two_versions(push, serving):
    first = push().get_string_custom_property("pushed_version")
    second = push().get_string_custom_property("pushed_version")
    assert int(second) > int(first)
    assert [contents(serving / v) for v in (first, second)] == [FILES, FILES]


def test_a_push_after_a_version_from_the_future_gets_the_next_number(push, serving):
    (serving / "99999999999").mkdir(parents=True)
    (serving / "99999999999" / "saved_model.pb").write_text("older")
    assert push().get_string_custom_property("pushed_version") == "100000000000"
    assert contents(serving / "99999999999") == {"saved_model.pb": "older"}
    assert serving_folder.newest(str(serving)) == str(serving / "100000000000")


def test_a_file_that_is_not_a_version_stays(push, serving):
    serving.mkdir()
    (serving / "models.config").write_text("mine")
    push()
    assert (serving / "models.config").read_text() == "mine"


def test_a_push_removes_the_unfinished_folder_of_a_killed_push(push, serving):
    unfinished = serving / f"{logic.UNFINISHED}5"
    unfinished.mkdir(parents=True)
    (unfinished / "saved_model.pb").write_text("half")
    version = push().get_string_custom_property("pushed_version")
    assert [p.name for p in serving.iterdir()] == [version]


@pytest.fixture
def killed_copy(monkeypatch, serving):
    """Lets a copy into the serving folder die after its first file. Returns the patch, to undo it."""

    def partial_copy(source: str, target: str) -> None:
        if Path(target).is_relative_to(serving):
            Path(target).mkdir()
            shutil.copy(Path(source) / "saved_model.pb", target)
            raise KeyboardInterrupt
        shutil.copytree(source, target, dirs_exist_ok=True)

    with monkeypatch.context() as patch:
        patch.setattr(executor.io_utils, "copy_dir", partial_copy)
        yield patch


def test_a_killed_push_creates_no_version_and_the_next_push_succeeds(push, serving, killed_copy):
    with pytest.raises(KeyboardInterrupt):
        push()
    (unfinished,) = serving.iterdir()
    assert contents(unfinished) == {"saved_model.pb": "graph"}
    assert serving_folder.newest(str(serving)) is None

    killed_copy.undo()
    version = push().get_string_custom_property("pushed_version")
    assert [p.name for p in serving.iterdir()] == [version]
    assert contents(serving / version) == FILES


def test_a_version_keeps_the_span_of_the_data(push, serving):
    version = push(span=20778).get_string_custom_property("pushed_version")
    assert serving_folder.read_span(str(serving / version)) == 20778


def test_a_version_of_data_without_spans_has_no_span(push, serving):
    version = push().get_string_custom_property("pushed_version")
    assert serving_folder.read_span(str(serving / version)) is None


def test_a_model_of_older_data_does_not_replace_one_of_newer_data(push, serving):
    """This happens if a Pusher is retried after a later run has pushed."""
    newer = push(span=20778)
    late = push(span=20777)
    assert late.get_int_custom_property("pushed") == 0
    assert [p.name for p in serving.iterdir()] == [newer.get_string_custom_property("pushed_version")]
    assert "ends with span 20777" in gate.read(late.uri).why


def test_a_model_that_is_already_served_is_not_pushed_again(push, model, serving):
    """This happens after a try that died between the push and the write of its result."""
    card = Path(path_utils.serving_model_dir(model.uri), "assets.extra", "dataset.json")
    card.write_text(json.dumps({"id": "1a2b", "dataset": "fruit", "task": "binary", "label": "ripe", "columns": {}}))
    first, again = push(), push()
    assert [p.name for p in serving.iterdir()] == [first.get_string_custom_property("pushed_version")]
    assert again.get_string_custom_property("pushed_destination") == first.get_string_custom_property("pushed_destination")
    assert again.get_int_custom_property("pushed") == 1


def test_a_push_waits_for_the_lock_of_the_serving_folder(push, serving):
    with logic.locked(str(serving)):
        waiting = threading.Thread(target=push)
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive() and serving_folder.newest(str(serving)) is None
    waiting.join()
    assert serving_folder.newest(str(serving)) is not None
