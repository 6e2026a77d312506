"""What a task requires of a model: its head, its metrics, the scale of its label. Model files import these names from here.

`metrics` is deliberately not imported: Transform imports this package, and its cache would then depend on the metrics.
"""

from trainer_module.heads.task_head import LOGISTIC, PREDICTION_KEYS, PREDICTIONS, PROBABILITIES, WEIGHT, Head, head

__all__ = ["LOGISTIC", "PREDICTIONS", "PREDICTION_KEYS", "PROBABILITIES", "WEIGHT", "Head", "head"]
