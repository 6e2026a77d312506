"""How a cluster is looked after, with small scripts in the place of roles."""

import itertools
import logging
import signal
import time
from types import SimpleNamespace

import pytest

from tests.support.scripted_cluster import ALWAYS_DIES, DIES_ONCE, ENDS_AT, LIVES, ScriptedCluster, cluster
from trainer_module.cluster import supervisor
from trainer_module.cluster.supervisor import ClusterError
from trainer_module.supervision.watchdog import Control, InterruptedTraining
from trainer_module.training import progress
from trainer_module.training.training_state import Snapshot


@pytest.fixture
def cast(tmp_path):
    return lambda **settings: ScriptedCluster(tmp_path, **settings)


@pytest.fixture
def warned(caplog):
    caplog.set_level(logging.INFO)
    return lambda: [r.getMessage() for r in caplog.records if r.name == supervisor.__name__ and r.levelname == "WARNING"]


def test_a_cluster_that_gets_to_its_end_is_started_once_and_ended(cast, warned):
    crew = cast().add("chief-0", ENDS_AT.format(3)).add("ps-0", LIVES).add("evaluator-0", LIVES)
    assert crew.run() == ["chief-0", "ps-0", "evaluator-0"]
    assert warned() == []


# Who is started again.


@pytest.mark.parametrize("dead", ["worker-0", "ps-0", "evaluator-0", "chief-0"])
def test_with_parameter_servers_a_dead_role_is_started_again_alone(cast, dead, warned):
    crew = cast().add("chief-0", LIVES).add("worker-0", LIVES).add("ps-0", LIVES).add("evaluator-0", LIVES)
    crew.role_processes[:] = [m for m in crew.role_processes if m.name != dead]
    crew.add(dead, DIES_ONCE).add("worker-9", ENDS_AT.format(6))
    assert crew.run()[5:] == [dead]
    [warning] = warned()
    assert warning.startswith(f"{dead} was killed by SIGKILL. It is started again in 0.5 s. Its log: {crew.folder / dead}.log")
    assert crew.state.fell_back == (dead == "chief-0")


@pytest.mark.parametrize("dead", ["worker-0", "chief-0"])
def test_those_that_step_together_are_started_again_together(cast, dead, warned):
    crew = cast(cluster=cluster(ps=0, strategy="multi_worker_mirrored"))
    for name in ("chief-0", "worker-0", "worker-1"):
        crew.add(name, DIES_ONCE if name == dead else LIVES)
    crew.add("evaluator-0", ENDS_AT.format(7))
    assert crew.run()[4:] == ["chief-0", "worker-0", "worker-1"]
    assert crew.state.fell_back == 1
    others = [n for n in ("chief-0", "worker-0", "worker-1") if n != dead]
    assert f"It is started again in 0.5 s, with {', '.join(others)}." in warned()[0]


def test_a_dead_evaluator_does_not_disturb_those_that_step_together(cast):
    crew = cast(cluster=cluster(ps=0, strategy="multi_worker_mirrored"))
    crew.add("chief-0", ENDS_AT.format(4)).add("worker-0", LIVES).add("evaluator-0", DIES_ONCE)
    assert crew.run()[3:] == ["evaluator-0"]


def test_a_worker_that_has_seen_the_last_step_stays_down(cast, warned):
    crew = cast().add("chief-0", "say(); time.sleep(0.5); finish()").add("worker-0", "say()")
    assert (crew.run(), warned()) == (["chief-0", "worker-0"], [])


def test_a_worker_that_has_seen_the_last_step_is_needed_again_if_the_chief_dies_before_it_is_saved(cast):
    crew = cast().add("chief-0", "say(); time.sleep(0.5); die() if start == 1 else wait()")
    crew.add("worker-0", "say()").add("ps-0", ENDS_AT.format(5))
    assert crew.run()[3:] == ["chief-0", "worker-0"]


