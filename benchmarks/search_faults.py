"""A search for hyper-parameters that is killed in the middle of a trial, and goes on."""

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
from trainer_module.tuning.trial_table import TrialSummary

TRIALS = 3
# The trial that is under way when the search is killed, the second one.
_IN = "1"
_DEADLINE_SECONDS = 240


def run(result: Result, output: Path, path: Path, *, dataset: str, model: str, steps: int, batch_size: int) -> Result:
    """Searches with three trials; kill -9 hits the process of the Tuner while the second one trains; searches again.

    Args:
        result: to fill in.
        output: folder of a run that went as far as Transform.
        path: folder for this.
        dataset: name.
        model: name.
        steps: of a trial.
        batch_size: rows a step.
    """
    began = time.monotonic()
    job = training(result.case, output, path, dataset=dataset, model=model, steps=steps, batch_size=batch_size)
    job = replace(job, hyperparameters={})  # none is given: all are searched
    file = path / "job.json"
    job.write(str(file))
    searched = search_spec.SearchSpec(job, _settings(steps), str(path))
    folder = searched.training_of(_IN)
    ended = _kill_at(_search(file), folder, steps // 2, began + _DEADLINE_SECONDS)
    if ended is not None:
        result.words, result.seconds = "fails", time.monotonic() - began
        result.broken.append(f"the search ended with status {ended} before it could be killed; see {_log_of(file)}")
        return result
    seen = _newest_step(searched.folder_of(_IN))
    before, saved = {r.id: r for r in trial_table.read(searched.folder)}, checkpoints.step_of(folder)
    again = _search(file).wait(_DEADLINE_SECONDS)
    after = {r.id: r for r in trial_table.read(searched.folder)}
    result.words, result.seconds = "goes on" if again == 0 else "fails", time.monotonic() - began
    result.steps = sum(record.step for record in after.values())
    result.lost = max(0, seen - saved)
    if again != 0:
        result.broken.append(f"the search that was to go on ended with status {again}; see {_log_of(file)}")
    result.broken += _wrong_with(before, after, saved)
    return result


def _kill_at(search: subprocess.Popen[bytes], folder: str, step: int, until: float) -> int | None:
    """Kills a search when the training in a folder has saved a step. Returns its status if it ended before, by itself."""
    while checkpoints.step_of(folder) < step and search.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    ended = search.poll()
    search.kill()  # not by its number: that may be another process's when it has ended
    search.wait()
    return ended


def _wrong_with(before: Mapping[str, TrialSummary], after: Mapping[str, TrialSummary], saved: int) -> Iterator[str]:
    if after.get("0") != before.get("0"):
        yield "a finished trial was touched again"
    if _IN not in before or _IN not in after:
        yield f"there is no record of trial {_IN}, in which the search was killed"
    elif after[_IN].values != before[_IN].values or after[_IN].resumed_from < saved:
        yield f"the trial that was cut off went on from step {after[_IN].resumed_from}, not from {saved}"
    if [r.state for r in after.values() if r.state in ("completed", "stopped early")] and len(after) != TRIALS:
        yield f"there are {len(after)} trials, not {TRIALS}"


def _newest_step(folder: str) -> int:
    """Returns the newest step that a trial has logged: it logs every hundredth."""
    log = Path(search_spec.log_of(folder))
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
