"""The runner starts, watches, records and continues the trials of a search. Their processes are stubs (stub_trial.py)."""

import json
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from data import metric_names
from tests.support.searches import in_a_process, job, run_search, starts, states, tuner, wait_until
from trainer_module.checkpoints import folder
from trainer_module.supervision.control import InterruptedTraining
from trainer_module.tuning import oracles, search, trial_table


def test_a_search_ends_with_a_value_for_every_trial(tmp_path):
    result, trials = run_search(tmp_path, job(), trials=3)
    assert states(trials) == ["completed"] * 3
    assert [t.id for t in trials] == ["0", "1", "2"]
    for trial in trials:
        assert trial.objective == pytest.approx(1 - abs(trial.values["x"] - 0.7))
        assert (trial.step, trial.steps, trial.metric, trial.direction) == (100, 100, metric_names.AUC, "higher")
        assert [step for step, _ in trial.curve] == [20, 40, 60, 80, 100]
    [best] = result.get_best_hyperparameters()
    assert best.get("x") == max(trials, key=lambda t: t.objective).values["x"]


def test_for_a_loss_the_lowest_objective_is_best(tmp_path):
    result, trials = run_search(tmp_path, replace(job(best=metric_names.CROSS_ENTROPY), dataset="toy.species"))
    assert {trial.direction for trial in trials} == {"lower"}
    lowest = min(trials, key=lambda t: t.objective)
    assert result.get_best_hyperparameters()[0].get("x") == lowest.values["x"]
    assert min(value for _, value in lowest.curve) == lowest.objective


def test_a_fixed_hyper_parameter_is_not_searched(tmp_path):
    _, trials = run_search(tmp_path, job(fixed={"units": 4}))
    assert [t.values["units"] for t in trials] == [4, 4, 4]
    assert len({t.values["x"] for t in trials}) == 3


def test_a_search_for_more_trials_repeats_no_finished_trial(tmp_path):
    _, first = run_search(tmp_path, job(), trials=2)
    _, second = run_search(tmp_path, job(), trials=4)
    assert second[:2] == first
    assert states(second) == ["completed"] * 4
    assert [starts(t) for t in second] == [1, 1, 1, 1]
    _, at_once = run_search(tmp_path / "other", job(), trials=4)
    assert [t.values for t in second] == [t.values for t in at_once]


def test_a_trial_that_dies_counts_as_one_failed_trial(tmp_path, fates):
    fates({0: "dies", 1: "dies", 2: "dies", 3: "dies", 4: "fails"})
    result, trials = run_search(tmp_path, job(), trials=6)
    assert states(trials) == ["failed"] * 5 + ["completed"]
    assert trials[0].why == "its process was killed by SIGKILL (out of memory?)"
    assert trials[4].why == "TrainingError: the loss is nan"
    assert (trials[0].step, trials[0].objective) == (20, None)
    assert result.get_best_hyperparameters()[0].get("x") == trials[5].values["x"]
    assert not Path(result.project_dir, "trial_0", "training").exists()


def test_the_error_of_a_search_without_success_names_reasons_and_logs(tmp_path, fates):
    fates(dict.fromkeys(range(4), "fails"))
    with pytest.raises(search.TuningError) as error:
        run_search(tmp_path, job(), trials=4)
    message = str(error.value)
    assert message.startswith("All 4 trials of model 'toy.peak' have failed. trial 1: TrainingError: the loss is nan")
    assert message.count("trial.log") == 3
    fates()  # the cause of the failures is gone
    _, trials = run_search(tmp_path, job(), trials=4)
    assert states(trials) == ["completed"] * 4


def test_a_stalled_trial_continues_from_its_checkpoint(tmp_path, fates):
    fates({0: "stalls"})
    _, [trial] = run_search(tmp_path, job(), trials=1)
    assert (trial.state, trial.resumed_from, starts(trial)) == ("completed", 20, 2)


def test_a_trial_without_heartbeats_is_killed_and_continues(tmp_path, fates):
    fates({0: "stops"})
    _, [trial] = run_search(tmp_path, job(stall_seconds=3), trials=1)
    assert (trial.state, trial.resumed_from, starts(trial)) == ("completed", 20, 2)


def test_a_trial_that_stalls_every_time_fails(tmp_path, fates):
    fates({0: "always stalls"})
    _, trials = run_search(tmp_path, job(retries=2, stall_seconds=60), trials=2)
    assert states(trials) == ["failed", "completed"]
    assert trials[0].why == "it stalled 3 times, for 60 s each"
    assert starts(trials[0]) == 3


def test_parallel_trials_share_the_slots_and_try_the_same_values(tmp_path, fates):
    fates({0: "dies"}, pace=0.05)
    _, trials = run_search(tmp_path, job(), trials=5, parallel=2)
    assert states(trials) == ["failed"] + ["completed"] * 4
    slots = {Path(t.log).read_text().splitlines()[1].split()[0] for t in trials}
    assert slots == {"0/2", "1/2"}
    _, alone = run_search(tmp_path / "other", job(), trials=5)
    assert [t.values for t in trials] == [t.values for t in alone]


