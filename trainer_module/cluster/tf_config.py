"""TF_CONFIG: which process of a cluster this is, and where the others are. Written, read, and checked before anything hangs.

TensorFlow believes what it says: with a wrong address, or without a parameter server, it waits for ever and says nothing.
`python -m trainer_module.cluster.tf_config` checks the one in the environment: status 0, or 2 and what is wrong.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainer_module.cluster import addresses

CHIEF, WORKER, PS, EVALUATOR = "chief", "worker", "ps", "evaluator"
ROLES = (CHIEF, WORKER, PS, EVALUATOR)
VARIABLE = "TF_CONFIG"

_log = logging.getLogger(__name__)

_EXAMPLE = (
    '{"cluster": {"chief": ["host0:2222"], "worker": ["host1:2222"], "ps": ["host2:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


class TFConfigError(ValueError):
    """A TF_CONFIG that cannot work. The message lists all that is wrong with it."""


@dataclass(frozen=True)
class Task:
    """One process of a cluster.

    Attributes:
        role: one of ROLES.
        index: among those of its role.
        cluster: role -> addresses, "host:port". Without the evaluator: it takes no part in the training.
    """

    role: str
    index: int
    cluster: Mapping[str, Sequence[str]]

    @property
    def name(self) -> str:
        """As in logs: "worker-1"."""
        return f"{self.role}-{self.index}"

    @property
    def trains(self) -> bool:
        """Whether it takes steps."""
        return self.role in (CHIEF, WORKER)

    @property
    def shard(self) -> tuple[int, int]:
        """Which part of the rows it trains on, of how many: the chief the first."""
        return self.index + (self.role == WORKER), 1 + len(self.cluster.get(WORKER, ()))

    def others(self, *roles: str) -> dict[str, str]:
        """Returns name -> address of the others in some roles."""
        named = {f"{role}-{i}": a for role in roles for i, a in enumerate(self.cluster.get(role, ()))}
        return {name: address for name, address in named.items() if name != self.name}

    def text(self) -> str:
        """Returns it as TF_CONFIG, in the form that every part of TensorFlow takes."""
        return json.dumps({"cluster": dict(self.cluster), "task": {"type": self.role, "index": self.index}})


def parse(text: str, strategy: str | None = None) -> Task:
    """Reads a TF_CONFIG.

    Args:
        text: JSON. The evaluator may be listed in its cluster, as a TFJob does it.
        strategy: of `trainer_module.training.settings.Cluster`, if it is known.

    Raises:
        TFConfigError: it cannot work.
    """
    found = problems(text, strategy)
    if found:
        raise TFConfigError(f"{VARIABLE} is wrong. " + " ".join(found) + f" Received: {text or 'nothing'}")
    config = json.loads(text)
    task = config["task"]
    return Task(task["type"], int(task["index"]), {role: a for role, a in config["cluster"].items() if role != EVALUATOR})


def set_aside() -> None:
    """Takes TF_CONFIG out of the environment of a process that has no role in a cluster, and says so.

    An Estimator would take it up, whatever it was made for: train and never evaluate, or wait for others that nobody started.
    """
    text = os.environ.pop(VARIABLE, "").strip()
    if text:
        _log.warning(
            "%s is set, but is not used here: a Trainer trains in one process, or starts its own cluster on this machine "
            "(train.cluster.workers, train.cluster.ps). To train on several machines, start in each "
            "`python -m trainer_module.cluster.role JOB` with its %s. Otherwise unset it. Received: %s",
            VARIABLE, VARIABLE, text,
        )  # fmt: skip


def problems(text: str, strategy: str | None = None) -> list[str]:
    """Returns all that is wrong with a TF_CONFIG, each with its way out. The arguments are those of `parse`."""
    if not text.strip():
        return [f"It is not set. It says which process of a cluster this is, for example: {_EXAMPLE}."]
    try:
        config = json.loads(text)
    except json.JSONDecodeError as error:
        return [f"It is not JSON ({error}). Use double quotes, and no comma before a bracket that closes."]
    cluster = config.get("cluster") if isinstance(config, dict) else None
    if not isinstance(cluster, dict) or not cluster:
        return [f'It has no "cluster", an object of role -> addresses. For example: {_EXAMPLE}.']
    shape = list(_wrong_roles(cluster))
    if shape:  # the rest cannot be looked at
        return shape
    return [
        *_wrong_addresses(cluster),
        *_wrong_members(cluster, config.get("environment") == "cloud"),
        *_wrong_for(strategy, cluster),
        *_wrong_task(config.get("task"), cluster),
    ]


def _wrong_roles(cluster: Mapping[str, Any]) -> Iterator[str]:
    for role, where in cluster.items():
        if role not in ROLES:
            hint = ' "master" is what TensorFlow 1 called the chief.' if role == "master" else ""
            yield f'"cluster" has the unknown role "{role}".{hint} Known: {", ".join(ROLES)}.'
        elif not isinstance(where, list) or not all(isinstance(a, str) for a in where):
            yield f'"cluster.{role}" is {json.dumps(where)}. It must be a list of addresses like ["host1:2222"].'
        elif not where:
            yield f'"cluster.{role}" is empty. Leave the role out, or give it addresses.'


def _wrong_addresses(cluster: Mapping[str, Sequence[str]]) -> Iterator[str]:
    seen: dict[str, tuple[str, str]] = {}
    for role, where in cluster.items():
        for index, address in enumerate(where):
            name, why = f"{role} {index}", addresses.malformed(address)
            if why:
                yield f'{name} has the address "{address}": {why}.'
                continue
            other, written = seen.setdefault(addresses.canonical(address), (name, address))
            if other != name:
                twice = f' "{address}"' if written == address else f', "{written}" and "{address}"'
                yield f"{other} and {name} have the same address{twice}. Give each its own port."


def _wrong_members(cluster: Mapping[str, Sequence[str]], tfjob: bool) -> Iterator[str]:
    if CHIEF not in cluster:
        hint = f'; worker 0, "{cluster[WORKER][0]}", could be it' if WORKER in cluster else ""
        yield f'"cluster" has no chief, which saves the checkpoints. Name one process so{hint}.'
    for role in (CHIEF, EVALUATOR):
        if len(cluster.get(role, ())) > 1:
            yield f'"cluster" has {len(cluster[role])} processes of the role {role}. There is only one of it.'
    if set(cluster) <= {CHIEF, EVALUATOR}:
        yield "The chief is alone. Add workers or parameter servers, or leave TF_CONFIG unset to train in one process."
    if tfjob and EVALUATOR not in cluster:
        yield "The TFJob has no evaluator: nobody would evaluate and export. Add the replica type Evaluator, replicas: 1."


def _wrong_for(strategy: str | None, cluster: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if strategy == "mirrored":
        yield 'The strategy "mirrored" is one process with several devices. Leave TF_CONFIG unset.'
    elif strategy == "multi_worker_mirrored" and PS in cluster:
        yield (
            'The strategy "multi_worker_mirrored" has no parameter servers: every worker holds all variables. '
            'Leave out "ps", or use the strategy "parameter_server".'
        )
    elif strategy == "parameter_server" and PS not in cluster:
        yield (
            'The strategy "parameter_server" needs a process that holds the variables. '
            'Add "ps" to the cluster, or use the strategy "multi_worker_mirrored".'
        )


def _wrong_task(task: Any, cluster: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if not isinstance(task, dict) or not {"type", "index"} <= set(task):
        yield f'"task" is {json.dumps(task)}. It must say which process this is: {{"type": "worker", "index": 0}}.'
        return
    role, index = task["type"], task["index"]
    # The evaluator needs no address: nobody calls it.
    count = 1 if role == EVALUATOR else len(cluster.get(role, ())) if isinstance(role, str) else 0
    if role not in ROLES:
        yield f'"task.type" is {json.dumps(role)}. Known: {", ".join(ROLES)}.'
    elif not count:
        yield f'This is a {role} by "task.type", but "cluster" has none. It has: {", ".join(cluster)}.'
    elif isinstance(index, bool) or not str(index).isdecimal() or int(index) >= count:
        numbers = "0" if count == 1 else f"a number from 0 to {count - 1}"
        yield f'"task.index" is {json.dumps(index)}. With {count} of the role {role} it must be {numbers}.'


def main(arguments: Sequence[str] | None = None) -> int:
    """Checks the TF_CONFIG of the environment. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m trainer_module.cluster.tf_config", description=f"Checks ${VARIABLE}.")
    parser.add_argument("--strategy", choices=["parameter_server", "multi_worker_mirrored"], help="that it is for")
    parser.add_argument("--reach", type=float, metavar="SECONDS", help="within which all others must answer")
    chosen = parser.parse_args(arguments)
    text = os.environ.get(VARIABLE, "")
    found = problems(text, chosen.strategy)
    if not found:
        task = parse(text)
        others = task.others(CHIEF, WORKER, PS)
        found = addresses.unknown(others) if chosen.reach is None else addresses.unanswered(others, chosen.reach)
        print(f"{task.name} of {', '.join(f'{len(a)} {role}' for role, a in task.cluster.items())}")
    for problem in found:
        print(problem, file=sys.stderr)
    return 2 if found else 0


if __name__ == "__main__":
    sys.exit(main())
