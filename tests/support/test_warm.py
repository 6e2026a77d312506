"""A command in a fork works like one in a new process: its exit code, its output, its folder, its variables, its end."""

import signal
import textwrap
import time

import psutil
import pytest

from tests.support import cli
from tests.support.warm import WARM

PROGRAM = """
    import os, signal, subprocess, sys, time

    way = sys.argv[1]
    if way == "prints":
        print(os.getcwd(), os.environ["COLOUR"], sys.argv[1:], __name__, sys.stdin.read())
        print("to standard error", file=sys.stderr)
    elif way == "has number":
        sys.exit(3)
    elif way == "has text":
        sys.exit("Give a number.")
    elif way == "fails":
        raise ValueError("a mistake")
    elif way == "is killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif way == "changes everything":
        os.environ["COLOUR"] = "grey"
        os.chdir("/")
        sys.path.clear()
    elif way == "hangs":
        print(subprocess.Popen(["sleep", "600"]).pid, flush=True)
        time.sleep(600)
"""


@pytest.fixture
def run(tmp_path):
    """Returns a function: arguments of PROGRAM -> (exit code, standard output, standard error)."""
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM))
    variables = cli.environment(tmp_path) | {"COLOUR": "blue"}

    def run_program(*arguments, seconds=60):
        streams = [tmp_path / name for name in ("in", "out", "err")]
        for stream, text in zip(streams, ("a line", "", ""), strict=True):
            stream.write_text(text)
        code = WARM.run("program", arguments, cwd=tmp_path, environment=variables, streams=streams, seconds=seconds)
        return code, streams[1].read_text(), streams[2].read_text()

    return run_program


def test_a_command_gets_its_arguments_streams_folder_and_variables(run, tmp_path):
    expected = f"{tmp_path} blue ['prints', 'more'] __main__ a line\n"
    assert run("prints", "more") == (0, expected, "to standard error\n")


@pytest.mark.parametrize(
    ("way", "code", "error"),
    [
        ("has number", 3, ""),
        ("has text", 1, "Give a number.\n"),
        ("fails", 1, "ValueError: a mistake\n"),
        ("is killed", -signal.SIGKILL, ""),
    ],
)
def test_the_exit_code_is_that_of_the_command(run, way, code, error):
    exit_code, _, err = run(way)
    assert exit_code == code
    assert err.endswith(error)


def test_a_command_does_not_affect_the_next_one(run):
    before = run("prints")
    assert run("changes everything")[0] == 0
    assert run("prints") == before


def test_a_command_that_takes_too_long_is_killed_with_the_processes_that_it_started(run):
    with pytest.raises(TimeoutError, match=r"python -m program hangs has not ended after 1 s\. It printed:") as error:
        run("hangs", seconds=1)
    sleeping = int(str(error.value).splitlines()[1])
    deadline = time.monotonic() + 10
    while psutil.pid_exists(sleeping) and psutil.Process(sleeping).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert run("prints")[0] == 0
