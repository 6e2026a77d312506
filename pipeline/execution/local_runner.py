"""Runs the DAG in this process. Nodes that do not need each other run at the same time."""

from __future__ import annotations

import threading

from pipeline.errors import StoppedError
from pipeline.execution.nodes import Nodes


def run(nodes: Nodes, parallel: int = 1) -> None:
    """Runs every node after the nodes that it needs, up to `parallel` at a time.

    TFX's LocalDagRunner runs the nodes one by one, does not name the node that failed, and returns normally if the inputs of a
    node could not be resolved.

    Raises:
        pipeline.errors.NodeFailedError: a node failed. No further node starts; nodes that are running finish.
        pipeline.errors.StoppedError: a signal ended the run.
    """
    schedule = _Schedule(nodes.upstream)
    helpers = [threading.Thread(target=_help, args=(nodes, schedule), daemon=True, name="node") for _ in range(parallel - 1)]
    for helper in helpers:
        helper.start()
    try:
        _work(nodes, schedule, here=True)
        for helper in helpers:
            helper.join()
    except StoppedError:  # a signal raised it in this thread; the other threads end with the process
        for node_id in schedule.stop():
            nodes.stop(node_id)
        raise
    if schedule.failure:
        raise schedule.failure


def _work(nodes: Nodes, schedule: _Schedule, *, here: bool = False) -> None:
    while node_id := schedule.take(here=here):
        try:
            nodes.run(node_id)
        except Exception as failure:
            schedule.ended(node_id, failure)
        except BaseException:
            schedule.ended(node_id, None)
            raise
        else:
            schedule.ended(node_id, None)


def _help(nodes: Nodes, schedule: _Schedule) -> None:
    """Runs nodes in a second thread, at the same time as the main thread."""
    try:
        _work(nodes, schedule)
    except BaseException as stopped:  # a training that a signal asked to stop
        schedule.stop(stopped)


class _Schedule:
    """The waiting and the running nodes. Every thread takes its next node from here."""

    def __init__(self, upstream: dict[str, set[str]]) -> None:
        self._waiting = {node: before & set(upstream) for node, before in upstream.items()}
        self._running: set[str] = set()
        self._changed = threading.Condition()
        self._busy_here, self._stopped = False, False
        self.failure: BaseException | None = None

    def take(self, *, here: bool) -> str | None:
        """Waits for a node that can run and returns it. Returns None when no node will run any more.

        Args:
            here: whether the caller is the main thread, where signals arrive. It is served first: a signal can end a node in
                the middle only if the node runs there.
        """
        with self._changed:
            while True:
                if here:
                    self._busy_here = False
                if self._stopped or not self._waiting:
                    return None
                ready = next((node for node, before in self._waiting.items() if not before), None)
                if ready and (here or self._busy_here):
                    del self._waiting[ready]
                    self._running.add(ready)
                    self._busy_here = self._busy_here or here
                    self._changed.notify_all()
                    return ready
                self._changed.wait()

    def ended(self, node_id: str, failure: BaseException | None) -> None:
        """Records that a node has ended; `failure`: why it failed, if it did."""
        with self._changed:
            self._running.discard(node_id)
            for before in self._waiting.values():
                before.discard(node_id)
            if failure:
                self.failure, self._stopped = self.failure or failure, True
            self._changed.notify_all()

    def stop(self, why: BaseException | None = None) -> list[str]:
        """Prevents every further start. Returns the ids of the running nodes."""
        with self._changed:
            self._stopped, self.failure = True, self.failure or why
            self._changed.notify_all()
            return sorted(self._running)
