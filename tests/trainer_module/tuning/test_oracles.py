"""An oracle chooses the same trials again after an interruption at any point. The tests run no trial."""

import json
import math
from pathlib import Path

import keras_tuner as kt
import numpy as np
import pytest

from tests.support.oracles import ORACLES, build, end, reloaded, run_trials, score


@pytest.mark.parametrize("kind", ORACLES)
def test_the_same_seed_gives_the_same_trials_and_another_seed_others(tmp_path, kind):
    first = run_trials(build(tmp_path / "a", kind))
    assert len(first) == ORACLES[kind]
    assert run_trials(build(tmp_path / "b", kind)) == first
    other = run_trials(build(tmp_path / "c", kind, seed=0), trials=3)
    assert [*other.values()] != [*first.values()][:3]
    assert run_trials(build(tmp_path / "d", kind, seed=0), trials=3) == other  # KerasTuner itself takes seed 0 as "any seed"


def test_neighbouring_seeds_give_different_trials(tmp_path):
    """KerasTuner's own seeds overlap: its n-th draw uses seed + n."""
    tried = [v["x"] for seed in range(8) for v in run_trials(build(tmp_path / str(seed), trials=8, seed=seed)).values()]
    assert len(set(tried)) == 64


@pytest.mark.parametrize("kind", ["random", "hyperband", pytest.param("bayesian", marks=pytest.mark.slow)])
def test_a_search_that_is_killed_after_any_trial_continues_with_the_same_trials(tmp_path, kind):
    whole = run_trials(build(tmp_path / "whole", kind))
    in_pieces = {}
    for _ in range(ORACLES[kind]):
        in_pieces |= run_trials(reloaded(tmp_path, kind), trials=1)
    assert in_pieces == whole
    assert run_trials(reloaded(tmp_path, kind)) == {}


@pytest.mark.parametrize("kind", ORACLES)
def test_only_running_trials_are_given_out_again(tmp_path, kind):
    oracle = build(tmp_path, kind)
    run_trials(oracle, trials=3)
    running = [oracle.create_trial(f"slot{i}") for i in range(2)]
    again = reloaded(tmp_path, kind)
    repeated = [again.create_trial("slot0"), again.create_trial("slot1")]
    assert [t.trial_id for t in repeated] == [t.trial_id for t in running]
    assert [t.hyperparameters.values for t in repeated] == [t.hyperparameters.values for t in running]
    assert again.create_trial("slot2").trial_id not in ("0", "1", "2", *(t.trial_id for t in running))


@pytest.mark.parametrize("kind", ORACLES)
def test_no_trial_is_repeated_after_a_kill_between_the_two_writes_of_its_end(tmp_path, kind):
    """The state file of KerasTuner lists the ended trial as running until the next save."""
    oracle = build(tmp_path, kind)
    trial = oracle.create_trial("slot0")
    end(oracle, trial)
    assert json.loads(Path(oracle._get_oracle_fname()).read_text())["ongoing_trials"]
    assert reloaded(tmp_path, kind).create_trial("slot0").trial_id != trial.trial_id


def test_a_trial_that_was_not_saved_is_drawn_again(tmp_path, monkeypatch):
    oracle = build(tmp_path)
    monkeypatch.setattr("trainer_module.files.atomic.write", lambda *args, **kwargs: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        oracle.create_trial("slot0")
    monkeypatch.undo()
    assert run_trials(reloaded(tmp_path, "random"), trials=1) == run_trials(build(tmp_path / "other"), trials=1)


def test_more_trials_continue_the_search(tmp_path):
    few = run_trials(build(tmp_path, trials=3))
    more = run_trials(reloaded(tmp_path, "random", trials=12))
    assert len(more) == 9
    whole = run_trials(build(tmp_path / "whole", trials=12))
    assert [*few.values(), *more.values()] == [*whole.values()]


def test_failures_in_a_row_do_not_end_a_search(tmp_path):
    assert len(run_trials(build(tmp_path), fails=range(6))) == 8


def test_a_search_whose_trials_have_all_failed_begins_again(tmp_path, caplog):
    run_trials(build(tmp_path, trials=3), fails=range(3))
    again = reloaded(tmp_path, "random", trials=3)
    assert again.trials == {}
    assert "All 3 trials of the earlier search have failed" in caplog.text
    run_trials(build(tmp_path, trials=3), fails=range(2))
    assert len(reloaded(tmp_path, "random", trials=3).trials) == 3


@pytest.mark.filterwarnings("ignore:All-NaN axis")
def test_a_trial_with_the_objective_nan_has_failed(tmp_path):
    oracle = build(tmp_path)
    trial = oracle.create_trial("slot0")
    end(oracle, trial, value=math.nan)
    assert oracle.trials[trial.trial_id].status == "FAILED"


def test_the_direction_decides_which_objective_is_best(tmp_path):
    for direction, pick in (("higher", max), ("lower", min)):
        oracle = build(tmp_path / direction, direction=direction)
        run_trials(oracle)
        [best] = oracle.get_best_trials(1)
        assert score(best) == pick(score(t) for t in oracle.trials.values())


@pytest.mark.slow
def test_bayesian_optimisation_finds_the_optimum(tmp_path):
    """It starts after four random trials. KerasTuner's default would be nine."""
    oracle = build(tmp_path, "bayesian", trials=9)
    assert oracle.num_initial_points == 4
    tried = run_trials(oracle)
    assert np.mean([abs(v["x"] - 0.7) for v in [*tried.values()][5:]]) < 0.15
    assert max(score(t) for t in oracle.trials.values()) > 0.98


@pytest.mark.slow
def test_bayesian_optimisation_leaves_a_region_where_trials_fail(tmp_path):
    """A higher x is better, but every trial above 0.7 fails. If the oracle ignored the failures, it would try 1.0 for ever."""
    oracle = build(tmp_path, "bayesian", trials=10)
    tried = []
    while (trial := oracle.create_trial("slot0")).status == "RUNNING":
        x = trial.hyperparameters.values["x"]
        end(oracle, trial, *(("FAILED",) if x > 0.7 else ("COMPLETED", x)))
        tried.append(x)
    assert sum(x > 0.7 for x in tried[4:]) < 4
    assert max(x for x in tried if x <= 0.7) > 0.6


def test_bayesian_optimisation_tries_no_values_twice(tmp_path):
    hp = kt.HyperParameters()
    hp.Choice("x", [0.1, 0.4, 0.7])
    hp.Choice("kind", ["a", "b"])
    tried = run_trials(build(tmp_path, "bayesian", trials=6, hp=hp))
    assert len({tuple(v.items()) for v in tried.values()}) == len(tried) >= 5


def test_values_stay_in_their_ranges(tmp_path):
    """The values of KerasTuner itself exceed the upper end of the range, where the optimum is here."""
    hp = kt.HyperParameters()
    hp.Int("units", 2, 32, sampling="log")
    oracle = build(tmp_path, "bayesian", trials=10, hp=hp)
    tried = []
    while (trial := oracle.create_trial("slot0")).status == "RUNNING":
        tried.append(trial.hyperparameters.values["units"])
        end(oracle, trial, value=float(tried[-1]))
    assert max(tried) == 32


def test_an_exhausted_space_ends_the_search(tmp_path):
    hp = kt.HyperParameters()
    hp.Choice("x", [0.1, 0.4, 0.7])
    assert sorted(v["x"] for v in run_trials(build(tmp_path, trials=10, hp=hp)).values()) == [0.1, 0.4, 0.7]
