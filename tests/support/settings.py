"""Settings of a training. A test names only the settings that matter to it."""

from trainer_module.training.settings import TrainSettings


def train_settings(steps, batch_size=1, **others):
    """Returns settings of a training. Those that a dataset usually suggests have the simplest values."""
    suggested = {"checkpoint_steps": None, "eval_seconds": None, "patience": 0, "best": "loss"}
    return TrainSettings(steps=steps, batch_size=batch_size, **suggested | others)
