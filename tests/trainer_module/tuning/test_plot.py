"""The plot of a search: its colours, and the line of the best trial so far."""

from dataclasses import replace

import pytest
from matplotlib.image import imread

from data import metric_names
from trainer_module.tuning import plot
from trainer_module.tuning.trial_summary import TrialSummary


def summary(number, state="completed", objective=0.5):
    return TrialSummary(str(number), state, {"x": number / 10}, metric_names.AUC, "higher", objective)


def plot_pixels(tmp_path, trials):
    """Draws the plot of the trials. Returns its pixels."""
    plot.draw(trials, str(tmp_path / "trials.png"))
    assert [f.name for f in tmp_path.iterdir()] == ["trials.png"]
    return imread(tmp_path / "trials.png")


RED, BLUE, ORANGE = (0.84, 0.15, 0.16), (0.12, 0.47, 0.71), (1.0, 0.5, 0.05)


def count_pixels(image, colour):
    return int((abs(image[..., :3] - colour).max(axis=-1) < 0.05).sum())


def test_the_plot_shows_values_failures_and_the_best_so_far(tmp_path):
    trials = [
        summary(0, objective=0.5),
        summary(1, objective=0.7),
        summary(2, "failed", None),
        summary(3, "stopped early", 0.4),
    ]
    image = plot_pixels(tmp_path, trials)
    assert image.shape[0] > 400
    assert all(count_pixels(image, colour) > 50 for colour in (RED, BLUE, ORANGE))
    assert not count_pixels(plot_pixels(tmp_path, trials[:2]), RED)


def test_a_search_without_a_completed_trial_has_a_plot_too(tmp_path):
    image = plot_pixels(tmp_path, [summary(0, "failed", None), summary(1, "failed", None)])
    assert count_pixels(image, RED) > 50
    assert not count_pixels(image, BLUE)


@pytest.mark.parametrize(
    ("direction", "values", "steps"),
    [
        ("higher", (0.5, 0.4, 0.7), [(0, 0.5), (1, 0.5), (2, 0.7), (2, 0.7)]),
        ("lower", (0.5, 0.4, 0.7), [(0, 0.5), (1, 0.4), (2, 0.4), (2, 0.4)]),
        ("higher", (0.5, None, 0.4, None), [(0, 0.5), (2, 0.5), (3, 0.5)]),  # the line ends at the last trial
        ("higher", (None, None), []),
    ],
)
def test_the_best_so_far_follows_the_direction(direction, values, steps):
    trials = [summary(i, "failed" if value is None else "completed", value) for i, value in enumerate(values)]
    assert plot.best_so_far([replace(trial, direction=direction) for trial in trials]) == steps
