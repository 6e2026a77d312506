"""The order in which the local runner runs nodes. (The nodes themselves are real in tests/e2e.)"""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from pipeline.errors import NodeFailedError, TerminatedRunError
from pipeline.execution import local_runner

_SECONDS = 20  # a generous limit for threads that wait for each other


class Nodes:
    """Nodes that call the functions `does` and collect what ran."""

    def __init__(self, upstream: dict[str, set[str]], **does: Callable[[], None]) -> None:
        self.upstream, self._does = upstream, does
        self.ran: list[str] = []
        self.threads: dict[str, threading.Thread] = {}
        self.cancelled: list[str] = []

    def run(self, node_id: str) -> str:
        self.threads[node_id] = threading.current_thread()
        self._does.get(node_id, lambda: None)()
        self.ran.append(node_id)
        return "done"

    def stop(self, node_id: str) -> None:
        self.cancelled.append(node_id)


DIAMOND = {"first": set(), "left": {"first"}, "right": {"first"}, "last": {"left", "right"}}


@pytest.mark.parametrize("parallel", [1, 2, 4])
def test_a_node_runs_after_its_upstream_nodes(parallel: int) -> None:
    nodes = Nodes(DIAMOND)
    local_runner.run(nodes, parallel)
    assert nodes.ran[0] == "first" and nodes.ran[-1] == "last" and sorted(nodes.ran) == sorted(DIAMOND)


def test_with_one_at_a_time_the_nodes_run_in_topological_order_in_this_thread() -> None:
    nodes = Nodes(DIAMOND)
    local_runner.run(nodes, 1)
    assert nodes.ran == list(DIAMOND)
    assert set(nodes.threads.values()) == {threading.current_thread()}


def test_independent_nodes_run_at_the_same_time() -> None:
    meet = threading.Barrier(2)
    nodes = Nodes(DIAMOND, left=lambda: meet.wait(_SECONDS) and None, right=lambda: meet.wait(_SECONDS) and None)
    local_runner.run(nodes, 2)  # if they ran one after the other, the first would wait in vain
    assert nodes.threads["left"] is not nodes.threads["right"]


def test_a_node_that_runs_alone_runs_in_the_main_thread_which_receives_signals() -> None:
    nodes = Nodes({"a": set(), "b": {"a"}, "c": {"b"}})
    local_runner.run(nodes, 3)
    assert set(nodes.threads.values()) == {threading.current_thread()}


def test_at_most_the_configured_number_of_nodes_runs_at_once() -> None:
    running, most_at_once, lock, gate = 0, 0, threading.Lock(), threading.Event()

    def work() -> None:
        nonlocal running, most_at_once
        with lock:
            running += 1
            most_at_once = max(most_at_once, running)
        gate.wait(0.05)
        with lock:
            running -= 1

    names = [f"node{i}" for i in range(6)]
    local_runner.run(Nodes({name: set() for name in names}, **dict.fromkeys(names, work)), 2)
    assert most_at_once == 2


def test_after_a_failure_no_node_starts_and_running_nodes_finish() -> None:
    begun, failed = threading.Event(), threading.Event()

    def fail() -> None:
        assert begun.wait(_SECONDS)
        failed.set()
        raise NodeFailedError("left", "as told")

    def finish_after_failure() -> None:
        begun.set()
        assert failed.wait(_SECONDS)

    nodes = Nodes(DIAMOND, left=fail, right=finish_after_failure)
    with pytest.raises(NodeFailedError, match="as told"):
        local_runner.run(nodes, 2)
    assert nodes.ran == ["first", "right"]


def test_a_failure_in_another_thread_is_raised_too() -> None:
    def fail() -> None:
        if threading.current_thread() is not threading.main_thread():
            raise NodeFailedError("beside", "as told")
        other.wait(_SECONDS)

    other = threading.Event()

    def release() -> None:
        try:
            fail()
        finally:
            other.set()

    nodes = Nodes({"a": set(), "b": set(), "c": {"a", "b"}}, a=release, b=release)
    with pytest.raises(NodeFailedError, match="as told"):
        local_runner.run(nodes, 2)
    assert "c" not in nodes.ran


def test_a_signal_ends_the_run_at_once_and_cancels_the_other_running_nodes() -> None:
    started, never = threading.Event(), threading.Event()

    def raise_or_wait() -> None:
        if threading.current_thread() is threading.main_thread():
            assert started.wait(_SECONDS)
            raise TerminatedRunError("Stopped by SIGTERM.")
        started.set()
        never.wait()  # a real process would end now

    nodes = Nodes({"a": set(), "b": set(), "c": {"a"}}, a=raise_or_wait, b=raise_or_wait)
    with pytest.raises(TerminatedRunError):
        local_runner.run(nodes, 2)
    assert nodes.cancelled == ["b"] and nodes.ran == []
    never.set()
