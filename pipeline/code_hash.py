"""Hashes of the code that nodes run. Without them TFX would reuse the result of a function that has been edited."""

from __future__ import annotations

from data import discovery
from pipeline.config.pipeline_config import PipelineConfig
from trainer_module import fingerprint
from trainer_module.models import NAME as MODELS

# The modules that start the processes of nodes, and those that the processes run.
_ENTRY_POINTS = ("pipeline.cli", "pipeline.orchestrators.kubeflow_v2_entrypoint", "trainer_module.entry")


def of_node(config: PipelineConfig, *modules: str) -> str:
    """Hashes the modules that a node runs, and the file of the dataset. A component package stands for its executor."""
    executed = [f"{m}.executor" if m.startswith("components.") and m.count(".") == 1 else m for m in modules]
    return fingerprint.code(*executed, discovery.module_name(discovery.DATASETS, config.dataset_name))


def of_pipeline(config: PipelineConfig) -> str:
    """Hashes all code that the nodes of a pipeline run, and the code of the processes that run them."""
    names = ((MODELS, config.model_name), (discovery.DATASETS, config.dataset_name))
    return fingerprint.code(*_ENTRY_POINTS, *(discovery.module_name(*name) for name in names))
