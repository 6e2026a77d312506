"""The folder of a training: which one it is, who may use it, what is kept in it."""

import subprocess
import sys

import pytest

from data import metric_names
from tests.support.checkpoints import save, steps, truncate
from tests.support.cli import ROOT
from trainer_module.checkpoints import checkpoints, folder
from trainer_module.checkpoints.evaluations import Evaluations


def evaluations(path):
    return Evaluations(str(path), metric_names.AUC, "higher")


def test_one_process_at_a_time_holds_a_folder_and_the_error_names_it(tmp_path):
    script = (
        "import sys\n"
        "from trainer_module.checkpoints import folder\n"
        "with folder.held(sys.argv[1]):\n"
        "    print('held', flush=True)\n"
        "    input()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, tmp_path], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert other.stdout.readline() == "held\n"
    with pytest.raises(folder.FolderInUseError, match=f"Process {other.pid} works in {tmp_path}"):
        with folder.held(str(tmp_path)):
            pass
    other.kill()  # the lock dies with its owner
    other.communicate(timeout=30)
    with folder.held(str(tmp_path)) as lock:
        assert lock is not None


def test_a_child_that_inherits_the_lock_still_holds_the_folder(tmp_path):
    with folder.held(str(tmp_path)) as lock:
        child = subprocess.Popen(["sleep", "60"], pass_fds=[lock])
    with pytest.raises(folder.FolderInUseError):
        with folder.held(str(tmp_path)):
            pass
    child.kill()
    child.wait(30)
    with folder.held(str(tmp_path)):
        pass


def test_prepare_returns_the_step_at_which_the_training_continues(tmp_path):
    assert folder.prepare(str(tmp_path), evaluations(tmp_path), "") == 0
    save(tmp_path, 5, 10)
    assert folder.prepare(str(tmp_path), evaluations(tmp_path), "") == 10


def test_evaluations_after_the_restored_checkpoint_are_forgotten(tmp_path):
    save(tmp_path, 5, 10)
    record = evaluations(tmp_path)
    record.record(str(tmp_path / "model.ckpt-5"), {metric_names.AUC: 0.7, "loss": 1.0, "global_step": 5}, None)
    record.record(str(tmp_path / "model.ckpt-10"), {metric_names.AUC: 0.6, "loss": 1.0, "global_step": 10}, None)
    truncate(tmp_path, 10)
    assert folder.prepare(str(tmp_path), record, "") == 5
    summary = record.read()
    assert (summary.best.step, summary.last.step) == (5, 5)


def test_a_fresh_run_empties_the_folder_once(tmp_path):
    save(tmp_path, 5)
    with folder.held(str(tmp_path)):
        assert folder.prepare(str(tmp_path), evaluations(tmp_path), "run-1") == 0
        save(tmp_path, 7)
        assert folder.prepare(str(tmp_path), evaluations(tmp_path), "run-1") == 7  # a retry of the same run
        assert folder.prepare(str(tmp_path), evaluations(tmp_path), "") == 7
        assert folder.prepare(str(tmp_path), evaluations(tmp_path), "run-2") == 0


def test_tidying_keeps_the_last_and_the_best_checkpoint_and_the_events(tmp_path):
    path = tmp_path / "now"
    path.mkdir()
    save(path, 5, 10, 15)
    evaluations(path).record(str(path / "model.ckpt-10"), {metric_names.AUC: 0.7, "loss": 1.0, "global_step": 10}, None)
    (path / "export" / "best" / "1").mkdir(parents=True)
    (path / "broken").mkdir()
    (path / "events.out.tfevents.1").write_text("summaries")
    folder.tidy(str(path), keep=0)
    assert steps(path) == [15]
    assert checkpoints.step_of(str(path)) == 15
    assert checkpoints.step_of(str(path / "best")) == 10
    assert sorted(p.name for p in path.iterdir() if p.is_dir()) == ["best"]
    assert (path / "events.out.tfevents.1").exists()


def test_event_files_are_copied_with_their_folders(tmp_path):
    (tmp_path / "from" / "eval").mkdir(parents=True)
    (tmp_path / "from" / "events.out.tfevents.1").write_text("training")
    (tmp_path / "from" / "eval" / "events.out.tfevents.2").write_text("evaluation")
    save(tmp_path / "from", 5)
    folder.copy_events(str(tmp_path / "from"), str(tmp_path / "to"))
    copied = {str(p.relative_to(tmp_path / "to")): p.read_text() for p in (tmp_path / "to").rglob("*") if p.is_file()}
    assert copied == {"events.out.tfevents.1": "training", "eval/events.out.tfevents.2": "evaluation"}


@pytest.mark.parametrize(
    ("folders", "max_step", "chosen"),
    [
        ({}, 10, "abc"),
        ({"abc": 5}, 10, "abc"),
        ({"abc": 10}, 10, "abc"),
        ({"abc": 20}, 10, "abc-2"),  # it is too far
        ({"abc": 20, "abc-2": 15}, 10, "abc-3"),
        ({"abc": 20, "abc-2": 5, "abc-3": 8}, 10, "abc-3"),  # of two that can be continued the one that is furthest
        ({"abc": 20, "abc-3": 30}, 10, "abc-2"),  # the first name that is free
        ({"abcd": 5, "abc-x": 5}, 10, "abc"),  # other trainings
    ],
)
def test_a_training_continues_in_the_folder_that_is_furthest_and_not_too_far(tmp_path, folders, max_step, chosen):
    for name, step in folders.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / f"model.ckpt-{step}.index").touch()
        (tmp_path / name / f"model.ckpt-{step}.data-00000-of-00001").touch()
        (tmp_path / name / "checkpoint").write_text(f'model_checkpoint_path: "model.ckpt-{step}"')
    assert folder.choose(str(tmp_path / "abc"), max_step, "") == str(tmp_path / chosen)


def test_a_folder_lists_its_files_with_their_relative_paths(tmp_path):
    (tmp_path / "export" / "1").mkdir(parents=True)
    for name in ("model.ckpt-5.index", "export/1/saved_model.pb"):
        (tmp_path / name).touch()
    assert sorted(folder.names_below(str(tmp_path))) == ["export/1/saved_model.pb", "model.ckpt-5.index"]
