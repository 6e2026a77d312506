"""Settings of a training for tests, which name only what they are about."""

from trainer_module.training.settings import TrainSettings


def train_settings(steps, batch_size=1, **others):
    """Settings of a training; those that a dataset suggests are the plainest ones."""
    suggested = {"checkpoint_steps": None, "eval_seconds": None, "patience": 0, "best": "loss"}
    return TrainSettings(steps=steps, batch_size=batch_size, **suggested | others)
