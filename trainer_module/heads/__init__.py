"""What a task asks of a model: its head, its metrics, the scale of its label. Model files import from here.

`metrics` is not imported here: code that only needs names would depend on it, and with it Transform's cache.
"""

from trainer_module.heads.task_head import LOGISTIC, PREDICTED, PREDICTIONS, PROBABILITIES, WEIGHT, Head, head

__all__ = ["LOGISTIC", "PREDICTED", "PREDICTIONS", "PROBABILITIES", "WEIGHT", "Head", "head"]
