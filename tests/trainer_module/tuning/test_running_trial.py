"""A trial whose process runs: when it is silent, how it ended, how long it ran, and that it waits for its folder."""

import signal
import threading
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from tests.support.settings import train_settings
from trainer_module.checkpoints import folder
from trainer_module.supervision.progress_report import ProgressReport
from trainer_module.training.settings import Cluster
from trainer_module.tuning.running_trial import RunningTrial, locked

SETTINGS = train_settings(100, stall_seconds=60, cluster=Cluster(start_seconds=20))


def running(earlier_seconds=0.0, **process):
    return RunningTrial(None, 1, SimpleNamespace(**process), ExitStack(), earlier_seconds)


@pytest.mark.parametrize(
    ("started", "silent_seconds", "exit_code", "silent"),
    [
        (False, 19, None, False),
        (False, 21, None, True),
        (True, 21, None, False),
        (True, 61, None, True),
        (True, 61, 0, False),  # it has ended
    ],
)
def test_a_process_has_one_time_limit_to_start_and_another_between_heartbeats(started, silent_seconds, exit_code, silent):
    trial = running(started=started, silent_seconds=silent_seconds, exit_code=exit_code)
    assert trial.is_silent(SETTINGS) is silent


@pytest.mark.parametrize(
    ("exit_code", "how", "text"),
    [
        (1, "ended with status 1", "its process ended with status 1"),
        (-signal.SIGKILL, "was killed by SIGKILL", "its process was killed by SIGKILL (out of memory?)"),
        (-signal.SIGSEGV, "was killed by SIGSEGV", "its process was killed by SIGSEGV"),
    ],
)
def test_a_kill_that_nobody_asked_for_may_be_a_lack_of_memory(exit_code, how, text):
    assert running(exit_code=exit_code, how_it_ended=lambda: how).how_it_ended() == text


def test_the_newest_report_counts():
    reports = [ProgressReport(step, 100, 0.5, 9.0) for step in (3, 7)]
    trial = running(read_progress=lambda: iter(reports))
    trial.read_progress()
    assert trial.step == 7


def test_the_seconds_of_earlier_processes_count_too():
    assert running(earlier_seconds=50.0).seconds >= 50.0


def test_a_trial_waits_for_a_process_of_a_killed_search_that_still_holds_its_folder(tmp_path):
    holding, release = threading.Event(), threading.Event()

    def hold():
        with folder.held(str(tmp_path)):
            holding.set()
            release.wait(30)

    other = threading.Thread(target=hold)
    other.start()
    assert holding.wait(30)
    threading.Timer(0.5, release.set).start()
    with locked(str(tmp_path)) as descriptor:
        assert release.is_set()
        assert descriptor is not None
    other.join()
