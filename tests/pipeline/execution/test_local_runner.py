"""The order in which the local runner runs nodes. (The nodes themselves are real in tests/e2e.)"""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from pipeline.errors import NodeFailedError, TerminatedRunError
from pipeline.execution import local_runner

_SECONDS = 20  # more than enough for threads that wait for each other


class Nodes:
    """Nodes that do what they are told, and remember it."""

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
def test_a_node_runs_after_those_that_it_needs(parallel: int) -> None:
    nodes = Nodes(DIAMOND)
    local_runner.run(nodes, parallel)
    assert nodes.ran[0] == "first" and nodes.ran[-1] == "last" and sorted(nodes.ran) == sorted(DIAMOND)


def test_one_at_a_time_runs_in_topological_order_in_this_thread() -> None:
    nodes = Nodes(DIAMOND)
    local_runner.run(nodes, 1)
    assert nodes.ran == list(DIAMOND)
    assert set(nodes.threads.values()) == {threading.current_thread()}


def test_nodes_that_do_not_need_each_other_run_at_the_same_time() -> None:
    meet = threading.Barrier(2)
    nodes = Nodes(DIAMOND, left=lambda: meet.wait(_SECONDS) and None, right=lambda: meet.wait(_SECONDS) and None)
    local_runner.run(nodes, 2)  # one after the other, each would wait for the other in vain
    assert nodes.threads["left"] is not nodes.threads["right"]


def test_a_node_that_is_alone_runs_in_the_thread_that_signals_arrive_in() -> None:
    nodes = Nodes({"a": set(), "b": {"a"}, "c": {"b"}})
    local_runner.run(nodes, 3)
    assert set(nodes.threads.values()) == {threading.current_thread()}


def test_no_more_than_so_many_at_once() -> None:
    running, most, lock, gate = 0, 0, threading.Lock(), threading.Event()

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        gate.wait(0.05)
        with lock:
            running -= 1

    names = [f"node{i}" for i in range(6)]
    local_runner.run(Nodes({name: set() for name in names}, **dict.fromkeys(names, work)), 2)
    assert most == 2


def test_after_a_failure_no_other_node_starts_and_those_under_way_come_to_an_end() -> None:
    begun, failed = threading.Event(), threading.Event()

    def fail() -> None:
        assert begun.wait(_SECONDS)
        failed.set()
        raise NodeFailedError("left", "as told")

    def come_to_an_end() -> None:
        begun.set()
        assert failed.wait(_SECONDS)

    nodes = Nodes(DIAMOND, left=fail, right=come_to_an_end)
    with pytest.raises(NodeFailedError, match="as told"):
        local_runner.run(nodes, 2)
    assert nodes.ran == ["first", "right"]


def test_a_failure_beside_the_calling_thread_is_raised_too() -> None:
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


def test_a_signal_ends_the_run_at_once_and_what_runs_beside_it_is_cancelled() -> None:
    started, never = threading.Event(), threading.Event()

    def here_or_beside() -> None:
        if threading.current_thread() is threading.main_thread():
            assert started.wait(_SECONDS)
            raise TerminatedRunError("Stopped by SIGTERM.")
        started.set()
        never.wait()  # the process would end now

    nodes = Nodes({"a": set(), "b": set(), "c": {"a"}}, a=here_or_beside, b=here_or_beside)
    with pytest.raises(TerminatedRunError):
        local_runner.run(nodes, 2)
    assert nodes.cancelled == ["b"] and nodes.ran == []
    never.set()
