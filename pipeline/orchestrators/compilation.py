"""`compile`: from a configuration to the files that an orchestrator takes."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import msgspec

from pipeline.config import kubernetes_names, pipeline_config
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.config.tables import Kubeflow, Step
from pipeline.errors import UsageError
from trainer_module.files import atomic
from trainer_module.files.paths import is_remote

# Kind of GPU by default, as Kubernetes' device plugin names it.
GPU = "nvidia.com/gpu"

# Orchestrator -> (module with `compile(config, path) -> {path: text}`, package that it needs and `make run` does not install).
RUNNERS = {
    "kubeflow": ("pipeline.orchestrators.kubeflow_compiler", "kfp"),
    "kubeflow_v2": ("pipeline.orchestrators.kubeflow_v2_compiler", "kfp"),
    "airflow": ("pipeline.orchestrators.airflow_compiler", None),  # the DAG imports Airflow, its compiler does not
}


def write(runner: str, config: PipelineConfig, out: Path) -> Iterator[Path]:
    """Writes the files, each in one step, and yields their paths.

    Raises:
        UsageError: the folder is not there, a package is missing, or the runner cannot do what is configured.
    """
    module, package = RUNNERS[runner]
    if not out.absolute().parent.is_dir():
        raise UsageError(f"The folder {out.absolute().parent} does not exist, so {out.name} cannot be written. Make it first.")
    if package and not _is_installed(package):
        raise UsageError(
            f"Compiling for {runner} needs the package {package}, which is not installed here. "
            "Install the development environment, which has it: make .venv/.dev"
        )
    with _quiet():
        made = importlib.import_module(module).compile(config, out.absolute())
    for path, text in made.items():
        try:
            atomic.write(path, text)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}. Choose another file with --out.") from None
        yield path


def for_cluster(given: PipelineConfig, metadata_uri: str | None) -> PipelineConfig:
    """Returns a configuration as it is to be where each node is a pod on some machine.

    Args:
        given: as configured.
        metadata_uri: where MLMD is, if the configuration does not say so; None where nodes need not know.

    Raises:
        UsageError: it needs something that is not there.
    """
    from pipeline import ir

    kubeflow = given.settings.kubeflow
    nodes = ir.needs(given)
    for name in kubeflow.steps:
        if name not in nodes:
            raise UsageError(f"kubeflow.steps.{name}: there is no node '{name}'. The nodes are: {', '.join(nodes)}.")
    if not kubeflow.image:
        raise UsageError(
            "Steps need an image with this project: build one from the Dockerfile, push it where the cluster can pull it, and "
            "name it with --set kubeflow.image=REGISTRY/NAME:TAG."
        )
    kubernetes_names.check(kubeflow)
    changed: dict[str, object] = {}
    if not given.settings.output_dir and kubeflow.volume.claim:
        changed["output_dir"] = f"{kubeflow.volume.path.rstrip('/')}/{given.dataset_name}"
    if metadata_uri and not given.settings.metadata.uri:
        changed["metadata.uri"] = metadata_uri
    finished = pipeline_config.load(None, (), changed, base=msgspec.to_builtins(given.settings))
    places = {
        "output_dir": finished.output_dir,
        "data.path": given.settings.data.path and finished.data_path,
        "train.checkpoints": finished.checkpoints,
    }
    for key, path in places.items():
        if path and not _seen_by_pods(path, kubeflow):
            raise UsageError(
                f"{key} is {path}, which pods do not see. Put it on the volume (--set kubeflow.volume.claim=NAME, mounted at "
                f"{kubeflow.volume.path}), or in object storage (gs://...)."
            )
    if metadata_uri and finished.metadata_uri.startswith("sqlite:"):
        raise UsageError("metadata.uri is a SQLite file, which pods on several machines cannot share. Use grpc://, mysql:// or "
                         "postgresql://.")  # fmt: skip
    if not finished.settings.train.resume:
        raise UsageError("train.resume=false cannot be compiled: every retry of the Trainer would begin anew. Leave it out.")
    return finished


def parameters(finished: PipelineConfig) -> dict[str, str]:
    """Returns setting -> default of what every run may set otherwise. Empty: as the dataset suggests, or the newest span."""
    settings = finished.settings
    return {
        "data.path": finished.data_path if settings.data.path else "",
        "data.span": "" if settings.data.span is None else str(settings.data.span),
        "train.steps": str(finished.train_steps),
    }


def secrets(kubeflow: Kubeflow) -> dict[str, str]:
    """Returns environment variable -> the Secret whose key of that name it is."""
    return {variable: name for name, variable in map(kubernetes_names.secret, kubeflow.secrets)}


def step_settings(kubeflow: Kubeflow, node: str) -> Step:
    """Returns what holds for a node: what is said for it, else what is said for all."""
    own = msgspec.structs.asdict(kubeflow.steps.get(node, Step()))
    return msgspec.structs.replace(kubeflow.all, **{key: value for key, value in own.items() if value is not None})


def _is_installed(package: str) -> bool:
    """Whether there is a package, and not only a part of it: kfp-pipeline-spec brings a folder `kfp` too."""
    spec = importlib.util.find_spec(package)
    return spec is not None and spec.origin is not None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what TensorFlow, TFX and KFP have to say about this machine when they are imported to themselves."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _seen_by_pods(path: str, kubeflow: Kubeflow) -> bool:
    on_volume = kubeflow.volume.claim and Path(path).is_relative_to(kubeflow.volume.path)
    return bool(on_volume) or is_remote(path)
