"""Functions on the DAG as a dictionary: node -> upstream nodes."""

from __future__ import annotations

import pytest

from pipeline import graph

#   read -> split -> train -> push
#     \______________/   \    /
#                         eval
UPSTREAM = {
    "read": [],
    "split": ["read"],
    "train": ["read", "split"],
    "eval": ["train"],
    "push": ["eval", "train"],
}


@pytest.mark.parametrize(
    ("node", "before", "after"),
    [
        ("read", set(), ["split", "train", "eval", "push"]),
        ("train", {"read", "split"}, ["eval", "push"]),
        ("push", {"read", "split", "train", "eval"}, []),
    ],
)
def test_ancestors_and_descendants_of_a_node(node, before, after):
    assert graph.ancestors(node, UPSTREAM) == before
    assert graph.descendants(node, UPSTREAM) == after


def test_an_edge_that_follows_from_other_edges_is_left_out():
    assert graph.transitive_reduction(UPSTREAM) == {
        "read": [], "split": ["read"], "train": ["split"], "eval": ["train"], "push": ["eval"],
    }  # fmt: skip
