"""One process of a role: what it says, how it ends, and that it never outlives the one that started it."""

import logging
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.cli import ROOT
from trainer_module.supervision import heartbeat, messages
from trainer_module.supervision.child_process import ChildProcess
from trainer_module.supervision.progress_report import ProgressReport

SECONDS = 30


def until(what):
    """Waits until something is true, and returns it."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it does not happen")


@pytest.fixture
def process(tmp_path):
    """Returns a function: starts a script; the folder is there for it."""
    started = []

    def start(script, inherited=()):
        command = [sys.executable, "-c", script]
        started.append(
            ChildProcess(
                command, os.environ | {"PYTHONPATH": str(ROOT)}, tmp_path / "logs" / "role.log", "role, start 1", inherited
            )
        )
        return started[-1]

    yield start
    for one in started:
        one.kill()


LINE = "import os, sys, time\nfrom trainer_module.supervision.heartbeat import Heartbeat\nline = Heartbeat(int(sys.argv[-1]))\n"


def test_it_has_started_when_it_has_said_so(process):
    one = process(LINE + "line.start(); time.sleep(60)")
    assert not one.started
    until(lambda: list(one.read_progress()) or one.started)
    assert one.silent_seconds < SECONDS
    assert one.how_it_ended() == "is running"


def test_what_it_logs_as_progress_arrives_as_a_report(process):
    report = ProgressReport(step=3, steps=9, loss=0.5, steps_per_second=7.0)
    one = process(
        LINE + "from trainer_module.training import progress\nprogress.LOGGER.setLevel('INFO')\n"
        f"line.start(progress.LOGGER); progress.log(progress.{report}); time.sleep(60)"
    )
    assert until(lambda: list(one.read_progress())) == [report]


def test_it_says_why_starting_it_again_would_not_help(process):
    one = process(LINE + "line.send_failure('TrainingError: ' + 'x' * 9000)")
    until(lambda: one.exit_code is not None)
    assert list(one.read_progress()) == []
    assert one.failure.startswith("TrainingError: xxx")


def test_a_message_that_is_cut_in_two_arrives_whole(process):
    one = process("import os, sys, time; pipe = int(sys.argv[-1]); os.write(pipe, b'{\"prog'); time.sleep(0.3); "
                  "os.write(pipe, b'ress\": {\"step\": 1, \"steps\": 2, "
                  "\"loss\": 3, \"steps_per_second\": 4}}\\n'); time.sleep(60)")  # fmt: skip
    assert until(lambda: list(one.read_progress())) == [ProgressReport(1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("script", "says"),
    [("import sys; sys.exit(3)", "ended with status 3"), ("import os; os.kill(os.getpid(), 9)", "was killed by SIGKILL")],
)
def test_it_is_said_how_it_ended(process, script, says):
    one = process(script)
    until(lambda: one.exit_code is not None)
    assert one.how_it_ended() == says


def test_the_log_is_appended_to_and_the_last_words_are_those_of_this_start(process):
    first = process("print('first')")
    until(lambda: first.exit_code is not None)
    second = process("import sys; print('out'); sys.exit('err')")
    until(lambda: second.exit_code is not None)
    assert second.log.read_text().count("role, start 1") == 2
    where, header, *lines = second.end_of_log().splitlines()
    assert where == f"The end of {second.log}:"
    assert header.startswith("== ") and header.endswith(" role, start 1")
    assert sorted(lines) == ["err", "out"]


def test_it_inherits_what_it_is_to_keep_and_nothing_else(process, tmp_path):
    with (tmp_path / "lock").open("w") as lock, (tmp_path / "other").open("w") as other:
        one = process(f"import os; print(os.fstat({lock.fileno()}).st_ino); os.fstat({other.fileno()})", (lock.fileno(),))
        until(lambda: one.exit_code is not None)
        assert str(os.fstat(lock.fileno()).st_ino) in one.end_of_log()
    assert "Bad file descriptor" in one.end_of_log()


def test_a_signal_at_the_terminal_does_not_reach_it(process):
    one = process("import time; time.sleep(60)")
    assert os.getpgid(one.pid) == one.pid != os.getpgid(0)


# The end of the one that started it.

NODE = '''
import os, sys, time
from pathlib import Path
from trainer_module.supervision.child_process import ChildProcess
from trainer_module.supervision.progress_report import ProgressReport
script = """
import sys, time
from trainer_module.supervision import heartbeat, messages
heartbeat.end_with(int(sys.argv[2]))
print("ready", flush=True)
time.sleep(60)
"""
one = ChildProcess([sys.executable, "-c", script], os.environ, Path(sys.argv[1]), "role")
while "ready" not in Path(sys.argv[1]).read_text(): time.sleep(0.01)
print(one.pid, flush=True)
time.sleep(60)
'''


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc").exists(), reason="Linux")
def test_it_is_killed_with_the_one_that_started_it(tmp_path):
    command = [sys.executable, "-c", NODE, str(tmp_path / "log")]
    node = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE)
    pid = int(node.stdout.readline())
    assert alive(pid)
    node.kill()
    node.wait(SECONDS)
    until(lambda: not alive(pid))


def test_it_does_not_begin_if_the_one_that_started_it_is_gone():
    script = "import os; from trainer_module.supervision import heartbeat; heartbeat.end_with(os.getppid() + 1); print('alive')"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=SECONDS, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"")


def test_it_ends_when_nobody_listens_any_more():
    """Where the kernel does not see to it."""
    read, write = os.pipe()
    script = LINE + "line.start(); time.sleep(60)"
    one = subprocess.Popen([sys.executable, "-c", script, str(write)], cwd=ROOT, pass_fds=[write])
    os.close(write)
    os.read(read, 1)
    os.close(read)
    assert one.wait(SECONDS) == -signal.SIGKILL


def test_a_full_pipe_does_not_hold_it_up():
    read, write = os.pipe()
    line = heartbeat.Heartbeat(write)
    os.set_blocking(write, False)
    report = ProgressReport(step=1, steps=2, loss=math.nan, steps_per_second=0.5)
    for _ in range(100_000):
        line.send(report)
    os.close(write)
    lines = os.read(read, 1 << 20).splitlines()
    assert {str(messages.decode(text)) for text in lines} == {str(report)}
    os.close(read)


def test_where_nobody_listens_nothing_is_said():
    line = heartbeat.Heartbeat(None)
    logger = logging.getLogger("test_where_nobody_listens")
    line.start(logger)
    line.send_failure("why")
    assert logger.handlers == []