@pytest.mark.parametrize("name", ["chief-0", "evaluator-0", "ps-0", "local-0"])
def test_whoever_ends_too_early_is_started_again(cast, name, warned):
    crew = cast().add(name, "say()\nif start > 1: wait()").add("worker-9", ENDS_AT.format(3))
    assert crew.run()[2:] == [name]
    assert "ended with status 0. It is started again" in warned()[0]


def test_one_that_does_not_start_is_started_again(cast, warned):
    crew = cast(cluster=cluster(start_seconds=40)).add("chief-0", "wait() if start == 1 else say(); wait()")
    crew.add("ps-0", ENDS_AT.format(3))
    assert crew.run()[2:] == ["chief-0"]
    assert "chief-0 did not start within 40 s (train.cluster.start_seconds)" in warned()[0]


def test_one_that_is_stopped_is_started_again(cast, warned):
    crew = cast(stall_seconds=40).add("worker-0", "say(); os.kill(os.getpid(), signal.SIGSTOP) if start == 1 else wait()")
    crew.add("ps-0", "say()\nwhile len(list(here.glob('started.*'))) < 3: say(); time.sleep(0.01)\nfinish()")
    assert crew.run()[2:] == ["worker-0"]
    assert "worker-0 sent no heartbeat for 40 s (train.stall_seconds)" in warned()[0]


# How often.


def test_the_restarts_have_a_limit(cast):
    crew = cast(retries=2).add("chief-0", LIVES).add("worker-0", ALWAYS_DIES)
    with pytest.raises(ClusterError) as error:
        crew.run()
    assert [name for name, _ in crew.starts].count("worker-0") == 3
    words = str(error.value)
    assert words.startswith(
        "worker-0 was killed by SIGKILL, 3 times without progress in between. "
        f"It is not started again: train.retries is 2. The end of {crew.folder / 'worker-0.log'}:\n== "
    )
    assert words.endswith("worker-0, start 3\nthis is why")


def test_without_retries_the_first_death_ends_the_training(cast):
    crew = cast(retries=0).add("chief-0", "say(); sys.exit(3)")
    with pytest.raises(ClusterError, match=r"^chief-0 ended with status 3\. It is not started again: train\.retries is 0\."):
        crew.run()


def test_one_that_never_starts_ends_the_training_within_its_time(cast):
    crew = cast(retries=1, cluster=cluster(start_seconds=40)).add("chief-0", LIVES).add("worker-0", "wait()")
    with pytest.raises(ClusterError, match=r"worker-0 did not start within 40 s .*, 2 times without progress"):
        crew.run()
    assert crew.now < 40 + 0.5 + 40 + 3


