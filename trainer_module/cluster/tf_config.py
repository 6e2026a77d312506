"""Reads TF_CONFIG, the environment variable that gives a process its role in a cluster and the addresses of the others.

TensorFlow does not check it: with a wrong address, or without a parameter server, it waits for ever and prints nothing.
`python -m trainer_module.cluster.tf_config` checks the variable. It exits with 0, or with 2 and a list of the problems.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence

from trainer_module.cluster import addresses, tf_config_problems
from trainer_module.cluster.cluster_task import CHIEF, EVALUATOR, PS, WORKER, ClusterTask
from trainer_module.supervision.child_environment import TF_CONFIG

_log = logging.getLogger(__name__)


class TFConfigError(ValueError):
    """TF_CONFIG is invalid. The message lists all its problems."""


def parse(text: str, strategy: str | None = None) -> ClusterTask:
    """Reads the value of TF_CONFIG.

    Args:
        text: JSON. Its cluster may list the evaluator, as a TFJob does.
        strategy: the `strategy` in `trainer_module.training.settings.Cluster`; None if it is unknown.

    Raises:
        TFConfigError: the value is invalid.
    """
    problems = tf_config_problems.find(text, strategy)
    if problems:
        raise TFConfigError(f"{TF_CONFIG} is wrong. " + " ".join(problems) + f" Received: {text or 'nothing'}")
    config = json.loads(text)
    cluster = {role: hosts for role, hosts in config["cluster"].items() if role != EVALUATOR}
    return ClusterTask(config["task"]["type"], int(config["task"]["index"]), cluster)


def discard() -> None:
    """Removes TF_CONFIG from the environment of a process without a role in a cluster, and logs a warning.

    With it, an Estimator would train without evaluating, or wait for processes that do not exist.
    """
    text = os.environ.pop(TF_CONFIG, "").strip()
    if text:
        _log.warning(
            "%s is set, but a Trainer does not use it: it trains in one process, or starts its own cluster on this machine "
            "(train.cluster.workers, train.cluster.ps). To train on several machines, start "
            "`python -m trainer_module.cluster.role JOB` on each of them, with its own %s. Otherwise unset it. Received: %s",
            TF_CONFIG, TF_CONFIG, text,
        )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Checks the TF_CONFIG of the environment. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m trainer_module.cluster.tf_config", description=f"Checks ${TF_CONFIG}.")
    parser.add_argument(
        "--strategy", choices=["parameter_server", "multi_worker_mirrored"], help="check the cluster for this strategy"
    )
    parser.add_argument("--reach", type=float, metavar="SECONDS", help="all other processes must answer within this time")
    options = parser.parse_args(arguments)
    text = os.environ.get(TF_CONFIG, "")
    problems = tf_config_problems.find(text, options.strategy)
    if not problems:
        task = parse(text)
        peers = task.others(CHIEF, WORKER, PS)
        if options.reach is None:
            problems = addresses.find_unknown_hosts(peers)
        else:
            problems = addresses.find_unanswered(peers, options.reach)
        print(f"{task.name} of {', '.join(f'{len(hosts)} {role}' for role, hosts in task.cluster.items())}")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 2 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
