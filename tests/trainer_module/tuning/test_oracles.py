"""What the oracles choose: the same again, whatever happens to a search in between. No trial is run."""

import json
import math
from pathlib import Path

import keras_tuner as kt
import numpy as np
import pytest

from tests.support.oracles import ORACLES, build, end, go_on, reloaded, score


@pytest.mark.parametrize("kind", ORACLES)
def test_the_same_seed_gives_the_same_trials_and_another_one_others(tmp_path, kind):
    first = go_on(build(tmp_path / "a", kind))
    assert len(first) == ORACLES[kind]
    assert go_on(build(tmp_path / "b", kind)) == first
    other = go_on(build(tmp_path / "c", kind, seed=0), trials=3)
    assert [*other.values()] != [*first.values()][:3]
    assert go_on(build(tmp_path / "d", kind, seed=0), trials=3) == other  # KerasTuner takes 0 for "any"


def test_neighbouring_seeds_have_nothing_in_common(tmp_path):
    """KerasTuner's own would: its n-th draw is seeded with seed + n."""
    tried = [v["x"] for seed in range(8) for v in go_on(build(tmp_path / str(seed), trials=8, seed=seed)).values()]
    assert len(set(tried)) == 64


@pytest.mark.parametrize("kind", ["random", "hyperband", pytest.param("bayesian", marks=pytest.mark.slow)])
def test_killed_after_any_trial_the_search_goes_on_as_if_it_had_not_been(tmp_path, kind):
    whole = go_on(build(tmp_path / "whole", kind))
    parts = {}
    for _ in range(ORACLES[kind]):
        parts |= go_on(reloaded(tmp_path, kind), trials=1)
    assert parts == whole
    assert go_on(reloaded(tmp_path, kind)) == {}


@pytest.mark.parametrize("kind", ORACLES)
def test_trials_under_way_are_given_out_again_and_others_are_not(tmp_path, kind):
    oracle = build(tmp_path, kind)
    go_on(oracle, trials=3)
    begun = [oracle.create_trial(f"slot{i}") for i in range(2)]
    again = reloaded(tmp_path, kind)
    given = [again.create_trial("slot0"), again.create_trial("slot1")]
    assert [t.trial_id for t in given] == [t.trial_id for t in begun]
    assert [t.hyperparameters.values for t in given] == [t.hyperparameters.values for t in begun]
    assert again.create_trial("slot2").trial_id not in ("0", "1", "2", *(t.trial_id for t in begun))


@pytest.mark.parametrize("kind", ORACLES)
def test_killed_between_the_notes_of_a_trials_end_nothing_is_repeated(tmp_path, kind):
    """KerasTuner's own state names the trial that has just ended among those under way, until it is saved once more."""
    oracle = build(tmp_path, kind)
    trial = oracle.create_trial("slot0")
    end(oracle, trial)
    assert json.loads(Path(oracle._get_oracle_fname()).read_text())["ongoing_trials"]
    assert reloaded(tmp_path, kind).create_trial("slot0").trial_id != trial.trial_id


def test_a_trial_that_nobody_has_noted_has_not_been(tmp_path, monkeypatch):
    oracle = build(tmp_path)
    monkeypatch.setattr("trainer_module.files.atomic.write", lambda *args, **kwargs: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        oracle.create_trial("slot0")
    monkeypatch.undo()
    assert go_on(reloaded(tmp_path, "random"), trials=1) == go_on(build(tmp_path / "other"), trials=1)


def test_a_greater_number_goes_on(tmp_path):
    few = go_on(build(tmp_path, trials=3))
    more = go_on(reloaded(tmp_path, "random", trials=12))
    assert len(more) == 9
    whole = go_on(build(tmp_path / "whole", trials=12))
    assert [*few.values(), *more.values()] == [*whole.values()]


def test_failures_in_a_row_do_not_end_a_search(tmp_path):
    assert len(go_on(build(tmp_path), fails=range(6))) == 8


def test_where_all_have_failed_the_search_begins_anew(tmp_path, caplog):
    go_on(build(tmp_path, trials=3), fails=range(3))
    again = reloaded(tmp_path, "random", trials=3)
    assert again.trials == {}
    assert "All 3 trials of the earlier search have failed" in caplog.text
    go_on(build(tmp_path, trials=3), fails=range(2))
    assert len(reloaded(tmp_path, "random", trials=3).trials) == 3


@pytest.mark.filterwarnings("ignore:All-NaN axis")
def test_a_value_that_is_no_number_is_a_failure(tmp_path):
    oracle = build(tmp_path)
    trial = oracle.create_trial("slot0")
    end(oracle, trial, value=math.nan)
    assert oracle.trials[trial.trial_id].status == "FAILED"


def test_a_lower_objective_is_better_where_it_is(tmp_path):
    for direction, pick in (("higher", max), ("lower", min)):
        oracle = build(tmp_path / direction, direction=direction)
        go_on(oracle)
        [best] = oracle.get_best_trials(1)
        assert score(best) == pick(score(t) for t in oracle.trials.values())


@pytest.mark.slow
def test_bayesian_optimisation_looks_where_it_is_good(tmp_path):
    """After four random trials: KerasTuner's default would be nine."""
    oracle = build(tmp_path, "bayesian", trials=9)
    assert oracle.num_initial_points == 4
    tried = go_on(oracle)
    assert np.mean([abs(v["x"] - 0.7) for v in [*tried.values()][5:]]) < 0.15
    assert max(score(t) for t in oracle.trials.values()) > 0.98


@pytest.mark.slow
def test_bayesian_optimisation_leaves_what_fails(tmp_path):
    """The more x, the better, but beyond 0.7 all fails. Without word of that it would try 1.0 for ever."""
    oracle = build(tmp_path, "bayesian", trials=10)
    tried = []
    while (trial := oracle.create_trial("slot0")).status == "RUNNING":
        x = trial.hyperparameters.values["x"]
        end(oracle, trial, *(("FAILED",) if x > 0.7 else ("COMPLETED", x)))
        tried.append(x)
    assert sum(x > 0.7 for x in tried[4:]) < 4
    assert max(x for x in tried if x <= 0.7) > 0.6


def test_bayesian_optimisation_tries_nothing_twice(tmp_path):
    hp = kt.HyperParameters()
    hp.Choice("x", [0.1, 0.4, 0.7])
    hp.Choice("kind", ["a", "b"])
    tried = go_on(build(tmp_path, "bayesian", trials=6, hp=hp))
    assert len({tuple(v.items()) for v in tried.values()}) == len(tried) >= 5


def test_the_values_stay_in_their_ranges(tmp_path):
    """KerasTuner's own are beyond it at the upper end, where the optimum is here."""
    hp = kt.HyperParameters()
    hp.Int("units", 2, 32, sampling="log")
    oracle = build(tmp_path, "bayesian", trials=10, hp=hp)
    tried = []
    while (trial := oracle.create_trial("slot0")).status == "RUNNING":
        tried.append(trial.hyperparameters.values["units"])
        end(oracle, trial, value=float(tried[-1]))
    assert max(tried) == 32


def test_a_space_that_is_exhausted_ends_the_search(tmp_path):
    hp = kt.HyperParameters()
    hp.Choice("x", [0.1, 0.4, 0.7])
    assert sorted(v["x"] for v in go_on(build(tmp_path, trials=10, hp=hp)).values()) == [0.1, 0.4, 0.7]
