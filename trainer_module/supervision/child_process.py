"""The parent's side of the link between a child process and its parent: starts the child, reads its messages, ends it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from trainer_module.supervision import messages
from trainer_module.supervision.messages import Failure
from trainer_module.supervision.progress_report import ProgressReport

_READ_BYTES = 1 << 16
_TAIL_BYTES, _TAIL_LINES = 8192, 15
_REAP_SECONDS = 10


class ChildProcess:
    """A child process. Creating the object starts the process.

    Attributes:
        log: file that the process writes its output to.
        started: whether the process has sent a message.
        failure: the reason why a restart would not help, as the process reported it; empty without a report.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        header: str,
        inherited: Sequence[int] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Starts the process.

        Args:
            command: gets two more arguments, for `trainer_module.supervision.heartbeat`: `--parent`, the id of this process,
                and `--heartbeat`, the descriptor of a pipe.
            environment: all environment variables of the process.
            log: the output is appended to this file.
            header: first line of the process in the log.
            inherited: descriptors that the process inherits, for example a lock.
            clock: returns seconds.
        """
        self._clock, self.log = clock, log
        self.started, self.failure = False, ""
        self._pipe, write = os.pipe()
        os.set_blocking(self._pipe, False)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            self._log_start = out.tell()
            out.write(f"== {datetime.now():%Y-%m-%d %H:%M:%S} {header}\n".encode())
            out.flush()
            # In its own session, the process does not get a Ctrl-C at the terminal: its parent decides what to do then.
            self._popen = subprocess.Popen(
                [*command, "--parent", str(os.getpid()), "--heartbeat", str(write)],
                env=dict(environment), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                pass_fds=(write, *inherited), start_new_session=True,
            )  # fmt: skip
        os.close(write)
        self._incomplete_line = b""
        self._last_message_at = clock()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """Exit status; minus the signal if one killed the process; None while it runs."""
        return self._popen.poll()

    @property
    def silent_seconds(self) -> float:
        """Seconds since the last message was read, or since the start."""
        return self._clock() - self._last_message_at

    def read_progress(self) -> Iterator[ProgressReport]:
        """Reads all messages since the last call and yields the reports of progress. Updates `started` and `failure`."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._pipe, _READ_BYTES):
                self._incomplete_line += chunk
        *lines, self._incomplete_line = self._incomplete_line.split(b"\n")
        if lines:
            self.started, self._last_message_at = True, self._clock()
        for message in map(messages.decode, lines):
            if isinstance(message, ProgressReport):
                yield message
            elif isinstance(message, Failure):
                self.failure = message.reason

    def request_stop(self) -> None:
        """Sends SIGTERM: the process saves a checkpoint and ends."""
        if self.exit_code is None:
            self._popen.terminate()

    def kill(self) -> None:
        """Kills the process if it runs, and closes the pipe."""
        if self.exit_code is None:
            self._popen.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):  # the process may hang on a disk that does not answer
                self._popen.wait(_REAP_SECONDS)
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

    def how_it_ended(self) -> str:
        """Returns the end of a sentence: "was killed by SIGKILL", "ended with status 1"."""
        code = self.exit_code
        if code is None:
            return "is running"
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"

    def end_of_log(self) -> str:
        """Returns the last lines that this process wrote, below the path of the log."""
        with self.log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._log_start, size - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
        return f"The end of {self.log}:\n" + "\n".join(lines[-_TAIL_LINES:])
