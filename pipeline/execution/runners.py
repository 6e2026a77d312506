"""The runners that execute the nodes of a run on this machine. (No import: the command line takes its choices from here.)"""

from __future__ import annotations

from collections.abc import Mapping

# Runner -> module with `run(nodes, parallel)`.
RUNNERS: Mapping[str, str] = {
    "local": "pipeline.execution.local_runner",
    "beam": "pipeline.execution.beam_runner",
}
DEFAULT_RUNNER = "local"
