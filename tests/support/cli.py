"""Runs the real command line, `python -m pipeline`, in a process for each command."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.warm import WARM

ROOT = Path(__file__).parents[2]
_SECONDS = 300


@dataclass
class Result:
    """The result of a command: its exit code, its output, and after a run its run.json."""

    code: int
    out: str
    err: str
    record: dict = field(default_factory=dict)

    def states(self):
        """Returns node id -> state."""
        return {n["id"]: n["state"] for n in self.record["nodes"]}


def command(*args):
    """Returns the command line `python -m pipeline ARGS`."""
    return [sys.executable, "-m", "pipeline", *map(str, args)]


def environment(path=None):
    """Returns the environment variables of a run. It writes bytecode files, and can import from the folder `path`."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return env | ({"PYTHONPATH": str(path)} if path else {})


def call(*args, path=None, stdin="", new_process=False):
    """Runs a command of `python -m pipeline`, at most 300 seconds. Returns its Result.

    Args:
        args: the arguments after `python -m pipeline`.
        path: a folder from which its process can import.
        stdin: text for its standard input.
        new_process: whether to start Python instead of a fork (see `warm`), for a test of the start or the end of a process.
    """
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder, name) for name in ("in", "out", "err")]
        for stream, text in zip(streams, (stdin, "", ""), strict=True):
            stream.write_text(text)
        run_module = run_in_new_process if new_process else WARM.run
        code = run_module(
            "pipeline", map(str, args), cwd=ROOT, environment=environment(path), streams=streams, seconds=_SECONDS
        )
        return Result(code, *(stream.read_text() for stream in streams[1:]))


def run_in_new_process(module, arguments, *, cwd, environment, streams, seconds):
    """Runs `python -m MODULE ARGUMENTS` in a new process. For the arguments and the result see `WarmProcess.run`.

    Raises:
        subprocess.TimeoutExpired: the command has not ended in time. It is killed.
    """
    command_line = [sys.executable, "-m", module, *arguments]
    stdin_file, *output_files = streams
    with stdin_file.open("rb") as stdin, output_files[0].open("ab") as out, output_files[1].open("ab") as err:
        return subprocess.run(
            command_line, cwd=cwd, env=environment, stdin=stdin, stdout=out, stderr=err, timeout=seconds, check=False
        ).returncode


def run(output, *args, path=None, new_process=False):
    """Runs the pipeline into the folder `output`. Returns its Result with its run.json. For the arguments see `call`."""
    result = call("run", "--output-dir", output, *args, path=path, new_process=new_process)
    file = Path(output) / "run.json"
    result.record = json.loads(file.read_text()) if file.exists() else {}
    return result


def served_versions(output):
    """Returns the names of the versions in the serving folder, sorted."""
    folder = Path(output) / "serving"
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []
