"""One container of a pod, run as a process of this machine."""

import re
import subprocess
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from tests.orchestrators import processes

# What Argo adds to pods: a container that waits for the others, and a wrapper around their commands.
_ARGO = "argoexec"


@dataclass(frozen=True)
class Machine:
    """What containers run on.

    Attributes:
        image: the only one that there is.
        folder: what is in it: where its commands start.
        environment: what it sets.
        logs: folder for the logs of containers.
    """

    image: str
    folder: Path
    environment: dict[str, str]
    logs: Path


class WaitingError(Exception):
    """A container cannot start yet.

    Attributes:
        reason: Kubernetes' word for why.
    """

    def __init__(self, reason, message):
        super().__init__(message)
        self.reason = reason


class Container:
    """Knows what state it is in, as Kubernetes puts it."""

    def __init__(self, spec, pod_uid, restarts, machine):
        """`spec`: of the pod; `restarts`: its restartPolicy; `machine`: what it runs on."""
        self.name, self._spec, self._restarts, self._machine = spec.name, spec, restarts, machine
        self._mark = f"{pod_uid}/{spec.name}"
        self._process, self.restarted = None, 0
        self.state = {"waiting": {"reason": "ContainerCreating"}}

    @property
    def only_waits(self):
        """Whether it is Argo's: it ends when the others have ended."""
        command = self._spec.command or []
        return len(command) > 1 and command[0].endswith(_ARGO) and command[1] == "wait"

    @property
    def waiting(self):
        return "waiting" in self.state

    @property
    def exit_code(self):
        """None while it runs or is to run."""
        return self.state.get("terminated", {}).get("exitCode")

    def start(self, environment, folder):
        """Starts it.

        Args:
            environment: returns that of the pod's specification. May raise WaitingError.
            folder: for its logs.
        """
        if self.only_waits:
            self.state = {"running": {"startedAt": _now()}}
            return
        if self._spec.image != self._machine.image:
            self.wait(WaitingError("ErrImagePull", f'image "{self._spec.image}" not found'))
            return
        try:
            values = environment(self._spec)
        except WaitingError as error:
            self.wait(error)
            return
        self.state = {"running": {"startedAt": _now()}}
        mark = {processes.CONTAINER: self._mark}
        with (folder / f"{self.name}.{self.restarted}.log").open("wb") as log:
            try:
                self._process = subprocess.Popen(
                    self._command(values), cwd=self._machine.folder, env=self._machine.environment | values | mark,
                    stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                log.write(f"{error}\n".encode())
                self._end(128, "StartError")

    def wait(self, error):
        self.state = {"waiting": {"reason": error.reason, "message": str(error)}}

    def look(self):
        """Notices that it has ended."""
        if self.exit_code is not None or self._process is None or self._process.poll() is None:
            return
        processes.kill(processes.CONTAINER, self._mark)  # with its first process a container ends
        code = self._process.returncode
        code = code if code >= 0 else 128 - code
        if self._restarts == "Always" or (self._restarts == "OnFailure" and code):
            self._process, self.restarted = None, self.restarted + 1
            self.wait(WaitingError("CrashLoopBackOff", "back-off restarting failed container"))
        else:
            self._end(code, "Error" if code else "Completed")

    def ask(self):
        """Sends it SIGTERM."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
        elif self.waiting:
            self._end(137, "ContainerStatusUnknown")  # as if it had been killed: it never ran

    def kill(self):
        """Kills all of it."""
        if self._process:
            processes.kill(processes.CONTAINER, self._mark)

    def finish(self):
        """Ends the one that waits for the others."""
        self._end(0, "Completed")

    def status(self):
        """Returns what a pod's status says of it."""
        return {
            "name": self.name, "image": self._spec.image, "imageID": self._spec.image, "state": self.state,
            "ready": "running" in self.state, "restartCount": self.restarted,
        }  # fmt: skip

    def _command(self, values):
        """Kubernetes replaces $(NAME) in a command. Argo's wrapper, which carries outputs, is left out."""
        given = [*(self._spec.command or []), *(self._spec.args or [])]
        if given[0].endswith(_ARGO):
            given = given[given.index("--") + 1 :]
        return [re.sub(r"\$\((\w+)\)", lambda found: values.get(found[1], found[0]), part) for part in given]

    def _end(self, code, reason):
        self.state = {"terminated": {"exitCode": code, "reason": reason, "finishedAt": _now()}}


def _now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
