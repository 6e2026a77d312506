"""`compile`: writes the files of an orchestrator. Also contains the functions that the compilers share."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import msgspec

from data import discovery
from pipeline import graph
from pipeline.config import kubernetes_names, pipeline_config
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.config.tables import Kubeflow, Step
from pipeline.errors import UsageError
from pipeline.orchestrators.compilers import COMPILERS
from trainer_module.files import atomic
from trainer_module.files.paths import is_remote
from trainer_module.models import NAME as MODELS

# The resource name of a GPU by default, as NVIDIA's device plugin for Kubernetes calls it.
GPU = "nvidia.com/gpu"

# Seconds that a process needs to end after it has saved its checkpoint.
_MARGIN_SECONDS = 5
NO_RESUME = "train.resume=false cannot be compiled: every retry of the Trainer would start from the beginning. Leave it out."


def write(orchestrator: str, config: PipelineConfig, out: Path) -> Iterator[Path]:
    """Compiles, writes each file in one step, and yields its path.

    Args:
        orchestrator: a key of COMPILERS.
        config: the configuration of the pipeline.
        out: the file, or the first of them.

    Raises:
        UsageError: the folder does not exist, a package is missing, the model's file has a mistake, or the orchestrator does
            not support a setting.
    """
    module, package = COMPILERS[orchestrator]
    if not out.absolute().parent.is_dir():
        raise UsageError(
            f"The folder {out.absolute().parent} does not exist, so {out.name} cannot be written. Create it first."
        )
    if package and not _is_installed(package):
        raise UsageError(
            f"Compiling for {orchestrator} needs the package {package}, which is not installed here. "
            "Install the development environment, which has it: make .venv/.dev"
        )
    with _without_import_warnings():
        _check_model(config.model_name)
        texts = importlib.import_module(module).compile(config, out.absolute())
    for path, text in texts.items():
        try:
            atomic.write(path, text)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}. Choose another file with --out.") from None
        yield path


def _check_model(model: str) -> None:
    """Imports the file of the model, as every step will do.

    Raises:
        UsageError: the file has a mistake.
    """
    try:
        with contextlib.suppress(discovery.MissingPackageError):  # perhaps only the environment of the steps has it
            discovery.load(MODELS, model)
    except discovery.DeclarationError as error:
        raise UsageError(str(error)) from None


def refuse(problems: Iterator[str]) -> None:
    """Raises a UsageError with the first problem, if there is one."""
    for problem in problems:
        raise UsageError(problem)


def with_cluster_defaults(config: PipelineConfig, metadata_uri: str | None = None) -> PipelineConfig:
    """Returns a configuration for pods. By default the output folder is on the volume, and MLMD is the server of the cluster.

    Args:
        config: the configuration of the user; its settings override these defaults.
        metadata_uri: the MLMD server of the cluster; None where the service itself keeps the metadata.
    """
    kubeflow = config.settings.kubeflow
    defaults: dict[str, object] = {}
    if not config.settings.output_dir and kubeflow.volume.claim:
        defaults["output_dir"] = f"{kubeflow.volume.path.rstrip('/')}/{config.dataset_name}"
    if metadata_uri and not config.settings.metadata.uri:
        defaults["metadata.uri"] = metadata_uri
    return pipeline_config.load(None, (), defaults, base=msgspec.to_builtins(config.settings))


def cluster_problems(config: PipelineConfig) -> Iterator[str]:
    """Yields each problem that prevents a pipeline from running in pods, with a way out.

    Raises:
        InputError: the braces in the path of the data hold something other than a span.
    """
    from pipeline import ir

    kubeflow = config.settings.kubeflow
    nodes = ir.upstream(config)
    for name in kubeflow.steps:
        if name not in nodes:
            yield f"kubeflow.steps.{name}: {graph.unknown_node(name, nodes)}"
    if not kubeflow.image:
        yield (
            "Steps need an image with this project: build one from the Dockerfile, push it where the cluster can pull it, and "
            "name it with --set kubeflow.image=REGISTRY/NAME:TAG."
        )
    yield from kubernetes_names.problems(kubeflow)
    yield from _hidden_paths(config)
    if not config.settings.train.resume:
        yield NO_RESUME


def _hidden_paths(config: PipelineConfig) -> Iterator[str]:
    kubeflow = config.settings.kubeflow
    paths = {
        "output_dir": config.output_dir,
        "data.path": config.settings.data.path and config.data_path,
        "train.checkpoints": config.checkpoints,
    }
    for key, path in paths.items():
        if path and not _is_visible_to_pods(path, kubeflow):
            yield (
                f"{key} is {path}, which pods do not see. Put it on the volume (--set kubeflow.volume.claim=NAME, mounted at "
                f"{kubeflow.volume.path}), or in object storage (gs://...)."
            )


def _is_visible_to_pods(path: str, kubeflow: Kubeflow) -> bool:
    on_volume = kubeflow.volume.claim and Path(path).is_relative_to(kubeflow.volume.path)
    return bool(on_volume) or is_remote(path)


def seconds_to_end(config: PipelineConfig) -> int:
    """Returns how long a step may take to end after SIGTERM: it saves a checkpoint, then writes its record."""
    return config.training.grace_seconds + _MARGIN_SECONDS


def secrets(kubeflow: Kubeflow) -> dict[str, str]:
    """Returns environment variable -> name of its Secret. The key in the Secret has the name of the variable."""
    return {variable: name for name, variable in map(kubernetes_names.secret, kubeflow.secrets)}


def step_settings(kubeflow: Kubeflow, node: str) -> Step:
    """Returns the settings of one step: its own table overrides `kubeflow.all`."""
    overrides = msgspec.structs.asdict(kubeflow.steps.get(node, Step()))
    return msgspec.structs.replace(kubeflow.all, **{key: value for key, value in overrides.items() if value is not None})


def _is_installed(package: str) -> bool:
    """Whether a package is really installed. (kfp-pipeline-spec also installs a folder `kfp`, but without KFP in it.)"""
    spec = importlib.util.find_spec(package)
    return spec is not None and spec.origin is not None


@contextlib.contextmanager
def _without_import_warnings() -> Iterator[None]:
    """Hides what TensorFlow, TFX and KFP print about this machine when they are imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
