"""One process of a role on this machine, from its start to its end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from trainer_module.supervision.progress_report import ProgressReport

_READ_BYTES = 1 << 16
_TAIL_BYTES, _TAIL_LINES = 8192, 15
_REAP_SECONDS = 10


class ChildProcess:
    """A running process, and what it says. Started by its creation.

    Attributes:
        log: file to which it writes.
        started: whether it has given a sign of life.
        failed: why starting it again would not help, if it has said so.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        header: str,
        keeps: Sequence[int] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Starts it.

        Args:
            command: to which the process id of this one and the descriptor of a pipe are added, see `lifeline`.
            environment: all of it.
            log: file to which it writes; it is appended to.
            header: first line there.
            keeps: descriptors that it is to inherit, beside those.
            clock: in seconds.
        """
        self._clock, self.log = clock, log
        self.started, self.failed = False, ""
        self._pipe, write = os.pipe()
        os.set_blocking(self._pipe, False)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            self._log_from = out.tell()
            out.write(f"== {datetime.now():%Y-%m-%d %H:%M:%S} {header}\n".encode())
            out.flush()
            # A session of its own: a Ctrl-C at the terminal is for this process to answer, not for all at once.
            self._popen = subprocess.Popen(
                [*command, "--parent", str(os.getpid()), "--heartbeat", str(write)],
                env=dict(environment), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                pass_fds=(write, *keeps), start_new_session=True,
            )  # fmt: skip
        os.close(write)
        self._rest = b""
        self._heard_at = clock()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    @property
    def code(self) -> int | None:
        """Its exit status, minus the signal that killed it, or None while it runs."""
        return self._popen.poll()

    @property
    def silent_seconds(self) -> float:
        """Since its start or its last sign of life."""
        return self._clock() - self._heard_at

    def hear(self) -> Iterator[ProgressReport]:
        """Returns the reports of progress that have come since the last call."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._pipe, _READ_BYTES):
                self._rest += chunk
        *lines, self._rest = self._rest.split(b"\n")
        if lines:
            self.started, self._heard_at = True, self._clock()
        for line in lines:
            message = json.loads(line)
            self.failed = message.get("failed", self.failed)
            if "progress" in message:
                yield ProgressReport(**message["progress"])

    def ask(self) -> None:
        """Asks it to leave."""
        if self.code is None:
            self._popen.terminate()

    def kill(self) -> None:
        """Ends it, if it has not ended, and frees what it held."""
        if self.code is None:
            self._popen.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):  # one that waits for a disk that does not answer
                self._popen.wait(_REAP_SECONDS)
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

    def how_it_ended(self) -> str:
        """Says it in words: "was killed by SIGKILL", "ended with status 1"."""
        code = self.code
        if code is None:
            return "is running"
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"

    def last_words(self) -> str:
        """Returns the last lines of its log, and where that is."""
        with self.log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._log_from, size - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
        return f"The end of {self.log}:\n" + "\n".join(lines[-_TAIL_LINES:])
