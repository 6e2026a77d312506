"""The RunConfig of each strategy. Every test runs in a new process, because TensorFlow can be configured only once."""

import json
import os
import subprocess
import sys

import pytest

from tests.support import sparse_training
from tests.support.cli import ROOT
from trainer_module.cluster import strategies
from trainer_module.training.settings import Cluster


def run_program(*arguments, **env):
    """Runs Python with arguments. Returns its last line of output, decoded from JSON."""
    result = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=os.environ | env, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return json.loads(result.stdout.splitlines()[-1])


PS = """
import json, os
import tensorflow as tf
from tensorflow.python.training import session_manager
from trainer_module.cluster import strategies, tf_config
from trainer_module.training.settings import Cluster
settings = strategies.run_config(Cluster(workers=2, ps=1), tf_config.parse(os.environ["TF_CONFIG"]))
strategies.run_config(Cluster(workers=2, ps=1), tf_config.parse(os.environ["TF_CONFIG"]))  # a second call changes nothing
config = tf.estimator.RunConfig(**settings)
manager = session_manager.SessionManager(graph=tf.Graph())
print(json.dumps([list(config.session_config.device_filters), settings, manager._recovery_wait_secs]))
"""


@pytest.mark.parametrize(
    ("role", "filters"), [("chief", ["/job:ps", "/job:chief"]), ("worker", ["/job:ps", "/job:worker/task:1"])]
)
def test_a_session_waits_only_for_the_parameter_servers(role, filters):
    cluster = {"chief": ["a:1"], "worker": ["b:1", "c:1"], "ps": ["d:1"]}
    config = json.dumps({"cluster": cluster, "task": {"type": role, "index": int(role == "worker")}})
    assert run_program("-c", PS, TF_CONFIG=config) == [filters, {"experimental_max_worker_delay_secs": 0}, 1]


def test_sparse_gradients_of_devices_with_different_numbers_of_ids_add_up():
    occurrences = [4 + 1 + 1 + 1, 1 + 2 + 3 + 1 + 4, 1 + 4 + 1, 1 + 2, 2 + 2 + 1, 0]
    assert run_program("-m", sparse_training.__name__) == [[1 - n / 4 for n in occurrences], 4]


def test_a_single_process_sets_nothing():
    assert strategies.run_config(Cluster(), None) == {}
