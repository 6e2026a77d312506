"""All trials of a search: in `trials.json` in its folder, which is always complete, and in log records for a terminal."""

from __future__ import annotations

import logging
import posixpath
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

import tensorflow as tf

from trainer_module.files import json_file
from trainer_module.tuning.trial_summary import TrialSummary

# To show a search, attach a handler to this logger and read the `trials` of its records, a list of TrialSummary.
LOGGER = logging.getLogger(__name__)

FILE = "trials.json"
PLOT = "trials.png"
EVERY_SECONDS = 1.0


class TrialTable:
    """The trials of a search."""

    def __init__(self, folder: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Reads the trials of earlier runs.

        Args:
            folder: folder of the search.
            clock: returns seconds.
        """
        self._path = posixpath.join(folder, FILE)
        self._trials = {trial.id: trial for trial in read(folder)}
        self._clock = clock
        self._logged_at = -float("inf")

    @property
    def trials(self) -> list[TrialSummary]:
        """All trials, in the order of their numbers."""
        return [self._trials[key] for key in sorted(self._trials, key=int)]

    def get(self, trial_id: str) -> TrialSummary | None:
        """Returns a trial, None if it is not known."""
        return self._trials.get(trial_id)

    def put(self, trial: TrialSummary) -> None:
        """Adds or replaces a trial. Writes the file, unless only `step` and `seconds` have changed."""
        previous = self._trials.get(trial.id)
        self._trials[trial.id] = trial
        if previous is None or replace(previous, step=trial.step, seconds=trial.seconds) != trial:
            json_file.write(self._path, [asdict(t) for t in self.trials])
            self._logged_at = -float("inf")

    def keep(self, trial_ids: Sequence[str]) -> None:
        """Removes all other trials. (The oracle was killed before it saved them, and will choose them again.)"""
        self._trials = {key: trial for key, trial in self._trials.items() if key in trial_ids}

    def log(self) -> None:
        """Writes a log record with all trials, every EVERY_SECONDS and after every change."""
        if self._clock() - self._logged_at < EVERY_SECONDS:
            return
        self._logged_at = self._clock()
        running = [f"trial {t.id} at step {t.step} of {t.steps}" for t in self.trials if t.state == "running"]
        ended = sum(t.has_ended for t in self.trials)
        LOGGER.info(
            "%d trials have ended; %s", ended, ", ".join(running) or "no trial is running", extra={"trials": self.trials}
        )


def read(folder: str) -> list[TrialSummary]:
    """Reads the trials of a search from its folder. Returns an empty list if there is no file."""
    return json_file.read(posixpath.join(folder, FILE), list[TrialSummary]) or []


def newest_search(root: str, since: float) -> str | None:
    """Returns the folder of the search that was written last; None if no search was written since then.

    Args:
        root: folder of all searches.
        since: seconds since 1970. Searches that were last written before do not count.
    """
    files = [(tf.io.gfile.stat(path).mtime_nsec / 1e9, path) for path in tf.io.gfile.glob(posixpath.join(root, "*", FILE))]
    written_at, path = max(files, default=(0.0, ""))
    return posixpath.dirname(path) if path and written_at >= since else None
