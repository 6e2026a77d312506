"""Functions on the DAG as a mapping: node id -> ids of the nodes that must run before it, in topological order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping


def ancestors(node: str, upstream: Mapping[str, Iterable[str]]) -> set[str]:
    """Returns all nodes that must run before a node."""
    direct = set(upstream[node])
    return direct.union(*(ancestors(parent, upstream) for parent in direct))


def descendants(node: str, upstream: Mapping[str, Iterable[str]]) -> list[str]:
    """Returns all nodes that depend on a node, in topological order."""
    return [other for other in upstream if node in ancestors(other, upstream)]


def transitive_reduction(upstream: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """Removes edges that follow from other edges: of A -> B -> C and A -> C it keeps A -> B -> C."""
    all_before = {node: ancestors(node, upstream) for node in upstream}
    return {
        node: [parent for parent in direct if not any(parent in all_before[other] for other in direct)]
        for node, direct in upstream.items()
    }


def unknown_node(node: str, known: Iterable[str]) -> str:
    """Returns the message for a user who names a node that the DAG does not have."""
    return f"There is no node '{node}'. The nodes are: {', '.join(known)}."
