"""Processes of a rig: each has the rig's mark in its environment, by which those that are left over are found and ended."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

# What a test module's processes, a rig's, a pod's and those that they start inherit.
MODULE, RIG, CONTAINER = "E2E_MODULE", "E2E_RIG", "E2E_CONTAINER"
_LOOK_EVERY_SECONDS = 0.05


class Server:
    """A server, its output in a file of its own."""

    def __init__(self, name, command, folder, environment):
        """`folder`: for its output; `environment`: of the process."""
        self.name, self.log = name, folder / f"{name}.log"
        with self.log.open("wb") as out:
            self._process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)

    def check(self):
        """Raises if it has ended: nothing that waits for it would come."""
        if self._process.poll() is not None:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
            raise RuntimeError(f"{self.name} has ended with status {self._process.returncode}:\n{tail}")

    def stop(self, seconds=15):
        """Ends it; by force after a while."""
        self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def marked(name, value):
    """Returns the ids of the living processes with such a variable in the environment that they were started with."""
    found = [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]
    return [process for process in found if process != os.getpid() and _environment(process).get(name) == value]


def has(process, name):
    """Whether a process was started with a variable in its environment."""
    return name in _environment(process)


def _environment(process):
    """Returns what a process was started with; nothing if it has ended, or belongs to somebody else."""
    with contextlib.suppress(OSError):
        variables = Path(f"/proc/{process}/environ").read_bytes().decode(errors="replace").split("\0")
        return dict(variable.partition("=")[::2] for variable in variables)
    return {}


def kill(name, value):
    """Kills all such processes, those too that they start meanwhile."""
    while left := marked(name, value):
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(_LOOK_EVERY_SECONDS)


def free_port():
    """Returns a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
