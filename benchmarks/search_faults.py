"""Kills a search for hyper-parameters in the middle of a trial. The next run must continue it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from data import discovery
from tests.support.faults import Result, training
from trainer_module.checkpoints import checkpoints
from trainer_module.training import job as jobs
from trainer_module.tuning import search, search_spec, trial_table
from trainer_module.tuning.settings import TuneSettings
from trainer_module.tuning.trial_summary import TrialSummary

TRIALS = 3
# The search is killed during this trial, the second one.
_KILLED_TRIAL = "1"
_DEADLINE_SECONDS = 240


def run(result: Result, output: Path, path: Path, *, dataset: str, model: str, steps: int, batch_size: int) -> Result:
    """Searches with three trials, kills the process of the Tuner (SIGKILL) during the second one, and searches again.

    Args:
        result: is filled in and returned.
        output: output folder of a pipeline run that stopped after Transform.
        path: folder for the search.
        dataset: name of the dataset.
        model: name of the model.
        steps: number of steps of each trial.
        batch_size: rows per step.
    """
    began = time.monotonic()
    job = training(result.case, output, path, dataset=dataset, model=model, steps=steps, batch_size=batch_size)
    job = replace(job, hyperparameters={})  # no hyper-parameter is fixed, so all are searched
    file = path / "job.json"
    job.write(str(file))
    spec = search_spec.SearchSpec(job, _settings(steps), str(path))
    folder = spec.training_folder(_KILLED_TRIAL)
    status = _kill_at(_search(file), folder, steps // 2, began + _DEADLINE_SECONDS)
    if status is not None:
        result.ending, result.seconds = "fails", time.monotonic() - began
        result.broken.append(f"the search ended with status {status} before it could be killed; see {_log_of(file)}")
        return result
    logged_step = _newest_step(spec.trial_folder(_KILLED_TRIAL))
    before, saved_step = _trials(spec.folder), checkpoints.step_of(folder)
    status = _search(file).wait(_DEADLINE_SECONDS)
    after = _trials(spec.folder)
    result.ending, result.seconds = "continues" if status == 0 else "fails", time.monotonic() - began
    result.steps = sum(trial.step for trial in after.values())
    result.lost = max(0, logged_step - saved_step)
    if status != 0:
        result.broken.append(f"the second search ended with status {status}; see {_log_of(file)}")
    result.broken += _broken(before, after, saved_step)
    return result


def _trials(folder: str) -> dict[str, TrialSummary]:
    return {trial.id: trial for trial in trial_table.read(folder)}


def _kill_at(search: subprocess.Popen[bytes], folder: str, step: int, deadline: float) -> int | None:
    """Kills a search after the training in `folder` has saved `step`. Returns the exit status if the search ended earlier."""
    while checkpoints.step_of(folder) < step and search.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    status = search.poll()
    search.kill()  # not os.kill: after the end of the process, its id can belong to another one
    search.wait()
    return status


def _broken(before: Mapping[str, TrialSummary], after: Mapping[str, TrialSummary], saved_step: int) -> Iterator[str]:
    if after.get("0") != before.get("0"):
        yield "a finished trial has changed"
    killed_before, killed_after = before.get(_KILLED_TRIAL), after.get(_KILLED_TRIAL)
    if killed_before is None or killed_after is None:
        yield f"{trial_table.FILE} does not contain trial {_KILLED_TRIAL}, in which the search was killed"
    elif killed_after.values != killed_before.values or killed_after.resumed_from < saved_step:
        yield f"the interrupted trial continued from step {killed_after.resumed_from}, not from {saved_step}"
    if any(trial.has_value for trial in after.values()) and len(after) != TRIALS:
        yield f"there are {len(after)} trials, not {TRIALS}"


def _newest_step(folder: str) -> int:
    """Returns the newest step in the log of a trial. The log has every hundredth step."""
    log = Path(search_spec.log_file(folder))
    return max((int(step) for step in re.findall(r"step = (\d+)", log.read_text() if log.exists() else "")), default=0)


def _settings(steps: int) -> TuneSettings:
    return TuneSettings(trials=TRIALS, oracle="random", steps=steps, stop_early=False)


def _log_of(file: Path) -> Path:
    return file.with_suffix(".log")


def _search(file: Path) -> subprocess.Popen[bytes]:
    with _log_of(file).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", __name__, str(file)], cwd=discovery.CHECKOUT, stdout=log, stderr=log,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip


if __name__ == "__main__":
    [path] = sys.argv[1:]
    work = jobs.read(path)
    search.tuner(work, _settings(work.settings.steps), str(Path(path).parent)).search()
