"""Whoever watches a training: signals, clocks, and what becomes of a thread that is stuck."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from tests.support.cli import ROOT
from trainer_module.supervision import watchdog

SOON = {"grace_seconds": 30, "stall_seconds": 30}


def test_the_result_of_the_work_comes_back():
    assert watchdog.run(lambda control: 7, **SOON) == 7


def test_what_the_work_raises_comes_back():
    def fail(control):
        raise KeyError("here")

    with pytest.raises(KeyError, match="here"):
        watchdog.run(fail, **SOON)


def test_work_without_progress_is_given_up_with_its_stack_in_the_log(capfd):
    release = threading.Event()
    ended = []

    def stuck_in_this_function(control):
        release.wait(30)
        try:
            control.heartbeat()
        except watchdog.StalledError as error:
            ended.append(str(error))

    with pytest.raises(watchdog.StalledError, match=r"no progress for 0\.3 s"):
        watchdog.run(stuck_in_this_function, grace_seconds=30, stall_seconds=0.3)
    assert "stuck_in_this_function" in capfd.readouterr().err
    release.set()  # should it come back, it ends: another one may be in its folder
    deadline = time.monotonic() + 10
    while not ended and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ended == ["This training was given up."]


def test_progress_keeps_slow_work_alive():
    def slow(control):
        for _ in range(8):
            time.sleep(0.1)
            control.heartbeat()
        return "done"

    assert watchdog.run(slow, grace_seconds=30, stall_seconds=0.6) == "done"


@pytest.fixture
def received():
    """The SIGTERMs that reach whoever handled them before."""
    numbers = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: numbers.append(number))
    yield numbers
    signal.signal(signal.SIGTERM, before)


def polite(control):
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(600):
        time.sleep(0.05)
        control.raise_if_stopping()
    raise AssertionError("nobody asked to leave")


def test_a_signal_lets_the_training_leave_and_is_then_delivered(received):
    with pytest.raises(watchdog.InterruptedTraining, match="SIGTERM"):
        watchdog.run(polite, **SOON)
    assert received == [signal.SIGTERM]


def test_a_signal_is_delivered_when_the_grace_period_is_over(received):
    release = threading.Event()

    def deaf(control):
        os.kill(os.getpid(), signal.SIGTERM)
        release.wait(30)

    with pytest.raises(watchdog.InterruptedTraining):
        watchdog.run(deaf, grace_seconds=0.3, stall_seconds=30)
    assert received == [signal.SIGTERM]
    release.set()


def test_a_signal_in_the_last_moment_is_not_lost(received):
    def finished_nevertheless(control):
        os.kill(os.getpid(), signal.SIGTERM)
        while not control.stopping:
            time.sleep(0.01)
        return "done"

    with pytest.raises(watchdog.InterruptedTraining):
        watchdog.run(finished_nevertheless, **SOON)
    assert received == [signal.SIGTERM]


def test_a_second_signal_does_not_wait(received):
    def deaf(control):
        os.kill(os.getpid(), signal.SIGTERM)
        while not control.stopping:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)
        while not received:
            time.sleep(0.01)
        control.raise_if_stopping()

    with pytest.raises(watchdog.InterruptedTraining):
        watchdog.run(deaf, **SOON)
    assert received[0] == signal.SIGTERM


def test_handlers_are_as_before_when_the_training_has_ended():
    before = [signal.getsignal(number) for number in watchdog.SIGNALS]
    watchdog.run(lambda control: None, **SOON)
    assert [signal.getsignal(number) for number in watchdog.SIGNALS] == before


def test_in_another_thread_the_signal_comes_through_whoever_has_the_main_one(received):
    """As under a runner that runs nodes in threads: the main thread's handler asks, and is called again afterwards."""
    asked, outcome = [], []

    def handler(number, frame):
        asked.append(watchdog.request_stop(number))

    signal.signal(signal.SIGTERM, handler)

    def node():
        try:
            watchdog.run(polite, **SOON)
        except watchdog.InterruptedTraining as error:
            outcome.append(error.number)

    thread = threading.Thread(target=node)
    thread.start()
    deadline = time.monotonic() + 30
    while len(asked) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    thread.join(30)
    assert asked == [True, False]
    assert outcome == [signal.SIGTERM]


def test_without_a_training_nobody_is_asked_to_leave():
    assert not watchdog.request_stop(signal.SIGTERM)


def test_a_process_that_handles_no_signals_dies_of_the_signal_when_the_training_has_left():
    script = """
        import sys, time
        from trainer_module.supervision import watchdog

        def work(control):
            print("training", flush=True)
            while not control.stopping:
                time.sleep(0.01)
            print("saved", flush=True)
            control.raise_if_stopping()

        watchdog.run(work, grace_seconds=30, stall_seconds=30)
        """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout.readline() == "training\n"
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert (out, process.returncode) == ("saved\n", -signal.SIGTERM)
