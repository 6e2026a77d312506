"""The files of an exported model: its SavedModel with the signatures that every model has, and its card.

The SavedModel is the Estimator's own. So its variables keep their names, and a later training can start from them
(`warm_start_from`).
"""

from __future__ import annotations

from data import Dataset
from trainer_module.serving import card, saved_model
from trainer_module.serving.outputs import MissingPredictionError
from trainer_module.serving.receiver import COLUMN_INPUTS
from trainer_module.serving.signatures import PREDICT_RAW, SERVING_DEFAULT, TRANSFORM_LABELS

_COLUMN_PREFIX = f"{COLUMN_INPUTS}:"

# Signatures that get no twin over columns: clients never send labels, and the twin of serving_default is `predict_raw`.
_EXAMPLES_ONLY = (TRANSFORM_LABELS, "predict")


def finish(export_dir: str, dataset: Dataset) -> None:
    """Renames the signatures of a fresh export and writes its card. Graph and variables stay as they are.

    The Estimator API names the signatures over columns "columns:serving_default", "columns:transform_labels" and so on. A
    export that is already finished is not changed.

    Raises:
        MissingPredictionError: the export was not made by `estimators.build` with `receiver.serving_input_receiver_fn`.
    """
    content = saved_model.read(export_dir)
    [graph] = content.meta_graphs
    signatures = graph.signature_def
    default = f"{_COLUMN_PREFIX}{SERVING_DEFAULT}"
    if default not in signatures:  # `signatures[default]` would add an empty signature
        if PREDICT_RAW in signatures:
            return  # finished before
        raise MissingPredictionError(f"{export_dir} has no signature '{default}'. It has: {', '.join(sorted(signatures))}.")
    for name in [n for n in signatures if n.startswith(_COLUMN_PREFIX)]:
        head = name.removeprefix(_COLUMN_PREFIX)
        if head not in _EXAMPLES_ONLY:
            signatures[PREDICT_RAW if head == SERVING_DEFAULT else f"{head}_raw"].CopyFrom(signatures[name])
        del signatures[name]
    card.write(export_dir, dataset)
    # This comes last and is atomic: if the process is killed before it, `finish` can be called again.
    saved_model.write(export_dir, content)
