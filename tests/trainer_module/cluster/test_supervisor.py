"""Supervision of a cluster. Small scripts play the roles."""

import itertools
import logging
import signal
import time

import pytest

from data import metric_names
from tests.support.scripted_cluster import ALWAYS_DIES, DIES_ONCE, ENDS_AT, LIVES, ScriptedCluster, cluster
from tests.support.settings import train_settings
from trainer_module.cluster import supervisor
from trainer_module.cluster.supervisor import ClusterError
from trainer_module.supervision.control import Control, InterruptedTraining
from trainer_module.training import progress
from trainer_module.training.job import Job
from trainer_module.training.training_state import Snapshot


@pytest.fixture
def scripted_cluster(tmp_path):
    return lambda **settings: ScriptedCluster(tmp_path, **settings)


@pytest.fixture
def warnings(caplog):
    caplog.set_level(logging.INFO)
    return lambda: [r.getMessage() for r in caplog.records if r.name == supervisor.__name__ and r.levelname == "WARNING"]


def test_each_role_of_a_cluster_that_finishes_is_started_once(scripted_cluster, warnings):
    scripted = scripted_cluster().add("chief-0", ENDS_AT.format(3)).add("ps-0", LIVES).add("evaluator-0", LIVES)
    assert scripted.run() == ["chief-0", "ps-0", "evaluator-0"]
    assert warnings() == []


# Which roles are restarted.


@pytest.mark.parametrize("dead", ["worker-0", "ps-0", "evaluator-0", "chief-0"])
def test_with_parameter_servers_only_the_dead_role_is_restarted(scripted_cluster, dead, warnings):
    scripted = scripted_cluster().add("chief-0", LIVES).add("worker-0", LIVES).add("ps-0", LIVES).add("evaluator-0", LIVES)
    scripted.role_processes[:] = [m for m in scripted.role_processes if m.name != dead]
    scripted.add(dead, DIES_ONCE).add("worker-9", ENDS_AT.format(6))
    assert scripted.run()[5:] == [dead]
    [warning] = warnings()
    assert warning.startswith(
        f"{dead} was killed by SIGKILL. It is started again in 0.5 s. Its log: {scripted.folder / dead}.log"
    )
    assert scripted.state.fell_back == (dead == "chief-0")


@pytest.mark.parametrize("dead", ["worker-0", "chief-0"])
def test_roles_in_lockstep_are_restarted_together(scripted_cluster, dead, warnings):
    scripted = scripted_cluster(cluster=cluster(ps=0, strategy="multi_worker_mirrored"))
    for name in ("chief-0", "worker-0", "worker-1"):
        scripted.add(name, DIES_ONCE if name == dead else LIVES)
    scripted.add("evaluator-0", ENDS_AT.format(7))
    assert scripted.run()[4:] == ["chief-0", "worker-0", "worker-1"]
    assert scripted.state.fell_back == 1
    others = [n for n in ("chief-0", "worker-0", "worker-1") if n != dead]
    assert f"It is started again in 0.5 s, with {', '.join(others)}." in warnings()[0]


def test_a_dead_evaluator_does_not_restart_the_roles_in_lockstep(scripted_cluster):
    scripted = scripted_cluster(cluster=cluster(ps=0, strategy="multi_worker_mirrored"))
    scripted.add("chief-0", ENDS_AT.format(4)).add("worker-0", LIVES).add("evaluator-0", DIES_ONCE)
    assert scripted.run()[3:] == ["evaluator-0"]


def test_a_worker_that_ended_at_the_last_step_is_not_restarted(scripted_cluster, warnings):
    scripted = scripted_cluster().add("chief-0", "say(); time.sleep(0.5); finish()").add("worker-0", "say()")
    assert (scripted.run(), warnings()) == (["chief-0", "worker-0"], [])


def test_a_worker_that_ended_is_restarted_if_the_chief_dies_before_it_saves_the_last_step(scripted_cluster):
    scripted = scripted_cluster().add("chief-0", "say(); time.sleep(0.5); die() if start == 1 else wait()")
    scripted.add("worker-0", "say()").add("ps-0", ENDS_AT.format(5))
    assert scripted.run()[3:] == ["chief-0", "worker-0"]


@pytest.mark.parametrize("name", ["chief-0", "evaluator-0", "ps-0", "local-0"])
def test_a_role_that_ends_too_early_is_restarted(scripted_cluster, name, warnings):
    scripted = scripted_cluster().add(name, "say()\nif start > 1: wait()").add("worker-9", ENDS_AT.format(3))
    assert scripted.run()[2:] == [name]
    assert "ended with status 0. It is started again" in warnings()[0]


