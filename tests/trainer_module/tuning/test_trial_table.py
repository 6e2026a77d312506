"""The table of the trials of a search: a file that is complete at any moment, and log records for the terminal."""

import logging
import os

from data import metric_names
from trainer_module.tuning import trial_table
from trainer_module.tuning.trial_summary import TrialSummary
from trainer_module.tuning.trial_table import TrialTable


def summary(number, state="completed", objective=0.5, **fields):
    return TrialSummary(str(number), state, {"x": number / 10}, metric_names.AUC, "higher", objective, **fields)


def test_trials_are_on_disk_in_the_order_of_their_numbers(tmp_path):
    table = TrialTable(str(tmp_path))
    for number in (10, 2, 0):
        table.put(summary(number, curve=[(10, 0.5)]))
    assert [r.id for r in trial_table.read(str(tmp_path))] == ["0", "2", "10"]
    assert trial_table.read(str(tmp_path)) == table.trials
    assert TrialTable(str(tmp_path)).get("2") == summary(2, curve=[(10, 0.5)])
    assert [f.name for f in tmp_path.iterdir()] == ["trials.json"]


def test_a_change_of_only_step_and_seconds_is_not_written(tmp_path):
    table = TrialTable(str(tmp_path))
    table.put(summary(0, "running", seconds=1.0, step=3))
    before = (tmp_path / trial_table.FILE).stat().st_ino
    table.put(summary(0, "running", seconds=2.0, step=4))
    assert (tmp_path / trial_table.FILE).stat().st_ino == before
    assert table.get("0").seconds == 2.0
    table.put(summary(0, "completed", seconds=3.0))
    assert trial_table.read(str(tmp_path))[0].seconds == 3.0


def test_a_trial_that_the_oracle_does_not_know_is_forgotten(tmp_path):
    table = TrialTable(str(tmp_path))
    table.put(summary(0))
    table.put(summary(1))
    table.keep(["1"])
    assert [r.id for r in table.trials] == ["1"]


def test_the_table_is_logged_after_a_change_and_every_second(tmp_path, caplog):
    caplog.set_level(logging.INFO, trial_table.LOGGER.name)
    now = [0.0]
    table = TrialTable(str(tmp_path), clock=lambda: now[0])
    table.put(summary(0, "running", step=3, steps=10))
    table.log()
    table.log()
    now[0] = 1.5
    table.log()
    table.put(summary(1, "failed", None))
    table.log()
    assert [len(r.trials) for r in caplog.records] == [1, 1, 2]
    assert caplog.records[-1].trials[0] == summary(0, "running", step=3, steps=10)
    assert caplog.records[-1].getMessage() == "1 trials have ended; trial 0 at step 3 of 10"


def test_the_newest_search_is_the_one_whose_table_was_written_last(tmp_path):
    assert trial_table.newest_search(str(tmp_path), 0) is None
    for age, name in enumerate(["new", "old"]):
        TrialTable(str(tmp_path / name)).put(summary(0))
        os.utime(tmp_path / name / trial_table.FILE, (1000 - age, 1000 - age))
    assert trial_table.newest_search(str(tmp_path), 900) == str(tmp_path / "new")
    assert trial_table.newest_search(str(tmp_path), 1001) is None
