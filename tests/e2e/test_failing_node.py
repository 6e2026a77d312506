"""A node that fails: its name, its reason, exit code 1, and no traceback unless asked for."""

from tests.support import runs

BROKEN = """
import tensorflow as tf

def search_space(hp):
    pass

def build(dataset, hp, config):
    def model_fn(features, labels, mode, params):
        raise ValueError("this model is not finished")
    return tf.estimator.Estimator(model_fn, config=config)
"""


def test_a_model_with_a_mistake_fails_the_trainer_and_says_so(toy, tmp_path):
    (toy / "toy" / "broken.py").write_text(BROKEN)
    arguments = ("--dataset", "toy.fruit", "--model", "toy.broken")
    failed = runs.run(tmp_path, *arguments, path=toy)
    assert (failed.code, failed.record["status"]) == (1, "failed")
    assert "Node Trainer failed: ValueError: this model is not finished" in failed.err
    assert "Traceback" not in failed.err
    assert failed.states()["Trainer"] == "failed"
    assert failed.states()["Transform"] == "done"
    assert runs.versions(tmp_path) == []
    log = tmp_path / "logs" / f"{failed.record['run_id']}.log"
    assert str(log) in failed.err
    assert "Traceback" in log.read_text()

    shown = runs.run(tmp_path, *arguments, "--debug", path=toy)
    assert shown.code == 1
    assert "Traceback" in shown.err
    assert shown.states()["Transform"] == "cached", "what had succeeded is not done again"


UNLUCKY = """
from pathlib import Path

from trainer_module.models.custom_wide_deep import build as whole
from trainer_module.models.custom_wide_deep import search_space

def build(dataset, hp, config):
    tries = Path(__file__).with_name("tries")
    tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
    if len(tries.read_text()) < 3:
        raise ConnectionResetError(104, "Connection reset by peer")
    return whole(dataset, hp, config)
"""


def test_a_failure_that_may_pass_is_tried_again_as_often_as_configured(toy, tmp_path):
    (toy / "toy" / "unlucky.py").write_text(UNLUCKY)
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
    once = runs.run(tmp_path, *arguments, "--set", "run.retries=0", path=toy)
    assert (once.code, once.states()["Trainer"], tries.read_text()) == (1, "failed", "x")
    assert "ConnectionResetError" in once.err

    again = runs.run(tmp_path, *arguments, "--set", "run.retries=2", path=toy)
    assert (again.code, again.record["status"]) == (0, "pushed"), again.err
    assert len(tries.read_text()) >= 3
    log = (tmp_path / "logs" / f"{again.record['run_id']}.log").read_text()
    assert "That may pass: try again 1 of 2" in log
