"""The tables and keys of a configuration. `python -m pipeline list` prints their descriptions."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from pipeline.config import defaults
from pipeline.config.airflow import Airflow
from pipeline.config.kubeflow import Kubeflow, Step
from pipeline.config.run_tables import ENGINES, Data, Metadata, Run
from pipeline.config.table import Table
from pipeline.config.train import FROM_DATASET, Train, Tune

__all__ = [
    "ENGINES", "Airflow", "Config", "Data", "Kubeflow", "Metadata", "Run", "Step", "Table", "Train", "Tune",
]  # fmt: skip


class Config(Table, frozen=True):
    """The keys of a configuration file."""

    dataset: Annotated[
        str, Meta(description="name of a file in data/datasets/, or an import path such as my_company.churn")
    ] = defaults.DATASET
    model: Annotated[
        str | None, Meta(description=f"name of a file in trainer_module/models/, or an import path{FROM_DATASET}")
    ] = None
    output_dir: Annotated[
        str | None, Meta(description=f"folder of all that a run writes; by default {defaults.output_dir('<dataset>')}")
    ] = None
    train: Train = Train()
    tune: Tune = Tune()
    data: Data = Data()
    run: Run = Run()
    metadata: Metadata = Metadata()
    kubeflow: Kubeflow = Kubeflow()
    airflow: Airflow = Airflow()
    hyperparameters: Annotated[
        dict[str, int | float | str], Meta(description="hyper-parameters of the model; they replace its defaults")
    ] = msgspec.field(default_factory=dict)
