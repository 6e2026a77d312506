"""The orchestrators for which `compile` writes the pipeline. (No import: the command line takes its choices from here.)"""

from __future__ import annotations

from collections.abc import Mapping

# Orchestrator -> (module with `compile(config, path) -> {path: text}`, its package that `make run` does not install).
COMPILERS: Mapping[str, tuple[str, str | None]] = {
    "kubeflow": ("pipeline.orchestrators.kubeflow_compiler", "kfp"),
    "kubeflow_v2": ("pipeline.orchestrators.kubeflow_v2_compiler", "kfp"),
    "airflow": ("pipeline.orchestrators.airflow_compiler", None),  # the DAG file imports Airflow, its compiler does not
}