def test_progress_in_between_makes_good_for_earlier_restarts(cast):
    crew = cast(retries=2).add("chief-0", LIVES).add("worker-0", "say(); die() if start < 7 else finish()")
    # At its deaths: 10, 10, 20, 20, 30, 30.
    crew.state.step = lambda: 10 * (([name for name, _ in crew.starts].count("worker-0") + 1) // 2)
    assert crew.run().count("worker-0") == 7


def test_each_restart_without_progress_waits_twice_as_long(cast):
    crew = cast(retries=4).add("chief-0", LIVES).add("worker-0", ALWAYS_DIES)
    with pytest.raises(ClusterError):
        crew.run()
    times = [at for name, at in crew.starts if name == "worker-0"]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    # Each gap includes the time that the script takes to die.
    assert all(gap >= wait for gap, wait in zip(gaps, (0.5, 1, 2, 4), strict=True))


def test_what_would_fail_again_is_not_started_again(cast):
    crew = cast().add("ps-0", LIVES).add("worker-0", "say(failed='TrainingError: The loss is nan.'); sys.exit(2)")
    with pytest.raises(ClusterError, match=r"^worker-0 has ended the training\. TrainingError: The loss is nan\.\nThe end of"):
        crew.run()
    assert len(crew.starts) == 2


# What is said.


def test_the_steps_that_are_lost_are_counted(cast, warned):
    waits_for_worker = "while not (here / 'reported').exists(): time.sleep(0.01)"
    crew = cast().add("chief-0", f"at(700) if start == 1 else say()\n{waits_for_worker}\ndie() if start == 1 else wait()")
    crew.add("worker-0", "at(900); (here / 'reported').touch(); wait()").add("ps-0", ENDS_AT.format(4))
    crew.state.step = lambda: 500
    crew.run()
    # The worker was 200 steps ahead of the chief.
    assert warned()[1:] == ["The training continues from step 500: 400 steps are lost."]


def test_a_parameter_server_that_dies_takes_with_it_what_was_not_saved(cast, warned):
    crew = cast().add("chief-0", "at(700); wait()").add("ps-0", "time.sleep(0.3); say(); die() if start == 1 else finish()")
    crew.state.step = lambda: 500
    crew.run()
    assert warned()[1:] == ["The training continues from step 500: 200 steps are lost."]


def test_with_a_worker_nothing_is_lost(cast, warned):
    crew = cast().add("chief-0", "at(700); wait()").add("worker-0", DIES_ONCE).add("ps-0", ENDS_AT.format(4))
    crew.run()
    assert len(warned()) == 1


def test_the_chief_reports_for_all(cast, caplog):
    caplog.set_level(logging.INFO, progress.LOGGER.name)
    crew = cast().add("chief-0", "at(3); at(5); time.sleep(0.5); finish()").add("worker-0", "at(4); wait()")
    crew.run()
    assert [r.progress.step for r in caplog.records if r.name == progress.LOGGER.name] == [3, 5]


# How it ends.

ASKED = """
def leave(*_): print("asked", flush=True); (here / "asked").touch(); time.sleep(0.2); sys.exit(0)
signal.signal(signal.SIGTERM, leave)
say(); wait()
"""


def test_asked_to_leave_the_chief_leaves_in_order_and_the_others_are_there_until_then(cast, tmp_path):
    crew = cast().add("chief-0", ASKED).add("worker-0", LIVES).add("evaluator-0", LIVES)

    def sleep(seconds):
        crew.now += seconds
        time.sleep(seconds / 20)
        if len(crew.starts) == 3 and all(p.started for _, p in crew.processes):
            crew.control.request_stop(signal.SIGTERM)
        if (tmp_path / "asked").exists():
            seen.append([p.exit_code for _, p in crew.processes[1:]])

    seen = []
    crew.sleep = sleep
    with pytest.raises(InterruptedTraining):
        crew.run()
    assert seen[0] == [None, None]
    assert [p.exit_code for _, p in crew.processes] == [0, -signal.SIGKILL, -signal.SIGKILL]


def test_a_chief_that_does_not_leave_is_ended_when_its_time_is_over(cast):
    crew = cast(grace_seconds=11).add("chief-0", "signal.signal(signal.SIGTERM, signal.SIG_IGN); say(); wait()")
    started = []

    def sleep(seconds):
        crew.now += seconds
        time.sleep(seconds / 20)
        if crew.processes and crew.processes[0][1].started and not started:
            started.append(crew.now)
            crew.control.request_stop(signal.SIGINT)

    crew.sleep = sleep
    with pytest.raises(InterruptedTraining):
        crew.run()
    assert crew.processes[0][1].exit_code == -signal.SIGKILL
    assert 10 <= crew.now - started[0] < 12


def test_nobody_is_left_behind_by_an_error(cast):
    def read():
        if len(crew.starts) == 2:
            raise OSError("the disk is gone")
        return Snapshot(0, 0, complete=False, finished=False)

    crew = cast().add("chief-0", LIVES).add("worker-0", LIVES)
    crew.state.read = read
    with pytest.raises(OSError, match="the disk is gone"):
        crew.run()  # which looks at every process


def test_a_training_that_is_complete_starts_nothing(monkeypatch):
    complete = SimpleNamespace(read=lambda: Snapshot(1000, 0, complete=True, finished=False))
    monkeypatch.setattr(supervisor, "TrainingState", lambda job: complete)
    supervisor.run(None, None, Control())
