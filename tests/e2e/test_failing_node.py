"""A node that fails: its name, its reason, exit code 1, and no traceback unless asked for."""

from tests import runs

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
