"""Commands of `python -m pipeline`, each in a fork of a process that has imported TensorFlow and TFX.

The import takes 7 s of the 13 s of a small run, and the tests make a hundred runs. Otherwise a fork is like a new process: it
has its own arguments, environment, working folder, standard streams and exit code. A command does not affect the next one.
"""

import multiprocessing
import os
import sys
from multiprocessing import forkserver
from multiprocessing import process as this_process

# The imports of a run. They start no thread of TensorFlow, so a fork of the process works like a new process.
_PRELOADED = ("pipeline.cli", "pipeline.commands.run", "pipeline.execution.local_runner", "pipeline.dag", __name__)

# sys.path of the forking process. multiprocessing gives each child the path of its parent, to which tests have added folders.
_PATH = list(sys.path)
_CONTEXT = multiprocessing.get_context("forkserver")


def start():
    """Starts the process that forks, if it is not running. It ends with this process."""
    _CONTEXT.set_forkserver_preload(list(_PRELOADED))
    forkserver.ensure_running()


def run(arguments, *, cwd, environment, streams, seconds):
    """Runs a command to its end.

    Args:
        arguments: the arguments after `python -m pipeline`.
        cwd: its working folder.
        environment: all variables of the command, PYTHONPATH too.
        streams: the files that are its standard input, output and error.
        seconds: time limit of the command.

    Returns:
        The exit code.

    Raises:
        TimeoutError: the command has not ended in time. It is killed.
    """
    start()
    command = _CONTEXT.Process(target=_command, args=(arguments, str(cwd), environment, [str(file) for file in streams]))
    command.start()
    command.join(seconds)
    if command.exitcode is None:
        command.kill()
        command.join()
        raise TimeoutError(f"python -m pipeline {' '.join(arguments)} has not ended after {seconds} s.")
    return command.exitcode


def _command(arguments, cwd, environment, streams):
    """The program of the fork: sets up streams, folder, environment and path, then runs the command."""
    for descriptor, (file, flags) in enumerate(zip(streams, (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY), strict=True)):
        descriptor_of_file = os.open(file, flags)
        os.dup2(descriptor_of_file, descriptor)
        os.close(descriptor_of_file)
    sys.stdin = os.fdopen(0, closefd=False)  # multiprocessing opens /dev/null as sys.stdin
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = [*filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)), *_PATH]
    sys.argv = ["pipeline", *arguments]
    this_process.current_process().name = "MainProcess"

    from pipeline import cli

    cli.main()
