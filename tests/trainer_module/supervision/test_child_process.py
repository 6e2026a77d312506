"""A child process: its messages, its end, and that it dies with its parent."""

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


def wait_until(condition):
    """Calls `condition` until its result is true. Returns that result."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"the condition is not true after {SECONDS} s")


@pytest.fixture
def process(tmp_path):
    """Returns a function that starts a script as a ChildProcess. It is killed after the test."""
    children = []

    def start(script, inherited=()):
        command = [sys.executable, "-c", script]
        children.append(
            ChildProcess(
                command, os.environ | {"PYTHONPATH": str(ROOT)}, tmp_path / "logs" / "role.log", "role, start 1", inherited
            )
        )
        return children[-1]

    yield start
    for child in children:
        child.kill()


SENDER = (
    "import os, sys, time\nfrom trainer_module.supervision.heartbeat import Heartbeat\nsender = Heartbeat(int(sys.argv[-1]))\n"
)


def test_a_child_has_started_when_its_first_message_arrives(process):
    child = process(SENDER + "sender.start(); time.sleep(60)")
    assert not child.started
    wait_until(lambda: list(child.read_progress()) or child.started)
    assert child.silent_seconds < SECONDS
    assert child.how_it_ended() == "is running"


def test_progress_that_a_child_logs_arrives_as_a_report(process):
    report = ProgressReport(step=3, steps=9, loss=0.5, steps_per_second=7.0)
    child = process(
        SENDER + "from trainer_module.training import progress\nprogress.LOGGER.setLevel('INFO')\n"
        f"sender.start(progress.LOGGER); progress.log(progress.{report}); time.sleep(60)"
    )
    assert wait_until(lambda: list(child.read_progress())) == [report]


def test_a_child_sends_the_reason_why_a_restart_would_not_help(process):
    child = process(SENDER + "sender.send_failure('TrainingError: ' + 'x' * 9000)")
    wait_until(lambda: child.exit_code is not None)
    assert list(child.read_progress()) == []
    assert child.failure.startswith("TrainingError: xxx")


def test_a_message_in_two_parts_arrives_as_one(process):
    child = process("import os, sys, time; pipe = int(sys.argv[-1]); os.write(pipe, b'{\"prog'); time.sleep(0.3); "
                  "os.write(pipe, b'ress\": {\"step\": 1, \"steps\": 2, "
                  "\"loss\": 3, \"steps_per_second\": 4}}\\n'); time.sleep(60)")  # fmt: skip
    assert wait_until(lambda: list(child.read_progress())) == [ProgressReport(1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("script", "description"),
    [("import sys; sys.exit(3)", "ended with status 3"), ("import os; os.kill(os.getpid(), 9)", "was killed by SIGKILL")],
)
def test_how_it_ended_names_the_status_or_the_signal(process, script, description):
    child = process(script)
    wait_until(lambda: child.exit_code is not None)
    assert child.how_it_ended() == description


def test_the_log_grows_and_its_end_is_the_output_of_this_start(process):
    first = process("print('first')")
    wait_until(lambda: first.exit_code is not None)
    second = process("import sys; print('out'); sys.exit('err')")
    wait_until(lambda: second.exit_code is not None)
    assert second.log.read_text().count("role, start 1") == 2
    title, header, *lines = second.end_of_log().splitlines()
    assert title == f"The end of {second.log}:"
    assert header.startswith("== ") and header.endswith(" role, start 1")
    assert sorted(lines) == ["err", "out"]


def test_a_child_inherits_only_the_given_file_descriptors(process, tmp_path):
    with (tmp_path / "lock").open("w") as lock, (tmp_path / "other").open("w") as other:
        child = process(f"import os; print(os.fstat({lock.fileno()}).st_ino); os.fstat({other.fileno()})", (lock.fileno(),))
        wait_until(lambda: child.exit_code is not None)
        assert str(os.fstat(lock.fileno()).st_ino) in child.end_of_log()
    assert "Bad file descriptor" in child.end_of_log()


def test_a_child_has_its_own_process_group_so_that_ctrl_c_does_not_reach_it(process):
    child = process("import time; time.sleep(60)")
    assert os.getpgid(child.pid) == child.pid != os.getpgid(0)


# The death of the parent.

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


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc of Linux")
def test_a_child_is_killed_with_its_parent(tmp_path):
    command = [sys.executable, "-c", NODE, str(tmp_path / "log")]
    node = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE)
    pid = int(node.stdout.readline())
    assert alive(pid)
    node.kill()
    node.wait(SECONDS)
    wait_until(lambda: not alive(pid))


def test_a_child_whose_parent_is_already_dead_ends_at_once():
    script = "import os; from trainer_module.supervision import heartbeat; heartbeat.end_with(os.getppid() + 1); print('alive')"
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=SECONDS, check=False)
    assert (result.returncode, result.stdout) == (-signal.SIGKILL, b"")


def test_a_child_ends_when_the_other_end_of_its_pipe_is_closed():
    """This works also where the kernel does not kill a child with its parent."""
    read, write = os.pipe()
    script = SENDER + "sender.start(); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", script, str(write)], cwd=ROOT, pass_fds=[write])
    os.close(write)
    os.read(read, 1)
    os.close(read)
    assert child.wait(SECONDS) == -signal.SIGKILL


def test_a_full_pipe_does_not_block_the_sender():
    read, write = os.pipe()
    sender = heartbeat.Heartbeat(write)
    os.set_blocking(write, False)
    report = ProgressReport(step=1, steps=2, loss=math.nan, steps_per_second=0.5)
    for _ in range(100_000):
        sender.send(report)
    os.close(write)
    lines = os.read(read, 1 << 20).splitlines()
    assert {str(messages.decode(text)) for text in lines} == {str(report)}
    os.close(read)


def test_without_a_pipe_nothing_is_sent():
    sender = heartbeat.Heartbeat(None)
    logger = logging.getLogger("test_where_nobody_listens")
    sender.start(logger)
    sender.send_failure("why")
    assert logger.handlers == []
