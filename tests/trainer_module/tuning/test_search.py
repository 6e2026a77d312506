"""Whole searches with real trials, each in a new process, and the outputs that the TFX Tuner writes from them."""

import itertools
import json
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
from tfx.components.tuner import executor

from data import metric_names
from tests.support.searches import build_search_spec, in_a_process, job, run_search, starts, states, tuner, wait_until
from trainer_module.checkpoints.evaluations import Evaluations
from trainer_module.tuning import best, oracles, trial_files, trial_table

TRAINING = {"steps": 20, "summary_steps": 0}


def seed(*fates):
    """A seed that gives these fates to the first trials."""
    for number in itertools.count():
        spec = build_search_spec("/nowhere", job("toy.fateful"), seed=number)
        oracle = oracles.build(spec.tuning, spec.search_space(), metric_names.AUC, "higher", spec.steps)
        if tuple(oracle._random_values()["fate"] for _ in fates) == fates:
            return number


def test_a_trial_that_diverges_or_dies_counts_as_one_failed_trial(tmp_path, examples):
    work = job("toy.fateful", examples=examples, **TRAINING)
    fates = ("diverges", "dies", "learns")
    tuning = {"seed": seed(*fates), "parallel": 2, "evaluations": 2}
    result_tuner, trials = run_search(tmp_path, work, stub=False, **tuning)
    assert [t.values["fate"] for t in trials] == list(fates)
    assert states(trials) == ["failed", "failed", "completed"]
    assert trials[0].why.startswith("TrainingError: The loss is nan")
    assert trials[1].why == "its process was killed by SIGKILL (out of memory?)"
    assert "Traceback" in Path(trials[0].log).read_text()
    evaluated = Evaluations(build_search_spec(tmp_path, work, **tuning).training_folder("2"), metric_names.AUC, "higher").read()
    assert trials[2].objective == evaluated.best.metrics[metric_names.AUC] > 0.7
    assert [step for step, _ in trials[2].curve] == [10, 20]

    # TFX does this after the search.
    result_tuner.results_summary()
    result_tuner.search_space_summary()
    outputs = {key: [SimpleNamespace(uri=str(tmp_path / key))] for key in ("best_hyperparameters", "tuner_results")}
    executor.write_best_hyperparameters(result_tuner, outputs)
    config = json.loads((tmp_path / "best_hyperparameters" / best.FILE).read_text())
    assert best.values(config, "toy.fruit", "toy.fateful") == trials[2].values
    assert best.search_folder(config) == result_tuner.project_dir
    assert trial_table.newest_search(str(tmp_path), since=0) == result_tuner.project_dir
    [result] = json.loads((tmp_path / "tuner_results" / "tuner_results.json").read_text())
    assert (result["trial_id"], result["score"]) == ("2", trials[2].objective)


def interrupt(root, work, signal_number, **tuning):
    """Runs a search until its second trial has a checkpoint, then sends the signal. Returns the trials."""
    folder = tuner(root, work, stub=False, **tuning).project_dir

    def second_trial_has_a_checkpoint():
        trials = trial_table.read(folder)
        return len(trials) >= 2 and trials[0].state == "completed" and len(trials[1].curve) >= 1 and trials

    with in_a_process(root, work, stub=False, **tuning) as process:
        wait_until(second_trial_has_a_checkpoint, "second trial")
        process.send_signal(signal_number)
        assert process.wait(120) == -signal_number
    return trial_table.read(folder)


@pytest.mark.slow
@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM])
def test_an_interrupted_search_continues_with_the_same_trials(tmp_path, examples, signal_number):
    work = job("toy.fateful", {"fate": "learns"}, examples=examples, steps=2000, summary_steps=0)
    tuning = {"trials": 2, "oracle": "bayesian", "evaluations": 4, "stop_early": False}
    before = interrupt(tmp_path, work, signal_number, **tuning)
    assert states(before)[:2] == ["completed", "running" if signal_number == signal.SIGKILL else "interrupted"]
    _, trials = run_search(tmp_path, work, stub=False, **tuning)
    assert states(trials) == ["completed"] * 2
    assert [starts(t) for t in trials] == [1, 2]
    assert trials[0] == before[0]
    assert trials[1].values == before[1].values
    assert trials[1].resumed_from >= 500

    # After SIGTERM the checkpoint is at another step, and so are the later evaluations.
    if signal_number == signal.SIGKILL:
        _, whole = run_search(tmp_path / "whole", work, stub=False, **tuning)
        assert [(t.values, t.curve) for t in trials] == [(t.values, t.curve) for t in whole]


@pytest.mark.slow
def test_hyperband_gives_more_steps_to_the_best_trial(tmp_path, examples):
    work = job("toy.fateful", {"fate": "learns"}, examples=examples, steps=60, summary_steps=0)
    result, trials = run_search(tmp_path, work, stub=False, oracle="hyperband", trials=4, evaluations=3, parallel=2)
    assert states(trials) == ["completed"] * 4
    assert [(t.steps, t.resumed_from) for t in trials] == [(20, 0)] * 3 + [(60, 20)]
    promoted = trials[3]
    first = {t.id: t for t in trials[:3]}[promoted.continues]
    assert first.objective == max(t.objective for t in trials[:3])
    assert promoted.values == first.values
    assert promoted.curve[0] == first.curve[0]
    assert result.get_best_hyperparameters()[0].get("rate") in {t.values["rate"] for t in trials}


@pytest.mark.slow
def test_a_trial_below_the_median_is_stopped_and_keeps_its_value(tmp_path, examples):
    work = job("toy.fateful", {"fate": "learns"}, examples=examples, steps=40, summary_steps=0)
    result, _ = run_search(tmp_path, work, stub=False, trials=3, evaluations=4)
    for report in Path(result.project_dir).glob(f"trial_*/{trial_files.REPORT}"):  # 1.01 is better than any possible auc
        content = json.loads(report.read_text())
        report.write_text(json.dumps(content | {"curve": [[step, 1.01] for step, _ in content["curve"]]}))
    result, trials = run_search(tmp_path, work, stub=False, trials=4, evaluations=4)
    assert states(trials) == ["completed"] * 3 + ["stopped early"]
    assert trials[3].step == 20
    assert trials[3].objective == max(value for _, value in trials[3].curve)
    assert "the median of 3 others" in trials[3].why
    assert result.oracle.trials["3"].status == "COMPLETED"
