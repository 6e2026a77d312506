"""The DAG as plain data."""

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
def test_a_node_knows_all_nodes_before_and_after_it(node, before, after):
    assert graph.ancestors(node, UPSTREAM) == before
    assert graph.descendants(node, UPSTREAM) == after


def test_a_need_that_another_need_has_too_is_left_out():
    assert graph.transitive_reduction(UPSTREAM) == {
        "read": [], "split": ["read"], "train": ["split"], "eval": ["train"], "push": ["eval"],
    }  # fmt: skip
