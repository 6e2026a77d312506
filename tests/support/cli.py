"""Runs of the real command line, `python -m pipeline`, each in its own process."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass
class Result:
    """How a command ended: its exit code, what it printed, and after a run its run.json."""

    code: int
    out: str
    err: str
    record: dict = field(default_factory=dict)

    def states(self):
        """Returns node id -> state."""
        return {n["id"]: n["state"] for n in self.record["nodes"]}


def command(*args):
    return [sys.executable, "-m", "pipeline", *map(str, args)]


def environment(path=None):
    """The environment of a run: bytecode is used, and `path` can be imported from."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return env | ({"PYTHONPATH": str(path)} if path else {})


def call(*args, path=None, stdin=None):
    """Runs any command."""
    done = subprocess.run(
        command(*args), cwd=ROOT, env=environment(path), input=stdin, capture_output=True, text=True, timeout=300, check=False
    )
    return Result(done.returncode, done.stdout, done.stderr)


def run(output, *args, path=None):
    """Runs the pipeline into `output`; `record` is its run.json."""
    result = call("run", "--output-dir", output, *args, path=path)
    file = Path(output) / "run.json"
    result.record = json.loads(file.read_text()) if file.exists() else {}
    return result


def served_versions(output):
    """Returns the names of the versions in the serving folder, sorted."""
    folder = Path(output) / "serving"
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []
