"""Every mistake in TF_CONFIG is an error at the start. Without the check, the processes would wait for ever."""

import json
import os
import subprocess
import sys

import pytest

from tests.support.cli import ROOT
from trainer_module.cluster import addresses, tf_config, tf_config_problems
from trainer_module.cluster.cluster_task import ClusterTask
from trainer_module.cluster.tf_config import TFConfigError

CLUSTER = {"chief": ["a:1"], "worker": ["b:1", "c:1"], "ps": ["d:1"]}


def config(cluster=None, role="worker", index=0, **more):
    return json.dumps({"cluster": CLUSTER if cluster is None else cluster, "task": {"type": role, "index": index}} | more)


def changed(**roles):
    return config({role: where for role, where in {**CLUSTER, **roles}.items() if where is not None})


@pytest.mark.parametrize("role", ["chief", "worker", "ps", "evaluator"])
def test_tf_config_of_every_role_is_parsed(role):
    task = tf_config.parse(config(role=role))
    assert (task.role, task.index, task.name) == (role, 0, f"{role}-0")
    assert task.cluster == CLUSTER


def test_a_task_survives_conversion_to_json_and_back():
    task = ClusterTask("worker", 1, CLUSTER)
    assert tf_config.parse(task.to_json()) == task


def test_tf_config_of_a_tfjob_is_parsed_and_its_evaluator_is_left_out_of_the_cluster():
    text = config({**CLUSTER, "evaluator": ["e:1"]}, "evaluator", environment="cloud", sparseCluster={})
    task = tf_config.parse(text)
    assert (task.name, task.cluster) == ("evaluator-0", CLUSTER)
    assert json.loads(task.to_json()) == {"cluster": CLUSTER, "task": {"type": "evaluator", "index": 0}}


def test_an_index_may_be_a_string():
    assert tf_config.parse(config(index="1")).index == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "It is not set.*for example"),
        ("  ", "It is not set"),
        ("{'cluster': 1}", "not JSON.*double quotes"),
        ('{"cluster": {},}', "not JSON.*no comma"),
        ("[]", 'no "cluster"'),
        ("{}", 'no "cluster"'),
        ('{"cluster": {}}', 'no "cluster"'),
        ('{"cluster": ["a:1"]}', 'no "cluster"'),
        (
            changed(master=["m:1"]),
            'role "master".*TensorFlow 1 called the chief "master".*Known: chief, worker, ps, evaluator',
        ),
        (changed(workers=["m:1"]), 'unknown role "workers"'),
        (changed(worker="b:1"), '"cluster.worker" is "b:1".*must be a list'),
        (changed(worker={"0": "b:1"}), "must be a list"),
        (changed(worker=[1]), r'"cluster.worker" is \[1\].*must be a list'),
        (changed(ps=[]), '"cluster.ps" is empty. Leave the role out'),
        (changed(ps=["d"]), 'ps 0 has the address "d": the port is missing'),
        (changed(ps=[":1"]), "ps 0.*the host is missing"),
        (changed(ps=["d e:1"]), "ps 0.*a space"),
        (changed(ps=["grpc://d:1"]), "ps 0.*leave out the protocol"),
        (changed(ps=["0.0.0.0:1"]), "ps 0.*other processes cannot connect to that host"),
        (changed(ps=["d:0"]), 'ps 0.*"0" is not a port.*1 to 65535'),
        (changed(ps=["d:65536"]), '"65536" is not a port'),
        (changed(ps=["d:http"]), '"http" is not a port'),
        (changed(ps=["b:1"]), 'worker 0 and ps 0 have the same address "b:1". Give each its own port'),
        (changed(worker=["b:1", "b:1"]), "worker 0 and worker 1 have the same address"),
        (changed(ps=["B:1"]), 'worker 0 and ps 0 have the same address, "b:1" and "B:1"'),
        (changed(chief=["localhost:1"], ps=["127.0.0.1:1"]), 'chief 0 and ps 0 have the same address, "localhost:1" and "127'),
        (changed(chief=["LocalHost:1"], ps=["[::1]:01"]), "chief 0 and ps 0 have the same address"),
        (changed(chief=None), 'no chief, which saves the checkpoints.*worker 0, "b:1"'),
        (changed(chief=["a:1", "x:1"]), "2 processes of the role chief"),
        (changed(evaluator=["e:1", "f:1"]), "2 processes of the role evaluator"),
        (config({"chief": ["a:1"]}, "chief"), "The chief is alone.*leave TF_CONFIG unset"),
        (config({"chief": ["a:1"], "evaluator": ["e:1"]}, "chief"), "The chief is alone"),
        (config(environment="cloud"), "no evaluator.*replica type Evaluator"),
        (json.dumps({"cluster": CLUSTER}), '"task" is null. It must say which process this is'),
        (json.dumps({"cluster": CLUSTER, "task": {"type": "worker"}}), '"task" is {"type": "worker"}'),
        (config(role="master"), '"task.type" is "master". Known'),
        (config(role=["worker"]), r'"task.type" is \["worker"\]. Known'),
        (
            config({"chief": ["a:1"], "ps": ["d:1"]}),
            '"task.type" says that this is a worker, but "cluster" has no worker. It has: chief, ps',
        ),
        (config(index=2), '"task.index" is 2. "cluster" has 2 of the role worker, so it must be a number from 0 to 1'),
        (config(index=-1), '"task.index" is -1'),
        (config(index=True), '"task.index" is true'),
        (config(index=0.5), '"task.index" is 0.5'),
        (config(role="evaluator", index=1), '"task.index" is 1. "cluster" has 1 of the role evaluator, so it must be 0'),
    ],
)
def test_a_wrong_tf_config_is_refused_with_the_problem_and_the_fix(text, message):
    with pytest.raises(TFConfigError, match=f"^TF_CONFIG is wrong. .*{message}"):
        tf_config.parse(text)


@pytest.mark.parametrize(
    ("strategy", "cluster", "message"),
    [
        ("parameter_server", {"chief": ["a:1"], "worker": ["b:1"]}, "needs a process that holds the variables"),
        ("multi_worker_mirrored", CLUSTER, "has no parameter servers"),
        ("mirrored", CLUSTER, "one process with several devices. Leave TF_CONFIG unset"),
    ],
)
def test_a_cluster_for_another_strategy_is_refused(strategy, cluster, message):
    assert tf_config_problems.find(config(cluster)) == []
    [problem] = tf_config_problems.find(config(cluster), strategy)
    assert message in problem


def test_all_problems_are_listed_together():
    problems = tf_config_problems.find(config({"worker": ["b", "c:1"], "ps": ["c:1"]}, index=7))
    assert [p.split(" ")[0] for p in problems] == ["worker", "worker", '"cluster"', '"task.index"']


def test_an_ipv6_address_is_accepted():
    assert tf_config_problems.find(changed(ps=["[fe80::1]:2222"])) == []


def command(text, *arguments):
    env = {k: v for k, v in os.environ.items() if k != "TF_CONFIG"} | ({"TF_CONFIG": text} if text else {})
    return subprocess.run(
        [sys.executable, "-m", "trainer_module.cluster.tf_config", *arguments],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_command_prints_the_problems_and_exits_with_2():
    result = command(changed(ps=["d"], chief=None))
    assert (result.returncode, result.stdout) == (2, "")
    assert [line.split(" ")[0] for line in result.stderr.splitlines()] == ["ps", '"cluster"']
    assert command(None).returncode == 2


def test_the_command_prints_which_process_this_is():
    local = {"chief": ["127.0.0.1:9001"], "worker": ["127.0.0.1:9002"], "ps": ["127.0.0.1:9003"]}
    result = command(config(local), "--strategy", "parameter_server")
    assert (result.returncode, result.stdout, result.stderr) == (0, "worker-0 of 1 chief, 1 worker, 1 ps\n", "")


def test_the_command_connects_to_the_other_processes():
    with addresses.reserve(3) as (chief, worker, ps):
        text = config({"chief": [chief], "worker": [worker], "ps": [ps]})
        result = command(text, "--reach", "0")
    assert result.returncode == 2
    assert [line.split(" ")[0] for line in result.stderr.splitlines()] == ["chief-0", "ps-0"]


def test_checking_tf_config_does_not_import_tensorflow():
    text = "import sys, trainer_module.cluster.tf_config; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", text], cwd=ROOT, timeout=60, check=False).returncode == 0
