"""The table of trials on the terminal."""

import io

from rich.console import Console

from data import metric_names
from pipeline.terminal.trials_table import line, table
from trainer_module.tuning.trial_summary import TrialSummary


def trial(number, state="completed", objective=0.5, direction="higher", values=None, **fields):
    trial_values = {"rate": number / 7, "units": number} if values is None else values
    return TrialSummary(str(number), state, trial_values, metric_names.AUC, direction, objective, steps=1000, **fields)


def printed_lines(trials, **settings):
    """The printed lines, with one space between words."""
    console = Console(file=io.StringIO(), width=120)
    console.print(table(trials, **settings))
    return [" ".join(text.split()) for text in console.file.getvalue().splitlines()]


def test_a_line_has_values_objective_step_seconds_and_state():
    lines = printed_lines(
        [trial(1, objective=0.87654321, seconds=12.4, step=1000), trial(2, "running", None, step=40, seconds=3)]
    )
    assert lines[0] == "trial rate units auc step seconds state"
    assert lines[1] == "✓ 1 0.1429 1 0.8765 1,000/1,000 12 completed"
    assert lines[2] == "▶ 2 0.2857 2 40/1,000 3 running"


def test_every_state_has_its_mark():
    lines = printed_lines([trial(0, "stopped early"), trial(1, "failed", None), trial(2, "interrupted")])
    assert [text[0] for text in lines[1:]] == ["◦", "✗", "‖"]


def bold_row(trials):
    """The index of the row in bold, or None."""
    styles = [row.style for row in table(trials).rows]
    return styles.index("bold") if "bold" in styles else None


def test_the_best_trial_is_in_bold():
    scores = [0.5, 0.9, 0.4]
    assert bold_row([trial(i, objective=s) for i, s in enumerate(scores)]) == 1
    assert bold_row([trial(i, objective=s, direction="lower") for i, s in enumerate(scores)]) == 2
    assert bold_row([trial(0, "running", 0.9), trial(1, objective=0.1)]) == 1  # a trial that has not ended does not count
    assert bold_row([trial(0, "failed", None)]) is None


def test_of_many_trials_the_best_and_the_newest_are_shown():
    trials = [trial(i, objective=0.9 if i == 2 else 0.5) for i in range(20)]
    lines = printed_lines(trials, rows=4)
    assert [text.split()[1] for text in lines[1:5]] == ["2", "17", "18", "19"]
    assert lines[5] == "16 more trials"


def test_a_trial_that_continues_another_names_it():
    assert printed_lines([trial(3, continues="1")])[1].endswith("completed after 1")


def test_trials_may_have_different_hyper_parameters():
    lines = printed_lines([trial(0, values={"kind": "deep", "layers": 3}), trial(1, values={"kind": "[plain]"})])
    assert lines[0].split()[1:3] == ["kind", "layers"]
    assert lines[2].split()[:3] == ["✓", "1", "[plain]"]


def test_the_line_of_an_ended_trial():
    assert line(trial(7, objective=0.25, step=900, seconds=3.6, values={"rate": 0.5, "kind": "[plain]"})) == (
        "trial 7  completed  auc 0.25  900 steps  4 s  (rate 0.5, kind [plain])"
    )
    assert line(trial(7, "failed", None, why="no memory", values={"rate": 1.0})) == (
        "trial 7  failed  no memory  0 steps  0 s  (rate 1)"
    )


def test_without_trials_the_table_has_its_header():
    assert printed_lines([])[0] == "trial objective step seconds state"
