"""A cluster whose roles are small scripts and whose clock is simulated, for tests of the supervisor."""

import os
import sys
import time

from tests.support.settings import train_settings
from trainer_module.cluster.role_processes import RoleProcess
from trainer_module.cluster.supervisor import Supervisor
from trainer_module.supervision.child_process import ChildProcess
from trainer_module.supervision.control import Control
from trainer_module.training.settings import Cluster
from trainer_module.training.training_state import Snapshot

# The beginning of every script. `say` sends a message to the supervisor. `start` is the number of this start of the role.
PRELUDE = """
import json, os, pathlib, signal, sys, time
pipe, start, here = int(sys.argv[-1]), int(sys.argv[1]), pathlib.Path(sys.argv[2])
def say(**message): os.write(pipe, json.dumps(message).encode() + b"\\n")
def at(step): say(progress={"step": step, "steps": 1000, "loss": 0.5, "steps_per_second": 9.0})
def die(): os.kill(os.getpid(), signal.SIGKILL)
def wait():
    while True:
        time.sleep(0.01)
def finish(): (here / "over").touch()
"""
LIVES = "say(); wait()"
DIES_ONCE = "say(); die() if start == 1 else wait()"
ALWAYS_DIES = "say(); print('this is why', flush=True); die()"
# Format string: finishes the training after this many starts of roles.
ENDS_AT = "say()\nwhile len(list(here.glob('started.*'))) < {}: time.sleep(0.01)\nfinish()"


class ScriptedState:
    """A training state whose step a test sets, and which a script finishes.

    Attributes:
        step: function that returns the step.
        fell_back: how often the training fell back to an older checkpoint.
    """

    def __init__(self, folder):
        self.folder, self.step, self.fell_back = folder, lambda: 0, 0

    def read(self):
        step = self.step()
        return Snapshot(step, step, complete=False, finished=(self.folder / "over").exists())

    def fall_back(self):
        self.fell_back += 1


class ScriptedCluster:
    """A cluster of scripts. Its clock runs twenty times as fast as real time."""

    def __init__(self, folder, **settings):
        self.folder, self.control, self.state = folder, Control(), ScriptedState(folder)
        self.settings = train_settings(1000, **{"stall_seconds": 10**6, "cluster": cluster()} | settings)
        self.role_processes, self.now, self.starts, self.processes = [], 0.0, [], []

    def add(self, name, script):
        """Adds a role such as "worker-0" that runs a script. Returns this cluster."""

        def start(number):
            self.starts.append((name, self.now))
            (self.folder / f"started.{len(self.starts)}").touch()
            command = [sys.executable, "-S", "-c", PRELUDE + script, str(number), str(self.folder)]
            process = ChildProcess(
                command, os.environ, self.folder / f"{name}.log", f"{name}, start {number}", clock=lambda: self.now
            )
            self.processes.append((name, process))
            return process

        self.role_processes.append(RoleProcess(name, name.partition("-")[0], start))
        return self

    def sleep(self, seconds):
        """Advances the clock; sleeps a twentieth of the time."""
        self.now += seconds
        time.sleep(seconds / 20)

    def run(self):
        """Runs the supervisor until the training ends. Returns the names of the roles in the order of their starts."""
        deadline = time.monotonic() + 60
        control = self.control
        heartbeat = control.heartbeat

        def watched():
            assert time.monotonic() < deadline, "the supervisor does not end within 60 s"
            heartbeat()

        control.heartbeat = watched
        try:
            Supervisor(self.role_processes, self.settings, self.state, control, lambda: self.now, self.sleep).run()
        finally:
            assert all(process.exit_code is not None for _, process in self.processes)
        return [name for name, _ in self.starts]


def cluster(**settings):
    """Returns the settings of a cluster with one worker and one parameter server."""
    return Cluster(**{"workers": 1, "ps": 1, "start_seconds": 10**6} | settings)
