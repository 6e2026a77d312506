"""Checks whether the latest blessed model can still be evaluated on the dataset."""

from __future__ import annotations

from data import Dataset
from trainer_module.serving import card, signatures
from trainer_module.serving.saved_model import signature_names


def why_unfit(saved_model: str, dataset: Dataset) -> str | None:
    """Returns why a model cannot be evaluated on the dataset as it is now; None if it can.

    Args:
        saved_model: folder of the SavedModel.
        dataset: declares the columns of the examples now.
    """
    missing = {signatures.SERVING_DEFAULT, signatures.TRANSFORM_LABELS} - signature_names(saved_model)
    if missing:
        return f"it has no signature {' and '.join(sorted(missing))}"
    trained_on = card.read(saved_model)
    if trained_on is None:
        return f"it does not describe its training data ({card.FILE} is missing)"
    if trained_on.task != dataset.task:
        return f"its task was {trained_on.task}, the dataset's is {dataset.task}"
    if trained_on.label != dataset.label.name:
        return f"its label was '{trained_on.label}', the dataset's is '{dataset.label.name}'"
    if dataset.weight and dataset.weight not in trained_on.columns:
        return f"it was trained without the example weight '{dataset.weight}'"
    columns = card.column_types(dataset)
    for column, trained_type in trained_on.columns.items():
        current_type = columns.get(column)
        if current_type is None:
            return f"it reads the column '{column}', which the dataset no longer has"
        if current_type != trained_type:
            return f"it reads the column '{column}' as {trained_type}, but it is {current_type} now"
    return None