def test_a_role_that_does_not_start_in_time_is_restarted(scripted_cluster, warnings):
    scripted = scripted_cluster(cluster=cluster(start_seconds=40)).add("chief-0", "wait() if start == 1 else say(); wait()")
    scripted.add("ps-0", ENDS_AT.format(3))
    assert scripted.run()[2:] == ["chief-0"]
    assert "chief-0 did not start within 40 s (train.cluster.start_seconds)" in warnings()[0]


def test_a_frozen_role_is_restarted(scripted_cluster, warnings):
    scripted = scripted_cluster(stall_seconds=40).add(
        "worker-0", "say(); os.kill(os.getpid(), signal.SIGSTOP) if start == 1 else wait()"
    )
    scripted.add("ps-0", "say()\nwhile len(list(here.glob('started.*'))) < 3: say(); time.sleep(0.01)\nfinish()")
    assert scripted.run()[2:] == ["worker-0"]
    assert "worker-0 sent no heartbeat for 40 s (train.stall_seconds)" in warnings()[0]


# How often a role is restarted.


def test_restarts_are_limited(scripted_cluster):
    scripted = scripted_cluster(retries=2).add("chief-0", LIVES).add("worker-0", ALWAYS_DIES)
    with pytest.raises(ClusterError) as error:
        scripted.run()
    assert [name for name, _ in scripted.starts].count("worker-0") == 3
    message = str(error.value)
    assert message.startswith(
        "worker-0 was killed by SIGKILL, 3 times without progress in between. "
        f"It is not started again: train.retries is 2. The end of {scripted.folder / 'worker-0.log'}:\n== "
    )
    assert message.endswith("worker-0, start 3\nthis is why")


def test_with_zero_retries_the_first_death_ends_the_training(scripted_cluster):
    scripted = scripted_cluster(retries=0).add("chief-0", "say(); sys.exit(3)")
    with pytest.raises(ClusterError, match=r"^chief-0 ended with status 3\. It is not started again: train\.retries is 0\."):
        scripted.run()


def test_a_role_that_never_starts_ends_the_training_within_the_start_time(scripted_cluster):
    scripted = scripted_cluster(retries=1, cluster=cluster(start_seconds=40)).add("chief-0", LIVES).add("worker-0", "wait()")
    with pytest.raises(ClusterError, match=r"worker-0 did not start within 40 s .*, 2 times without progress"):
        scripted.run()
    assert scripted.now < 40 + 0.5 + 40 + 3


