"""Fills the record with the trials of a search, and copies their plot into the folder of the run."""

from __future__ import annotations

import json
import posixpath
from datetime import datetime
from typing import TYPE_CHECKING

from tfx.dsl.io import fileio
from tfx.orchestration import metadata

from pipeline import node_ids
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.record import collect
from pipeline.record.run_record import RunRecord
from trainer_module.tuning import best, trial_table

if TYPE_CHECKING:
    from pipeline.metadata.connection import Connection

# The fields of a trial that the record contains.
_TRIAL_KEYS = (
    "id", "state", "values", "metric", "objective", "step", "steps", "seconds", "resumed_from", "continues", "why", "log",
)  # fmt: skip


def fill_record(record: RunRecord, config: PipelineConfig, connection: Connection) -> None:
    """Fills in the trials if the run has a search, even if the search was interrupted."""
    if not config.tuning.trials:
        return
    started = datetime.fromisoformat(record.started).timestamp()
    folder = _search_folder(record, config, connection) or trial_table.newest_search(config.searches, started)
    if folder is None:
        return
    record.trials = [{key: getattr(trial, key) for key in _TRIAL_KEYS} for trial in trial_table.read(folder)]
    plot = posixpath.join(folder, trial_table.PLOT)
    if fileio.exists(plot):
        kept = posixpath.join(config.output_dir, "runs", record.run_id, trial_table.PLOT)
        fileio.makedirs(posixpath.dirname(kept))
        fileio.copy(plot, kept, overwrite=True)
        record.trials_plot = kept


def _search_folder(record: RunRecord, config: PipelineConfig, connection: Connection) -> str | None:
    """Returns the folder of the search that produced the Tuner's output; None if there is no output.

    If TFX's cache answered for the Tuner, this is the search of an earlier run.
    """
    with metadata.Metadata(connection) as handle:
        outputs = collect.outputs_of(handle.store, record.run_id, config.pipeline_name)
    best_hyperparameters = outputs.get(node_ids.BEST_HYPERPARAMETERS)
    if best_hyperparameters is None:
        return None
    with fileio.open(posixpath.join(collect.as_artifact(best_hyperparameters).uri, best.FILE)) as file:
        return best.search_folder(json.loads(file.read()))
