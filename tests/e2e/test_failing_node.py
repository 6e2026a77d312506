"""A failing node ends the run with exit code 1, its name and the reason. The traceback is in the log, or printed by --debug."""

from pipeline import node_ids
from tests.support import cli


def test_a_model_with_a_mistake_fails_the_trainer_with_the_reason(toy, tmp_path):
    arguments = ("--dataset", "toy.fruit", "--model", "toy.broken")
    failed = cli.run(tmp_path, *arguments, path=toy)
    assert (failed.code, failed.record["status"]) == (1, "failed")
    assert "Node Trainer failed: ValueError: this model is not finished" in failed.err
    assert "Traceback" not in failed.err
    assert failed.states()[node_ids.TRAINER] == "failed"
    assert failed.states()[node_ids.TRANSFORM] == "done"
    assert cli.served_versions(tmp_path) == []
    log = tmp_path / "logs" / f"{failed.record['run_id']}.log"
    assert str(log) in failed.err
    assert "Traceback" in log.read_text()

    debugged = cli.run(tmp_path, *arguments, "--debug", path=toy)
    assert debugged.code == 1
    assert "Traceback" in debugged.err
    assert debugged.states()[node_ids.TRANSFORM] == "cached", "a node that succeeded does not run again"


def test_a_transient_failure_is_tried_again_as_often_as_configured(toy, tmp_path):
    tries = toy / "toy" / "tries"
    tries.write_text("")
    arguments = (
        "--dataset",
        "toy.fruit",
        "--model",
        "toy.unlucky",
        "--set",
        "train.steps=100",
        "--set",
        "run.retry_seconds=0.1",
    )
    once = cli.run(tmp_path, *arguments, "--set", "run.retries=0", path=toy)
    assert (once.code, once.states()[node_ids.TRAINER], tries.read_text()) == (1, "failed", "x")
    assert "ConnectionResetError" in once.err

    again = cli.run(tmp_path, *arguments, "--set", "run.retries=2", path=toy)
    assert (again.code, again.record["status"]) == (0, "pushed"), again.err
    assert len(tries.read_text()) >= 3
    log = (tmp_path / "logs" / f"{again.record['run_id']}.log").read_text()
    assert "This may be transient: retry 1 of 2" in log
