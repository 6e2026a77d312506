"""The trials of a search: started, watched, recorded, continued. Their processes are stubs (tests/support/stub_trial.py)."""

import json
import os
import signal
import threading
from pathlib import Path

import pytest

from data import metric_names
from tests.support.searches import in_a_process, job, searched, starts, states, tuner, until
from trainer_module.checkpoints import folder
from trainer_module.supervision import watchdog
from trainer_module.tuning import oracles, search, trial_table


def test_a_search_ends_with_a_value_for_every_trial(tmp_path):
    found, trials = searched(tmp_path, job(), trials=3)
    assert states(trials) == ["completed"] * 3
    assert [t.id for t in trials] == ["0", "1", "2"]
    for trial in trials:
        assert trial.objective == pytest.approx(1 - abs(trial.values["x"] - 0.7))
        assert (trial.step, trial.steps, trial.metric, trial.direction) == (100, 100, metric_names.AUC, "higher")
        assert [step for step, _ in trial.curve] == [20, 40, 60, 80, 100]
    [best] = found.get_best_hyperparameters()
    assert best.get("x") == max(trials, key=lambda t: t.objective).values["x"]


def test_a_lower_objective_is_better_where_the_task_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("trainer_module.tuning.search_spec.SearchSpec.direction", "lower")
    found, trials = searched(tmp_path, job())
    worst = min(trials, key=lambda t: t.objective)
    assert found.get_best_hyperparameters()[0].get("x") == worst.values["x"]
    assert min(value for _, value in worst.curve) == worst.objective


def test_what_is_fixed_is_not_searched(tmp_path):
    _, trials = searched(tmp_path, job(fixed={"units": 4}))
    assert [t.values["units"] for t in trials] == [4, 4, 4]
    assert len({t.values["x"] for t in trials}) == 3


def test_finished_trials_are_not_repeated_and_a_greater_number_continues(tmp_path):
    _, first = searched(tmp_path, job(), trials=2)
    _, second = searched(tmp_path, job(), trials=4)
    assert second[:2] == first
    assert states(second) == ["completed"] * 4
    assert [starts(t) for t in second] == [1, 1, 1, 1]
    _, at_once = searched(tmp_path / "other", job(), trials=4)
    assert [t.values for t in second] == [t.values for t in at_once]


def test_a_trial_that_dies_costs_one_trial(tmp_path, fates):
    fates({0: "dies", 1: "dies", 2: "dies", 3: "dies", 4: "fails"})
    found, trials = searched(tmp_path, job(), trials=6)
    assert states(trials) == ["failed"] * 5 + ["completed"]
    assert trials[0].why == "its process was killed by SIGKILL (out of memory?)"
    assert trials[4].why == "TrainingError: the loss is nan"
    assert (trials[0].step, trials[0].objective) == (20, None)
    assert found.get_best_hyperparameters()[0].get("x") == trials[5].values["x"]
    assert not Path(found.project_dir, "trial_0", "training").exists()


def test_a_search_without_success_fails_and_says_why_and_where(tmp_path, fates):
    fates(dict.fromkeys(range(4), "fails"))
    with pytest.raises(search.TuningError) as caught:
        searched(tmp_path, job(), trials=4)
    text = str(caught.value)
    assert text.startswith("None of the 4 trials of model 'toy.peak' has succeeded. trial 1: TrainingError: the loss is nan")
    assert text.count("trial.log") == 3
    fates()  # whatever was wrong has been put right
    _, trials = searched(tmp_path, job(), trials=4)
    assert states(trials) == ["completed"] * 4


def test_a_stuck_trial_goes_on_from_its_checkpoint(tmp_path, fates):
    fates({0: "stuck"})
    _, [trial] = searched(tmp_path, job(), trials=1)
    assert (trial.state, trial.resumed_from, starts(trial)) == ("completed", 20, 2)


def test_a_trial_that_gives_no_sign_of_life_is_ended_and_goes_on(tmp_path, fates):
    fates({0: "stops"})
    _, [trial] = searched(tmp_path, job(stall_seconds=3), trials=1)
    assert (trial.state, trial.resumed_from, starts(trial)) == ("completed", 20, 2)


def test_a_trial_that_is_always_stuck_is_given_up(tmp_path, fates):
    fates({0: "always stuck"})
    _, trials = searched(tmp_path, job(retries=2, stall_seconds=60), trials=2)
    assert states(trials) == ["failed", "completed"]
    assert trials[0].why == "it was stuck 3 times, for 60 s each"
    assert starts(trials[0]) == 3


