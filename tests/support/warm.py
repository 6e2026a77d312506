"""A process that has imported TensorFlow and TFX, and that runs each Python command in a fork of itself.

The imports take 7 s of the 13 s of a small run, and the tests make many runs. Otherwise a fork is like a new process: it has
its own arguments, environment, working folder, standard streams and exit code. A command does not affect the next one.
"""

import atexit
import contextlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

from trainer_module import garbage

# The imports of a run. They start no thread of TensorFlow, so a fork of the process works like a new process.
_PRELOADED = ("pipeline.cli", "pipeline.commands.run", "pipeline.execution.local_runner", "pipeline.dag")


class WarmProcess:
    """Runs commands, one at a time. The process starts with the first command and ends with the process that uses it."""

    def __init__(self, folder):
        """`folder`: the checkout that the process imports."""
        self._folder, self._process, self._one_at_a_time = folder, None, threading.Lock()

    def start(self):
        """Starts the process, if it is not running."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__], cwd=self._folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            atexit.register(self.stop)

    def stop(self):
        """Ends the process, if it is running."""
        atexit.unregister(self.stop)
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def run(self, module, arguments, *, cwd, environment, streams, seconds):
        """Runs a command to its end.

        Args:
            module: the module of `python -m MODULE ARGUMENTS`.
            arguments: the arguments after it.
            cwd: its working folder.
            environment: all variables of the command, PYTHONPATH too.
            streams: the files that are its standard input, output and error. Output is appended.
            seconds: time limit of the command.

        Returns:
            The exit code. As in `subprocess`, it is negative if a signal killed the command.

        Raises:
            TimeoutError: the command has not ended in time. It and the processes that it started are killed.
            RuntimeError: the process has ended itself.
        """
        request = {
            "module": module,
            "arguments": list(arguments),
            "cwd": str(cwd),
            "environment": dict(environment),
            "streams": [str(file) for file in streams],
            "seconds": seconds,
        }
        with self._one_at_a_time:
            self.start()
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"The process that forks has ended with status {self._process.wait()}.")
        exit_code = json.loads(answer)
        if exit_code is None:
            command, outputs = f"python -m {module} {' '.join(request['arguments'])}", dict.fromkeys(request["streams"][1:])
            printed = "\n".join(Path(file).read_text() for file in outputs)
            raise TimeoutError(f"{command} has not ended after {seconds} s. It printed:\n{printed}")
        return exit_code


def _serve():
    """The program of the process: forks for each line of standard input, and writes the exit code, or null after a time-out."""
    garbage.collect_seldom()
    for module in _PRELOADED:
        __import__(module)
    for line in iter(sys.stdin.readline, ""):
        request = json.loads(line)
        child = os.fork()
        if not child:
            _command(**request)
        print(json.dumps(_exit_code(child, request["seconds"])), flush=True)


def _exit_code(child, seconds):
    """Waits for a fork. Returns its exit code, or None if it was killed: it took too long, or the tests have ended."""
    ended = os.pidfd_open(child)
    in_time = ended in select.select([ended, sys.stdin], [], [], seconds)[0]
    if not in_time:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    os.close(ended)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if in_time else None


def _command(module, arguments, cwd, environment, streams, seconds):
    """The program of a fork: sets up streams, folder, environment and path, then runs the command. Does not return."""
    os.setsid()  # so that a time-out can kill the processes that the command has started
    for descriptor, file in enumerate(streams):
        descriptor_of_file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT if descriptor else os.O_RDONLY, 0o644)
        os.dup2(descriptor_of_file, descriptor)
        os.close(descriptor_of_file)
    sys.stdin = os.fdopen(0, closefd=False)  # the buffer of the former one may hold the next request
    os.chdir(cwd)
    own_path = [folder for folder in sys.path if folder not in os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = [*filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)), *own_path]
    sys.argv = [module, *arguments]
    exit_code = 1
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        exit_code = 0
    except SystemExit as ending:
        if ending.code is None or isinstance(ending.code, int):
            exit_code = ending.code or 0
        else:
            print(ending.code, file=sys.stderr)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)


# Runs the commands of this checkout.
WARM = WarmProcess(Path(__file__).parents[2])

if __name__ == "__main__":
    _serve()
