"""The search of a run, for its record: the trials, and the plot of them in the run's folder."""

from __future__ import annotations

import json
import posixpath
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from tfx.dsl.io import fileio
from tfx.orchestration import metadata

from pipeline import node_ids
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.record import collect as outcome
from pipeline.record.run_record import RunRecord
from trainer_module.tuning import best, trial_table

if TYPE_CHECKING:
    from pipeline.metadata.connection import Connection

# What the record of a run tells of a trial.
_TOLD = ("id", "state", "values", "metric", "objective", "step", "steps", "seconds", "resumed_from", "continues", "why", "log")


def collect(record: RunRecord, config: PipelineConfig, connection: Connection) -> None:
    """Fills in the trials of a run's search, if it has one; those of one that has not come to its end, too."""
    if not config.tuning.trials:
        return
    started = datetime.fromisoformat(record.started).timestamp()
    folder = _handed_on(record, config, connection) or trial_table.newest(config.searches, started)
    if folder is None:
        return
    record.trials = [{key: value for key, value in asdict(r).items() if key in _TOLD} for r in trial_table.read(folder)]
    plot = posixpath.join(folder, trial_table.PLOT)
    if fileio.exists(plot):
        kept = posixpath.join(config.output_dir, "runs", record.run_id, trial_table.PLOT)
        fileio.makedirs(posixpath.dirname(kept))
        fileio.copy(plot, kept, overwrite=True)
        record.trials_plot = kept


def _handed_on(record: RunRecord, config: PipelineConfig, connection: Connection) -> str | None:
    """Returns the folder of the search whose result the Tuner has handed on, from TFX's cache perhaps."""
    with metadata.Metadata(connection) as handle:
        found = outcome.outputs_of(handle.store, record.run_id, config.pipeline_name).get(node_ids.BEST_HYPERPARAMETERS)
    if found is None:
        return None
    with fileio.open(posixpath.join(outcome.as_artifact(found).uri, best.FILE)) as file:
        return best.folder(json.loads(file.read()))
