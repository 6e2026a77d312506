"""What can end a run, and the exit code that says so. Scripts and schedules depend on these codes."""

from __future__ import annotations

DEBUG = "PIPELINE_DEBUG"  # environment variable: show tracebacks

OK = 0  # pushed, or nothing new to do
NODE_FAILED = 1
USAGE = 2  # wrong usage, configuration, or unusable input
REFUSED = 3  # by a gate
INTERRUPTED = 130
TERMINATED = 143


class PipelineError(Exception):
    """The base of what a person is told in one paragraph, without a traceback."""

    exit_code = NODE_FAILED


class UsageError(PipelineError):
    """Wrong arguments or configuration."""

    exit_code = USAGE


class InputError(PipelineError):
    """Data or a folder that cannot be used."""

    exit_code = USAGE


class InUseError(InputError):
    """An output folder that another run is using."""


class NodeFailedError(PipelineError):
    """A node of the DAG failed.

    Attributes:
        node: its id.
    """

    def __init__(self, node: str, message: str) -> None:
        super().__init__(message)
        self.node = node


class RefusedError(PipelineError):
    """A gate said no."""

    exit_code = REFUSED


class StoppedError(BaseException):
    """A signal. Like KeyboardInterrupt no Exception: no library's `except Exception` may swallow it."""

    exit_code = INTERRUPTED


class InterruptedRunError(StoppedError):
    """Ctrl-C."""


class TerminatedRunError(StoppedError):
    """SIGTERM."""

    exit_code = TERMINATED
