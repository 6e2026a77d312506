"""Fills the record with the trials of a search, and copies their plot into the folder of the run."""

from __future__ import annotations

import json
import posixpath
from datetime import datetime

import msgspec
from tfx.dsl.io import fileio

from pipeline import node_ids
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.record.collect import Outputs
from pipeline.record.run_record import RunRecord, TrialRecord
from trainer_module.tuning import best, trial_table


def fill_record(record: RunRecord, config: PipelineConfig, outputs: Outputs) -> None:
    """Fills in the trials if the run has a search, even if the search was interrupted.

    Args:
        record: the record of the run.
        config: configuration of the run.
        outputs: of the run, from `collect.outputs_of`.
    """
    if not config.tuning.trials:
        return
    began = datetime.fromisoformat(record.started).timestamp()
    folder = _search_folder(outputs) or trial_table.newest_search(config.searches, began)
    if folder is None:
        return
    record.trials = [msgspec.convert(trial, TrialRecord, from_attributes=True) for trial in trial_table.read(folder)]
    plot = posixpath.join(folder, trial_table.PLOT)
    if fileio.exists(plot):
        plot_of_run = posixpath.join(config.output_dir, "runs", record.run_id, trial_table.PLOT)
        fileio.makedirs(posixpath.dirname(plot_of_run))
        fileio.copy(plot, plot_of_run, overwrite=True)
        record.trials_plot = plot_of_run


def _search_folder(outputs: Outputs) -> str | None:
    """Returns the folder of the search that produced the Tuner's output; None if there is no output.

    If TFX's cache answered for the Tuner, this is the search of an earlier run.
    """
    best_hyperparameters = outputs.get(node_ids.BEST_HYPERPARAMETERS)
    if best_hyperparameters is None:
        return None
    with fileio.open(posixpath.join(best_hyperparameters.uri, best.FILE)) as file:
        return best.search_folder(json.loads(file.read()))