def test_trials_run_side_by_side(tmp_path, fates):
    fates({0: "dies"}, pace=0.05)
    _, trials = searched(tmp_path, job(), trials=5, parallel=2)
    assert states(trials) == ["failed"] + ["completed"] * 4
    slots = {Path(t.log).read_text().splitlines()[1].split()[0] for t in trials}
    assert slots == {"0/2", "1/2"}
    _, alone = searched(tmp_path / "other", job(), trials=5)
    assert [t.values for t in trials] == [t.values for t in alone]


def alive(lock):
    """Whether a process holds a folder: the search's, or one of a trial."""
    try:
        with folder.held(str(lock.parent)):
            return False
    except folder.FolderInUseError:
        return True


@pytest.mark.parametrize("parallel", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_killed_search_is_continued(tmp_path, fates, parallel):
    fates({2: "hangs"})
    what = tuner(tmp_path, job(), trials=5, parallel=parallel)

    def reached():
        trials = {t.id: t for t in trial_table.read(what.project_dir)}
        ended = [t for t in trials.values() if t.state == "completed"]
        return len(ended) >= 2 and "2" in trials and trials["2"].curve and trials

    with in_a_process(tmp_path, job(), trials=5, parallel=parallel) as process:
        before = until(reached, "trial 2")
        assert any(alive(p) for p in tmp_path.glob("*/trial_*/training/.lock"))
        process.kill()
        until(lambda: not any(alive(p) for p in tmp_path.glob("*/trial_*/training/.lock")), "end of the trials")
    fates()
    _, trials = searched(tmp_path, job(), trials=5, parallel=parallel)
    assert states(trials) == ["completed"] * 5
    assert {t.id: t.values for t in trials} | {k: t.values for k, t in before.items()} == {t.id: t.values for t in trials}
    assert (trials[2].resumed_from, starts(trials[2])) == (20, 2)
    assert [starts(t) for t in trials[:2]] == [1, 1]
    _, at_once = searched(tmp_path / "other", job(), trials=5)
    assert [t.values for t in trials] == [t.values for t in at_once]


@pytest.mark.slow
def test_a_search_that_is_asked_to_leave_has_its_trials_saved(tmp_path, fates):
    fates({1: "hangs", 2: "hangs"})
    with in_a_process(tmp_path, job(), trials=3, parallel=2) as process:
        folder_ = Path(tuner(tmp_path, job(), trials=3, parallel=2).project_dir)
        until(lambda: [t.state for t in trial_table.read(str(folder_)) if t.curve and t.id != "0"] == ["running"] * 2, "trials")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == -signal.SIGTERM
    assert states(trial_table.read(str(folder_))) == ["completed", "interrupted", "interrupted"]
    fates()
    _, trials = searched(tmp_path, job(), trials=3, parallel=2)
    assert states(trials) == ["completed"] * 3
    assert [t.resumed_from for t in trials] == [0, 20, 20]


def test_a_trial_that_ended_unseen_is_not_run_again(tmp_path, monkeypatch):
    """Killed between the end of a trial and the oracle's note of it."""
    monkeypatch.setattr(oracles.RandomOracle, "end_trial", lambda self, trial: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        searched(tmp_path, job(), trials=1)
    monkeypatch.undo()
    _, [trial] = searched(tmp_path, job(), trials=1)
    assert (trial.state, starts(trial)) == ("completed", 1)


def test_two_searches_do_not_share_a_folder(tmp_path):
    found = tuner(tmp_path, job())
    with folder.held(found.project_dir), pytest.raises(folder.FolderInUseError):
        found.search()


def test_a_signal_ends_a_search_in_this_process_too(tmp_path, fates):
    """The runner's own handler asks the search, which passes it on to its trials."""
    fates({0: "hangs"})
    found = tuner(tmp_path, job(), trials=1)

    def ask():
        until(lambda: [t for t in trial_table.read(found.project_dir) if t.curve], "evaluation")
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=ask).start()
    with pytest.raises((KeyboardInterrupt, watchdog.InterruptedTraining)):
        found.search()
    assert states(trial_table.read(found.project_dir)) == ["interrupted"]


def test_a_fresh_run_starts_anew_once(tmp_path):
    _, first = searched(tmp_path, job(), trials=1)
    _, again = searched(tmp_path, job(fresh_run_id="run 2"), trials=1)
    assert starts(again[0]) == 1
    assert again[0].values == first[0].values
    _, retried = searched(tmp_path, job(fresh_run_id="run 2"), trials=2)
    assert retried[0] == again[0]


def test_the_picture_and_the_file_are_in_the_folder(tmp_path, fates):
    fates({1: "fails"})
    found, trials = searched(tmp_path, job())
    assert Path(found.project_dir, trial_table.PLOT).read_bytes().startswith(b"\x89PNG")
    assert [t["state"] for t in json.loads(Path(found.project_dir, trial_table.FILE).read_text())] == states(trials)
