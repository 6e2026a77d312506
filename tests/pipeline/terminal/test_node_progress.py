"""The progress of a run on the terminal: log records and states of nodes become lines or a live table."""

import io
import logging

import pytest
from rich.console import Console

from data import metric_names
from pipeline import node_ids
from pipeline.terminal.node_progress import Progress
from trainer_module.training import progress as training_progress
from trainer_module.training.progress import ProgressReport
from trainer_module.tuning import trial_table
from trainer_module.tuning.trial_summary import TrialSummary

NODES = [node_ids.CSV_EXAMPLE_GEN, node_ids.TUNER, node_ids.TRAINER]


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Screen:
    """A terminal or a file, with the progress that it shows."""

    def __init__(self, terminal):
        self.clock, self.out = Clock(), io.StringIO()
        self.console = Console(file=self.out, width=120, force_terminal=terminal, color_system=None)
        self.progress = Progress(self.console, NODES, self.clock)

    def lines(self):
        return [line.rstrip() for line in self.out.getvalue().splitlines()]

    def table(self):
        """The lines that the live table shows now."""
        with self.console.capture() as capture:
            self.console.print(self.progress.render())
        return [" ".join(line.split()) for line in capture.get().splitlines()]


@pytest.fixture
def file():
    return Screen(terminal=False)


@pytest.fixture
def terminal():
    """It is not entered: that would start the thread that draws."""
    return Screen(terminal=True)


def step(number, **changes):
    fields = {"step": number, "steps": 3000, "loss": 0.51234, "steps_per_second": 1234.5} | changes
    return _record(training_progress.LOGGER, progress=ProgressReport(**fields))


def trials(*summaries):
    return _record(trial_table.LOGGER, trials=list(summaries))


def trial(number, state, objective=0.5, **fields):
    return TrialSummary(str(number), state, {"rate": 0.1}, metric_names.AUC, "higher", objective, steps=100, **fields)


def _record(logger, **fields):
    return logging.makeLogRecord({"name": logger.name, "levelno": logging.INFO, "levelname": "INFO", "msg": "", **fields})


# The output is not a terminal.


def test_every_ended_node_is_a_line(file):
    file.progress.node(node_ids.CSV_EXAMPLE_GEN, "running", 0.0)
    file.progress.node(node_ids.CSV_EXAMPLE_GEN, "done", 2.34)
    file.progress.node(node_ids.TRAINER, "skipped", 0.0)
    assert file.lines() == ["CsvExampleGen  done       2.3 s", "Trainer        skipped    0.0 s"]


def test_a_training_prints_a_line_every_five_seconds(file):
    for now, number in ((100.0, 10), (104.9, 20), (105.0, 30), (109.0, 40), (110.5, 1500)):
        file.clock.now = now
        file.progress.emit(step(number))
    assert file.lines() == [
        "               step 10/3,000  loss 0.5123  1,234 steps/s",
        "               step 30/3,000  loss 0.5123  1,234 steps/s",
        "               step 1,500/3,000  loss 0.5123  1,234 steps/s",
    ]


def test_a_loss_that_is_nan_is_shown(file):
    file.progress.emit(step(10, loss=float("nan")))
    assert file.lines() == ["               step 10/3,000  loss nan  1,234 steps/s"]


def test_every_ended_trial_is_a_line(file):
    file.progress.emit(trials(trial(0, "running", None)))
    file.progress.emit(trials(trial(0, "completed", 0.8, step=100, seconds=12.3), trial(1, "running", None)))
    file.progress.emit(trials(trial(0, "completed", 0.8, step=100), trial(1, "interrupted", None)))
    ended = [trial(0, "completed", 0.8), trial(1, "failed", None, why="no [memory]"), trial(2, "stopped early", 0.4, step=30)]
    file.progress.emit(trials(*ended))
    assert file.lines() == [
        "               trial 0  completed  auc 0.8  100 steps  12 s  (rate 0.1)",
        "               trial 1  failed  no [memory]  0 steps  0 s  (rate 0.1)",
        "               trial 2  stopped early  auc 0.4  30 steps  0 s  (rate 0.1)",
    ]


# The output is a terminal.


def test_the_table_shows_mark_state_and_seconds_of_every_node(terminal):
    terminal.clock.now = 50.0
    terminal.progress.node(node_ids.CSV_EXAMPLE_GEN, "cached", 0.4)
    terminal.progress.node(node_ids.TRAINER, "running", 0.0)
    terminal.clock.now = 57.5
    terminal.progress.emit(step(1500))
    assert terminal.table() == [
        "= CsvExampleGen cached 0.4 s",
        "· Tuner waiting",
        "▶ Trainer running 7.5 s step 1,500/3,000 loss 0.5123 1,234 steps/s",
    ]
    assert terminal.lines() == []


@pytest.mark.parametrize(
    ("state", "mark"), [("done", "✓"), ("reused", "="), ("failed", "✗"), ("skipped", "-"), ("waiting", "·")]
)
def test_every_state_has_its_mark(terminal, state, mark):
    terminal.progress.node(node_ids.TRAINER, state, 1.0)
    assert terminal.table()[-1].startswith(f"{mark} Trainer {state}")


def test_the_progress_of_one_node_is_not_shown_for_the_next(terminal):
    terminal.progress.node(node_ids.TUNER, "running", 0.0)
    terminal.progress.emit(step(1500))
    terminal.progress.node(node_ids.TUNER, "done", 3.0)
    terminal.progress.node(node_ids.TRAINER, "running", 0.0)
    assert terminal.table()[-1] == "▶ Trainer running 0.0 s"


def test_the_trials_are_shown_while_the_tuner_runs(terminal):
    terminal.progress.emit(trials(trial(0, "completed", 0.8, step=100), trial(1, "running", None)))
    assert len(terminal.table()) == len(NODES)
    terminal.progress.node(node_ids.TUNER, "running", 0.0)
    trial_lines = terminal.table()[len(NODES) :]
    assert trial_lines[0] == "trial rate auc step seconds state"
    assert [row.split()[:2] for row in trial_lines[1:]] == [["✓", "0"], ["▶", "1"]]
    terminal.progress.node(node_ids.TUNER, "done", 9.0)
    assert len(terminal.table()) == len(NODES)


# The loggers.


@pytest.mark.parametrize("terminal_", [True, False])
def test_the_progress_listens_to_trainings_and_searches_inside_its_context(terminal_):
    screen = Screen(terminal_)
    with screen.progress:
        assert all(screen.progress in logger.handlers for logger in (training_progress.LOGGER, trial_table.LOGGER))
    assert not any(screen.progress in logger.handlers for logger in (training_progress.LOGGER, trial_table.LOGGER))


def test_a_report_of_a_training_arrives_through_its_logger(file):
    logger = training_progress.LOGGER
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        with file.progress:
            training_progress.log(ProgressReport(step=7, steps=9, loss=1.0, steps_per_second=2.0))
    finally:
        logger.setLevel(level)
    assert file.lines() == ["               step 7/9  loss 1.0000  2 steps/s"]
