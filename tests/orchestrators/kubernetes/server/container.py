"""Runs one container of a pod as a process on this machine."""

import re
import subprocess
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from tests.orchestrators import processes

# Argo's program in a pod: the command of a container that waits for the others, and a wrapper around their commands.
_ARGO = "argoexec"


@dataclass(frozen=True)
class Machine:
    """Stands in for the image and the machine that containers run on.

    Attributes:
        image: name of the only image. Containers of other images cannot start.
        folder: the image's content and the working folder of its commands.
        environment: variables that the image sets.
        logs: folder for the containers' logs.
    """

    image: str
    folder: Path
    environment: dict[str, str]
    logs: Path


class WaitingError(Exception):
    """A container cannot start yet.

    Attributes:
        reason: Kubernetes' term for the reason, such as "ErrImagePull".
    """

    def __init__(self, reason, message):
        super().__init__(message)
        self.reason = reason


class Container:
    """A container. `state` is a Kubernetes ContainerState: waiting, running or terminated."""

    def __init__(self, spec, pod_uid, restart_policy, machine):
        """`spec`: a V1Container; `restart_policy`: of the pod; `machine`: a Machine."""
        self.name, self._spec, self._restart_policy, self._machine = spec.name, spec, restart_policy, machine
        self._mark = f"{pod_uid}/{spec.name}"
        self._process, self.restart_count = None, 0
        self.state = {"waiting": {"reason": "ContainerCreating"}}

    @property
    def only_waits(self):
        """Whether this is Argo's container that waits until the pod's other containers have ended."""
        command = self._spec.command or []
        return len(command) > 1 and command[0].endswith(_ARGO) and command[1] == "wait"

    @property
    def waiting(self):
        return "waiting" in self.state

    @property
    def exit_code(self):
        """The exit code, or None if the container has not ended."""
        return self.state.get("terminated", {}).get("exitCode")

    def start(self, environment, folder):
        """Starts the container's process, or sets the state that says why it cannot start.

        Args:
            environment: function: V1Container -> variables that the pod's specification sets. May raise WaitingError.
            folder: folder for the log.
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
        with (folder / f"{self.name}.{self.restart_count}.log").open("wb") as log:
            try:
                self._process = subprocess.Popen(
                    self._command(values), cwd=self._machine.folder, env=self._machine.environment | values | mark,
                    stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                log.write(f"{error}\n".encode())
                self._end(128, "StartError")

    def wait(self, error):
        """Sets the state "waiting" with the reason of a WaitingError."""
        self.state = {"waiting": {"reason": error.reason, "message": str(error)}}

    def update(self):
        """Updates the state if the process has ended: to terminated, or to waiting if the restart policy restarts it."""
        if self.exit_code is not None or self._process is None or self._process.poll() is None:
            return
        processes.kill(processes.CONTAINER, self._mark)  # a container ends when its first process ends
        code = self._process.returncode
        code = code if code >= 0 else 128 - code
        if self._restart_policy == "Always" or (self._restart_policy == "OnFailure" and code):
            self._process, self.restart_count = None, self.restart_count + 1
            self.wait(WaitingError("CrashLoopBackOff", "back-off restarting failed container"))
        else:
            self._end(code, "Error" if code else "Completed")

    def terminate(self):
        """Sends SIGTERM to the process. A container that has not started ends at once."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
        elif self.waiting:
            self._end(137, "ContainerStatusUnknown")  # the code of a killed one, as it never ran

    def kill(self):
        """Kills all processes of the container."""
        if self._process:
            processes.kill(processes.CONTAINER, self._mark)

    def finish(self):
        """Ends Argo's waiting container, which has no process."""
        self._end(0, "Completed")

    def status(self):
        """Returns the ContainerStatus for the pod's status."""
        return {
            "name": self.name, "image": self._spec.image, "imageID": self._spec.image, "state": self.state,
            "ready": "running" in self.state, "restartCount": self.restart_count,
        }  # fmt: skip

    def _command(self, values):
        """Returns the command with $(NAME) replaced as Kubernetes does, without Argo's wrapper, which only carries outputs."""
        words = [*(self._spec.command or []), *(self._spec.args or [])]
        if words[0].endswith(_ARGO):
            words = words[words.index("--") + 1 :]
        return [re.sub(r"\$\((\w+)\)", lambda match: values.get(match[1], match[0]), word) for word in words]

    def _end(self, code, reason):
        self.state = {"terminated": {"exitCode": code, "reason": reason, "finishedAt": _now()}}


def _now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
