"""Exceptions that end a run, and exit codes. Scripts and schedules depend on the codes.

* PipelineError                  a person reads it: one paragraph, no traceback (1)
  * UsageError                   wrong arguments or configuration (2)
  * InputError                   data or a folder that cannot be used (2)
    * InUseError                 an output folder that another run uses
  * NodeFailedError              a node of the DAG failed (1)
  * pipeline.metadata.uri.MetadataError
                                 MLMD cannot be reached (1)
* StoppedError                   a signal ended the run; a BaseException, as KeyboardInterrupt is (130)
  * InterruptedRunError          Ctrl-C (130)
  * TerminatedRunError           SIGTERM (143)
"""

from __future__ import annotations

DEBUG = "PIPELINE_DEBUG"  # environment variable: show tracebacks

OK = 0  # pushed, or nothing new to do
NODE_FAILED = 1
USAGE = 2  # wrong usage, configuration, or unusable input
REFUSED = 3  # by a gate
SKIPPED = 99  # exit code of one step whose node does not run, because a gate before it decided so
INTERRUPTED = 130
TERMINATED = 143


class PipelineError(Exception):
    """The base of all errors that a person reads as one paragraph, without a traceback."""

    exit_code = NODE_FAILED


class UsageError(PipelineError):
    """Wrong arguments or configuration."""

    exit_code = USAGE


class InputError(PipelineError):
    """Data or a folder that cannot be used."""

    exit_code = USAGE


class InUseError(InputError):
    """Another run uses the output folder."""


class NodeFailedError(PipelineError):
    """A node of the DAG failed.

    Attributes:
        node: its id.
    """

    def __init__(self, node: str, message: str) -> None:
        super().__init__(message)
        self.node = node


class StoppedError(BaseException):
    """A signal ended the run. It is not an Exception, so that no `except Exception` of a library swallows it."""

    exit_code = INTERRUPTED


class InterruptedRunError(StoppedError):
    """Ctrl-C."""


class TerminatedRunError(StoppedError):
    """SIGTERM."""

    exit_code = TERMINATED
