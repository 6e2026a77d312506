"""Finds all problems of a TF_CONFIG, each with a way to solve it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from trainer_module.cluster import addresses
from trainer_module.cluster.cluster_task import CHIEF, EVALUATOR, PS, ROLES, WORKER

_EXAMPLE = (
    '{"cluster": {"chief": ["host0:2222"], "worker": ["host1:2222"], "ps": ["host2:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


def find(text: str, strategy: str | None = None) -> list[str]:
    """Returns all problems of a TF_CONFIG, each in one or more sentences; an empty list if it is valid.

    Args:
        text: the value of the variable, JSON.
        strategy: the `strategy` in `trainer_module.training.settings.Cluster`; None if it is unknown.
    """
    if not text.strip():
        return [f"It is not set. It must say which process of a cluster this is, for example: {_EXAMPLE}."]
    try:
        config = json.loads(text)
    except json.JSONDecodeError as error:
        return [f"It is not JSON ({error}). Use double quotes, and no comma before a closing bracket."]
    cluster = config.get("cluster") if isinstance(config, dict) else None
    if not isinstance(cluster, dict) or not cluster:
        return [f'It has no "cluster", an object of role -> addresses. For example: {_EXAMPLE}.']
    role_problems = list(_in_roles(cluster))
    if role_problems:  # the other checks need a well-formed cluster
        return role_problems
    return [
        *_in_addresses(cluster),
        *_in_members(cluster, is_tfjob=config.get("environment") == "cloud"),
        *_for_strategy(strategy, cluster),
        *_in_task(config.get("task"), cluster),
    ]


def _in_roles(cluster: Mapping[str, object]) -> Iterator[str]:
    for role, role_addresses in cluster.items():
        if role not in ROLES:
            hint = ' TensorFlow 1 called the chief "master".' if role == "master" else ""
            yield f'"cluster" has the unknown role "{role}".{hint} Known: {", ".join(ROLES)}.'
        elif not isinstance(role_addresses, list) or not all(isinstance(address, str) for address in role_addresses):
            yield f'"cluster.{role}" is {json.dumps(role_addresses)}. It must be a list of addresses like ["host1:2222"].'
        elif not role_addresses:
            yield f'"cluster.{role}" is empty. Leave the role out, or give it addresses.'


def _in_addresses(cluster: Mapping[str, Sequence[str]]) -> Iterator[str]:
    owners: dict[str, tuple[str, str]] = {}
    for role, role_addresses in cluster.items():
        for index, address in enumerate(role_addresses):
            name, why = f"{role} {index}", addresses.why_malformed(address)
            if why:
                yield f'{name} has the address "{address}": {why}.'
                continue
            owner, spelling = owners.setdefault(addresses.canonical(address), (name, address))
            if owner != name:
                both = f' "{address}"' if spelling == address else f', "{spelling}" and "{address}"'
                yield f"{owner} and {name} have the same address{both}. Give each its own port."


def _in_members(cluster: Mapping[str, Sequence[str]], *, is_tfjob: bool) -> Iterator[str]:
    if CHIEF not in cluster:
        hint = f', for example worker 0, "{cluster[WORKER][0]}"' if WORKER in cluster else ""
        yield f'"cluster" has no chief, which saves the checkpoints. Make one process the chief{hint}.'
    for role in (CHIEF, EVALUATOR):
        if len(cluster.get(role, ())) > 1:
            yield f'"cluster" has {len(cluster[role])} processes of the role {role}. There must be one.'
    if set(cluster) <= {CHIEF, EVALUATOR}:
        yield "The chief is alone. Add workers or parameter servers, or leave TF_CONFIG unset to train in one process."
    if is_tfjob and EVALUATOR not in cluster:
        yield (
            "The TFJob has no evaluator, so no checkpoint would be evaluated and exported. "
            "Add the replica type Evaluator, replicas: 1."
        )


def _for_strategy(strategy: str | None, cluster: Mapping[str, Sequence[str]]) -> Iterator[str]:
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


def _in_task(task: object, cluster: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if not isinstance(task, dict) or not {"type", "index"} <= set(task):
        yield f'"task" is {json.dumps(task)}. It must say which process this is: {{"type": "worker", "index": 0}}.'
        return
    role, index = task["type"], task["index"]
    # The evaluator needs no address: no process connects to it.
    count = 1 if role == EVALUATOR else len(cluster.get(role, ())) if isinstance(role, str) else 0
    if role not in ROLES:
        yield f'"task.type" is {json.dumps(role)}. Known: {", ".join(ROLES)}.'
    elif not count:
        yield f'"task.type" says that this is a {role}, but "cluster" has no {role}. It has: {", ".join(cluster)}.'
    elif isinstance(index, bool) or not str(index).isdecimal() or int(index) >= count:
        valid = "0" if count == 1 else f"a number from 0 to {count - 1}"
        yield f'"task.index" is {json.dumps(index)}. "cluster" has {count} of the role {role}, so it must be {valid}.'
