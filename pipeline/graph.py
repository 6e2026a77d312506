"""Functions on the DAG as a mapping: node id -> ids of the nodes that must run before it, in topological order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping


def ancestors(node: str, needs: Mapping[str, Iterable[str]]) -> set[str]:
    """Returns all nodes that must run before a node."""
    direct = set(needs[node])
    return direct.union(*(ancestors(parent, needs) for parent in direct))


def descendants(node: str, needs: Mapping[str, Iterable[str]]) -> list[str]:
    """Returns all nodes that depend on a node, in topological order."""
    return [other for other in needs if node in ancestors(other, needs)]


def transitive_reduction(needs: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """Removes edges that follow from other edges: of A -> B -> C and A -> C it keeps A -> B -> C."""
    all_before = {node: ancestors(node, needs) for node in needs}
    return {
        node: [parent for parent in direct if not any(parent in all_before[other] for other in direct)]
        for node, direct in needs.items()
    }
