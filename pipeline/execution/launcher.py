"""TFX's launcher of a node, for a node that another thread may stop while it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from tfx.orchestration.portable import launcher


class NodeStoppedError(Exception):
    """A node ended after it was stopped, so its results are not published."""


class StoppableLauncher(launcher.Launcher):
    """TFX's launcher, except that a node that was stopped publishes nothing."""

    def launch_unless(self, stopped: Callable[[], bool], publishing: threading.Lock) -> None:
        """Launches the node, and publishes its results unless it has been stopped.

        Args:
            stopped: whether the node has been stopped.
            publishing: a lock; while it is held, the result of `stopped` does not change.
        """
        self._stopped, self._publishing = stopped, publishing
        self.launch()

    def _publish_successful_execution(self, *args: Any, **kwargs: Any) -> None:
        with self._publishing:
            if self._stopped():
                raise NodeStoppedError("It was stopped while it ran.")
            super()._publish_successful_execution(*args, **kwargs)