def test_progress_resets_the_count_of_restarts(scripted_cluster):
    scripted = scripted_cluster(retries=2).add("chief-0", LIVES).add("worker-0", "say(); die() if start < 7 else finish()")
    # The steps at its deaths are 10, 10, 20, 20, 30, 30.
    scripted.state.step = lambda: 10 * (([name for name, _ in scripted.starts].count("worker-0") + 1) // 2)
    assert scripted.run().count("worker-0") == 7


def test_each_restart_without_progress_waits_twice_as_long(scripted_cluster):
    scripted = scripted_cluster(retries=4).add("chief-0", LIVES).add("worker-0", ALWAYS_DIES)
    with pytest.raises(ClusterError):
        scripted.run()
    times = [at for name, at in scripted.starts if name == "worker-0"]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    # Each gap includes the time that the script takes to die.
    assert all(gap >= wait for gap, wait in zip(gaps, (0.5, 1, 2, 4), strict=True))


def test_a_role_with_a_permanent_error_is_not_restarted(scripted_cluster):
    scripted = (
        scripted_cluster().add("ps-0", LIVES).add("worker-0", "say(failed='TrainingError: The loss is nan.'); sys.exit(2)")
    )
    with pytest.raises(ClusterError, match=r"^worker-0 has ended the training\. TrainingError: The loss is nan\.\nThe end of"):
        scripted.run()
    assert len(scripted.starts) == 2


# Warnings and progress in the log.


def test_a_warning_counts_the_lost_steps(scripted_cluster, warnings):
    waits_for_worker = "while not (here / 'reported').exists(): time.sleep(0.01)"
    scripted = scripted_cluster().add(
        "chief-0", f"at(700) if start == 1 else say()\n{waits_for_worker}\ndie() if start == 1 else wait()"
    )
    scripted.add("worker-0", "at(900); (here / 'reported').touch(); wait()").add("ps-0", ENDS_AT.format(4))
    scripted.state.step = lambda: 500
    scripted.run()
    # The worker was 200 steps ahead of the chief.
    assert warnings()[1:] == ["The training continues from step 500: 400 steps are lost."]


def test_the_death_of_a_parameter_server_loses_the_unsaved_steps(scripted_cluster, warnings):
    scripted = (
        scripted_cluster()
        .add("chief-0", "at(700); wait()")
        .add("ps-0", "time.sleep(0.3); say(); die() if start == 1 else finish()")
    )
    scripted.state.step = lambda: 500
    scripted.run()
    assert warnings()[1:] == ["The training continues from step 500: 200 steps are lost."]


def test_the_death_of_a_worker_loses_no_step(scripted_cluster, warnings):
    scripted = scripted_cluster().add("chief-0", "at(700); wait()").add("worker-0", DIES_ONCE).add("ps-0", ENDS_AT.format(4))
    scripted.run()
    assert len(warnings()) == 1


def test_only_the_chief_reports_progress(scripted_cluster, caplog):
    caplog.set_level(logging.INFO, progress.LOGGER.name)
    scripted = scripted_cluster().add("chief-0", "at(3); at(5); time.sleep(0.5); finish()").add("worker-0", "at(4); wait()")
    scripted.run()
    assert [r.progress.step for r in caplog.records if r.name == progress.LOGGER.name] == [3, 5]


# How a cluster ends.

STOPS_ON_SIGTERM = """
def leave(*_): print("asked", flush=True); (here / "asked").touch(); time.sleep(0.2); sys.exit(0)
signal.signal(signal.SIGTERM, leave)
say(); wait()
"""


def test_on_a_stop_request_the_chief_ends_first_and_the_others_run_until_then(scripted_cluster, tmp_path):
    scripted = scripted_cluster().add("chief-0", STOPS_ON_SIGTERM).add("worker-0", LIVES).add("evaluator-0", LIVES)

    def sleep(seconds):
        scripted.now += seconds
        time.sleep(seconds / 20)
        if len(scripted.starts) == 3 and all(p.started for _, p in scripted.processes):
            scripted.control.request_stop(signal.SIGTERM)
        if (tmp_path / "asked").exists():
            other_exit_codes.append([p.exit_code for _, p in scripted.processes[1:]])

    other_exit_codes = []
    scripted.sleep = sleep
    with pytest.raises(InterruptedTraining):
        scripted.run()
    assert other_exit_codes[0] == [None, None]
    assert [p.exit_code for _, p in scripted.processes] == [0, -signal.SIGKILL, -signal.SIGKILL]


def test_a_chief_that_ignores_the_stop_request_is_killed_after_the_grace_period(scripted_cluster):
    scripted = scripted_cluster(grace_seconds=11).add("chief-0", "signal.signal(signal.SIGTERM, signal.SIG_IGN); say(); wait()")
    started = []

    def sleep(seconds):
        scripted.now += seconds
        time.sleep(seconds / 20)
        if scripted.processes and scripted.processes[0][1].started and not started:
            started.append(scripted.now)
            scripted.control.request_stop(signal.SIGINT)

    scripted.sleep = sleep
    with pytest.raises(InterruptedTraining):
        scripted.run()
    assert scripted.processes[0][1].exit_code == -signal.SIGKILL
    assert 10 <= scripted.now - started[0] < 12


def test_an_error_leaves_no_process_running(scripted_cluster):
    def read():
        if len(scripted.starts) == 2:
            raise OSError("the disk is gone")
        return Snapshot(0, 0, complete=False, finished=False)

    scripted = scripted_cluster().add("chief-0", LIVES).add("worker-0", LIVES)
    scripted.state.read = read
    with pytest.raises(OSError, match="the disk is gone"):
        scripted.run()  # this also asserts that every process has ended


def test_a_complete_training_starts_no_process(tmp_path):
    job = Job("taxi", "none", {}, [], [], "", "", str(tmp_path), train_settings(1000, best=metric_names.AUC))
    for suffix in ("index", "data-00000-of-00001"):
        (tmp_path / f"model.ckpt-1000.{suffix}").write_text("")
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-1000"\n')
    supervisor.run(job, None, Control())
    assert not (tmp_path / "cluster").exists()  # the processes would find their job there
