"""The DAG as plain data: node id -> ids of the nodes that must have run before it, in topological order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping


def ancestors(node: str, needs: Mapping[str, Iterable[str]]) -> set[str]:
    """Returns all nodes that must have run before a node."""
    direct = set(needs[node])
    return direct.union(*(ancestors(n, needs) for n in direct))


def without_indirect(needs: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """Leaves out what a node needs through another node that it needs."""
    all_before = {node: ancestors(node, needs) for node in needs}
    return {node: [b for b in before if not any(b in all_before[other] for other in before)] for node, before in needs.items()}