def alive(lock):
    """Whether a process holds the folder of this lock: the search or a trial."""
    try:
        with folder.held(str(lock.parent)):
            return False
    except folder.FolderInUseError:
        return True


@pytest.mark.parametrize("parallel", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_killed_search_is_continued(tmp_path, fates, parallel):
    fates({2: "hangs"})
    search_to_kill = tuner(tmp_path, job(), trials=5, parallel=parallel)

    def second_trial_is_evaluated():
        trials = {t.id: t for t in trial_table.read(search_to_kill.project_dir)}
        ended = [t for t in trials.values() if t.state == "completed"]
        return len(ended) >= 2 and "2" in trials and trials["2"].curve and trials

    with in_a_process(tmp_path, job(), trials=5, parallel=parallel) as process:
        before = wait_until(second_trial_is_evaluated, "trial 2")
        assert any(alive(p) for p in tmp_path.glob("*/trial_*/training/.lock"))
        process.kill()
        wait_until(lambda: not any(alive(p) for p in tmp_path.glob("*/trial_*/training/.lock")), "end of the trials")
    fates()
    _, trials = run_search(tmp_path, job(), trials=5, parallel=parallel)
    assert states(trials) == ["completed"] * 5
    assert {t.id: t.values for t in trials} | {k: t.values for k, t in before.items()} == {t.id: t.values for t in trials}
    assert (trials[2].resumed_from, starts(trials[2])) == (20, 2)
    assert [starts(t) for t in trials[:2]] == [1, 1]
    _, at_once = run_search(tmp_path / "other", job(), trials=5)
    assert [t.values for t in trials] == [t.values for t in at_once]


@pytest.mark.slow
def test_a_search_that_is_stopped_by_a_signal_saves_its_trials(tmp_path, fates):
    fates({1: "hangs", 2: "hangs"})
    with in_a_process(tmp_path, job(), trials=3, parallel=2) as process:
        search_folder = Path(tuner(tmp_path, job(), trials=3, parallel=2).project_dir)
        wait_until(
            lambda: [t.state for t in trial_table.read(str(search_folder)) if t.curve and t.id != "0"] == ["running"] * 2,
            "trials",
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == -signal.SIGTERM
    assert states(trial_table.read(str(search_folder))) == ["completed", "interrupted", "interrupted"]
    fates()
    _, trials = run_search(tmp_path, job(), trials=3, parallel=2)
    assert states(trials) == ["completed"] * 3
    assert [t.resumed_from for t in trials] == [0, 20, 20]


def test_a_trial_that_ended_just_before_the_search_died_is_not_run_again(tmp_path, monkeypatch):
    """The search dies after the end of a trial and before the oracle saves it."""
    monkeypatch.setattr(oracles.RandomOracle, "end_trial", lambda self, trial: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run_search(tmp_path, job(), trials=1)
    monkeypatch.undo()
    _, [trial] = run_search(tmp_path, job(), trials=1)
    assert (trial.state, starts(trial)) == ("completed", 1)


def test_two_searches_cannot_use_one_folder(tmp_path):
    search_tuner = tuner(tmp_path, job())
    with folder.held(search_tuner.project_dir), pytest.raises(folder.FolderInUseError):
        search_tuner.search()


def test_a_signal_ends_a_search_in_this_process_too(tmp_path, fates):
    """The signal handler of the runner requests the stop, and the search passes it on to its trials."""
    fates({0: "hangs"})
    search_tuner = tuner(tmp_path, job(), trials=1)

    def send_signal():
        wait_until(lambda: [t for t in trial_table.read(search_tuner.project_dir) if t.curve], "evaluation")
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=send_signal).start()
    with pytest.raises((KeyboardInterrupt, InterruptedTraining)):
        search_tuner.search()
    assert states(trial_table.read(search_tuner.project_dir)) == ["interrupted"]


def test_a_fresh_run_begins_a_search_again_once(tmp_path):
    _, first = run_search(tmp_path, job(), trials=1)
    _, again = run_search(tmp_path, job(fresh_run_id="run 2"), trials=1)
    assert starts(again[0]) == 1
    assert again[0].values == first[0].values
    _, retried = run_search(tmp_path, job(fresh_run_id="run 2"), trials=2)
    assert retried[0] == again[0]


def test_the_plot_and_the_table_are_in_the_folder(tmp_path, fates):
    fates({1: "fails"})
    result, trials = run_search(tmp_path, job())
    assert Path(result.project_dir, trial_table.PLOT).read_bytes().startswith(b"\x89PNG")
    assert [t["state"] for t in json.loads(Path(result.project_dir, trial_table.FILE).read_text())] == states(trials)
