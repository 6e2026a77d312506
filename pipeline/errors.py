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

| code | meaning | what to do |
|---:|---|---|
| 0 | pushed, or nothing new to do | |
| 1 | a node failed; or the metadata server cannot be reached; or the pipeline has a bug, and the message says *This should \
not have happened* | Read the message and the log that it names; run again to continue. |
| 2 | wrong usage or configuration, or unusable input | Follow the message: it names the value, the rule and the way out. |
| 3 | a gate refused the data or the model | Follow the message. |
| 99 | only of a step of Airflow: a gate before its node decided that the node does not run | Nothing: Airflow skips the task. |
| 130 | interrupted by Ctrl-C | Run again to continue. |
| 143 | ended by SIGTERM | Run again to continue. |
"""

from __future__ import annotations

DEBUG = "PIPELINE_DEBUG"  # environment variable: show tracebacks

OK = 0
NODE_FAILED = 1
USAGE = 2
REFUSED = 3
SKIPPED = 99
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
