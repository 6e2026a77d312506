"""Asks oracles for trials without training. The objective of a trial is 1 - |x - 0.7|."""

import keras_tuner as kt

from data import metric_names
from tests.support.toys.toy import peak
from trainer_module.tuning import oracles
from trainer_module.tuning.settings import TuneSettings

# Oracle -> number of trials. A trial that a Gaussian process chooses takes half a second: in 5 trials it chooses one.
ORACLES = {"random": 8, "bayesian": 5, "hyperband": 8}


def space():
    """Returns the search space of the toy model `peak`."""
    hp = kt.HyperParameters()
    peak.search_space(hp)
    return hp


def build(folder, kind="random", trials=None, *, seed=1, hp=None, direction="higher", steps=90, factor=3):
    """Returns an oracle whose state is in `folder`. `steps`: training steps of a full trial; `factor`: of Hyperband."""
    settings = TuneSettings(trials=trials or ORACLES[kind], oracle=kind, seed=seed, factor=factor)
    oracle = oracles.build(settings, hp or space(), metric_names.AUC, direction, steps)
    oracle._set_project_dir(str(folder), "search")
    return oracle


def score(trial):
    """Returns the objective of a trial, which is highest at x = 0.7."""
    return 1 - abs(trial.hyperparameters.values["x"] - 0.7)


def end(oracle, trial, status="COMPLETED", value=None):
    """Reports the end of a trial to the oracle. A completed trial has the objective `value`, by default `score`."""
    if status == "COMPLETED":
        oracle.update_trial(trial.trial_id, {metric_names.AUC: score(trial) if value is None else value})
    trial.status = status
    oracle.end_trial(trial)


def run_trials(oracle, trials=100, fails=()):
    """Runs at most `trials` trials; those with a number in `fails` fail. Returns trial id -> hyperparameter values."""
    values_by_trial = {}
    while len(values_by_trial) < trials:
        trial = oracle.create_trial("slot0")
        if trial.status != "RUNNING":
            break
        values_by_trial[trial.trial_id] = dict(trial.hyperparameters.values)
        end(oracle, trial, "FAILED" if int(trial.trial_id) in fails else "COMPLETED")
    return values_by_trial


def reloaded(folder, kind, **settings):
    """Returns a new oracle that has read the saved state of an earlier one in the folder."""
    oracle = build(folder, kind, **settings)
    oracle.reload()
    return oracle
