"""The watchdog of a training: signals, time limits, and threads that hang."""

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
from trainer_module.supervision.control import InterruptedTraining, StalledError

SOON = {"grace_seconds": 30, "stall_seconds": 30}


def test_run_returns_the_result_of_the_work():
    assert watchdog.run(lambda control: 7, **SOON) == 7


def test_run_raises_the_error_of_the_work():
    def fail(control):
        raise KeyError("here")

    with pytest.raises(KeyError, match="here"):
        watchdog.run(fail, **SOON)


def test_work_without_progress_is_given_up_and_its_stack_is_logged(capfd):
    release = threading.Event()
    messages = []

    def hang_in_this_function(control):
        release.wait(30)
        try:
            control.heartbeat()
        except StalledError as error:
            messages.append(str(error))

    with pytest.raises(StalledError, match=r"no progress for 0\.3 s"):
        watchdog.run(hang_in_this_function, grace_seconds=30, stall_seconds=0.3)
    assert "hang_in_this_function" in capfd.readouterr().err
    release.set()  # if the thread continues later, it ends: another training may use its folder now
    deadline = time.monotonic() + 10
    while not messages and time.monotonic() < deadline:
        time.sleep(0.01)
    assert messages == ["This training was abandoned."]


def test_progress_keeps_slow_work_alive():
    def slow(control):
        for _ in range(8):
            time.sleep(0.1)
            control.heartbeat()
        return "done"

    assert watchdog.run(slow, grace_seconds=30, stall_seconds=0.6) == "done"


@pytest.fixture
def received():
    """The SIGTERMs that reach the handler from before the training."""
    numbers = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: numbers.append(number))
    yield numbers
    signal.signal(signal.SIGTERM, before)


def wait_for_stop_request(control):
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(600):
        time.sleep(0.05)
        control.raise_if_stopping()
    raise AssertionError("no stop was requested")


def test_a_signal_stops_the_training_and_then_reaches_the_earlier_handler(received):
    with pytest.raises(InterruptedTraining, match="SIGTERM"):
        watchdog.run(wait_for_stop_request, **SOON)
    assert received == [signal.SIGTERM]


def test_a_signal_reaches_the_earlier_handler_after_the_grace_period(received):
    release = threading.Event()

    def ignore_stop_request(control):
        os.kill(os.getpid(), signal.SIGTERM)
        release.wait(30)

    with pytest.raises(InterruptedTraining):
        watchdog.run(ignore_stop_request, grace_seconds=0.3, stall_seconds=30)
    assert received == [signal.SIGTERM]
    release.set()


def test_a_signal_just_before_the_end_is_not_lost(received):
    def finish_after_signal(control):
        os.kill(os.getpid(), signal.SIGTERM)
        while not control.stopping:
            time.sleep(0.01)
        return "done"

    with pytest.raises(InterruptedTraining):
        watchdog.run(finish_after_signal, **SOON)
    assert received == [signal.SIGTERM]


def test_a_second_signal_is_delivered_at_once(received):
    def signal_twice(control):
        os.kill(os.getpid(), signal.SIGTERM)
        while not control.stopping:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)
        while not received:
            time.sleep(0.01)
        control.raise_if_stopping()

    with pytest.raises(InterruptedTraining):
        watchdog.run(signal_twice, **SOON)
    assert received[0] == signal.SIGTERM


def test_the_handlers_are_restored_after_the_training():
    before = [signal.getsignal(number) for number in watchdog.SIGNALS]
    watchdog.run(lambda control: None, **SOON)
    assert [signal.getsignal(number) for number in watchdog.SIGNALS] == before


def test_in_another_thread_the_handler_of_the_main_thread_passes_the_signal_on(received):
    """A runner that runs nodes in threads works like this: the handler requests the stop, and is called again after it."""
    accepted, outcome = [], []

    def handler(number, frame):
        accepted.append(watchdog.request_stop(number))

    signal.signal(signal.SIGTERM, handler)

    def node():
        try:
            watchdog.run(wait_for_stop_request, **SOON)
        except InterruptedTraining as error:
            outcome.append(error.number)

    thread = threading.Thread(target=node)
    thread.start()
    deadline = time.monotonic() + 30
    while len(accepted) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    thread.join(30)
    assert accepted == [True, False]
    assert outcome == [signal.SIGTERM]


def test_without_a_training_a_stop_request_is_not_accepted():
    assert not watchdog.request_stop(signal.SIGTERM)


def test_a_process_without_a_handler_dies_of_the_signal_after_the_training_has_stopped():
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
