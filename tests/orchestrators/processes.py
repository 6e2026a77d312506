"""Finds and ends the processes of a test.

Each process has a mark, an environment variable that its child processes inherit. So no process can be lost, except a fork of
`tests.support.warm` itself: it has the variables of the process that forks. `WarmProcess.run` returns only when it has ended.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

# Variables that mark all processes of a test module, of a server (a cluster or an Airflow), and of a container in a pod.
MODULE, SERVER, CONTAINER = "E2E_MODULE", "E2E_SERVER", "E2E_CONTAINER"
_LOOK_EVERY_SECONDS = 0.05


class Server:
    """A server process that writes its output to `folder`/`name`.log."""

    def __init__(self, name, command, folder, environment):
        """`folder`: for the log; `environment`: all variables of the process."""
        self.name, self.log = name, folder / f"{name}.log"
        with self.log.open("wb") as out:
            self._process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)

    def check(self):
        """Raises RuntimeError if the server has ended: whoever waits for it would wait in vain."""
        if self._process.poll() is not None:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
            raise RuntimeError(f"{self.name} has ended with status {self._process.returncode}:\n{tail}")

    def stop(self, seconds=15):
        """Sends SIGTERM, then SIGKILL if the server has not ended after `seconds`."""
        self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def marked(name, value):
    """Returns the ids of running processes that were started with variable `name` set to `value`, except this process."""
    running = [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]
    return [process for process in running if process != os.getpid() and _environment(process).get(name) == value]


def has(process, name):
    """Returns whether a process was started with variable `name`."""
    return name in _environment(process)


def _environment(process):
    """Returns the variables a process was started with. Empty if it has ended or belongs to another user."""
    with contextlib.suppress(OSError):
        variables = Path(f"/proc/{process}/environ").read_bytes().decode(errors="replace").split("\0")
        return dict(variable.partition("=")[::2] for variable in variables)
    return {}


def kill(name, value):
    """Kills all processes that have variable `name` set to `value`, also those that they start in the meantime."""
    while left := marked(name, value):
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(_LOOK_EVERY_SECONDS)


def free_port():
    """Returns a loopback port that is not in use."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    """Returns whether a server listens on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
