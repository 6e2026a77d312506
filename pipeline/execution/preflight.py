"""Finds errors in data and configuration before any work is done, and locks the output folder."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.config.pipeline_config import PipelineConfig
from pipeline.errors import InputError, InUseError, UsageError
from trainer_module.files import lock
from trainer_module.files.paths import is_remote

# Only the first bytes of each file are checked, in about a second. ExampleGen checks the rest, with the same messages.
_CHECKED_BYTES = 256 << 20
# A longer lock file of a shared folder is emptied before the next process adds its name.
_NAMES_BYTES = 64 << 10


def check(config: PipelineConfig) -> None:
    """Checks data, reviewed schema and hyper-parameters.

    Raises:
        InputError: the data or the reviewed schema cannot be used.
        UsageError: the model's file has a mistake, or it does not fit the dataset, or does not know a hyper-parameter.
    """
    from components.csv_files import paths, reader
    from components.csv_files.errors import InputDataError
    from components.reviewed_schema_gen import logic as schema
    from components.window_example_gen import check as windows
    from data import discovery
    from trainer_module.estimators import compatibility, hyperparameters
    from trainer_module.estimators.keras_conversion import KerasModelError

    try:
        files = paths.files(config.data_path, config.settings.data.span, config.settings.data.spans)
        check_files = windows.check_files if config.dataset.series else reader.check_files
        check_files(config.data_path, files, config.dataset, _CHECKED_BYTES)
    except InputDataError as error:
        raise InputError(str(error)) from None
    reviewed = discovery.reviewed_schema_path(config.dataset)
    if reviewed.exists():
        try:
            schema.parse(reviewed.read_text("utf-8"))
        except schema.SchemaError as error:
            raise InputError(f"{reviewed}: {error}") from None
    try:
        compatibility.check(config.dataset, config.model_name, config.settings.hyperparameters)
    except (
        discovery.DeclarationError,
        hyperparameters.HyperParameterError,
        compatibility.UnfitModelError,
        KerasModelError,
    ) as error:
        raise UsageError(str(error)) from None


@contextmanager
def output_folder(path: str, *, shared: bool = False) -> Iterator[None]:
    """Creates an output folder and locks it: for this process, or for all processes that share it.

    Object storage has no locks. There the orchestrator must start runs one after another.

    Args:
        path: path of the output folder.
        shared: whether other processes may share it: the steps of an orchestrated run do.

    Raises:
        InputError: the folder cannot be written.
        InUseError: another run is using it.
    """
    if is_remote(path):
        yield
        return
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock_file = lock.open_locked(folder / lock.FILE, shared=shared)
    except lock.LockedError as error:
        raise InUseError(
            f"Another run ({_holders(error.text)}) is using the output folder {path}. "
            "Wait for it, or choose another folder with --output-dir."
        ) from None
    except OSError as error:
        raise InputError(
            f"The output folder {path} cannot be written: {error.strerror}. Choose another one with --output-dir."
        ) from None
    with lock_file:
        if not shared or os.fstat(lock_file.fileno()).st_size > _NAMES_BYTES:
            lock_file.truncate(0)
        lock_file.write(f"{os.getpid()} {socket.gethostname()}\n")
        lock_file.flush()
        yield


def _holders(text: str) -> str:
    """Returns the names of the processes that may hold a lock: those in the lock file that may still be alive."""
    this_host, holders = socket.gethostname(), []
    for line in text.splitlines():
        pid, _, host = line.partition(" ")
        if host != this_host:
            holders.append(f"process {pid} on {host}")
        elif Path(f"/proc/{pid}").exists() or not Path("/proc").exists():
            holders.append(f"process {pid}")
    return ", ".join(dict.fromkeys(holders)) or "an unknown process"


def check_local(config: PipelineConfig) -> None:
    """Checks that the output folder is on this machine: `run` locks it, and keeps its record and its metadata there.

    Raises:
        UsageError: they go to object storage.
    """
    if is_remote(config.output_dir):
        raise UsageError(
            f"output_dir is {config.output_dir}, but `run` keeps its record, lock and metadata in a local folder. Name one "
            "with --output-dir. To write to object storage, use Kubeflow (python -m pipeline compile kubeflow)."
        )
