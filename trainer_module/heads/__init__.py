"""The parts of a model that its task determines: head, metrics, label scale. Model files import these names from here.

`metrics` is deliberately not imported: Transform imports this package, and its cache would then depend on the metrics.
"""

from trainer_module.heads.task_head import LOGISTIC, PREDICTION_KEYS, PREDICTIONS, PROBABILITIES, WEIGHT, Head, head

__all__ = ["LOGISTIC", "PREDICTIONS", "PREDICTION_KEYS", "PROBABILITIES", "WEIGHT", "Head", "head"]


def __getattr__(name: str) -> object:
    if name == "PREDICTED":  # ImportError: `from ... import` replaces the message of an AttributeError
        raise ImportError(
            "`PREDICTED` is now called `PREDICTION_KEYS`: write `from trainer_module.heads import PREDICTION_KEYS`."
        )
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
