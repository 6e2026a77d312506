"""The configuration of a run: frozen, typed, validated once.

Settings come, later ones winning, from the defaults below, a TOML file (`--config`), `--set key=value`, and the options
of the command line. The `description`s are the manual.
"""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import tomli
from msgspec import Meta

from data import discovery
from data.features import Dataset
from pipeline.errors import UsageError

# What executes the Beam work inside a node -> Beam's options. The runner is always named: since Beam 2.6x the default
# ("DirectRunner") may choose another one by itself.
ENGINES: Mapping[str, tuple[str, ...]] = {
    "in-process": (
        "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
        "--direct_running_mode=in_memory",
        "--direct_num_workers=1",
        # Or TFX builds and stages a source distribution of itself at every node, half a second each.
        "--sdk_container_image=none",
    ),
}


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TOML table."""


class Train(_Table, frozen=True):
    """[train]: how long and how often."""

    steps: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="steps to train; by default what the dataset suggests")
    ] = None
    batch_size: Annotated[int, Meta(ge=1, description="rows a step")] = 200
    checkpoint_steps: Annotated[int, Meta(ge=1, description="steps between two checkpoints")] = 500
    eval_seconds: Annotated[int, Meta(ge=1, description="least time between two evaluations on the way, in seconds")] = 60
    seed: Annotated[int, Meta(ge=0, lt=2**31, description="of initial weights, shuffling and dropout")] = 1


class Data(_Table, frozen=True):
    """[data]: where it lies."""

    path: Annotated[str | None, Meta(description="a CSV file or folder; by default the dataset's sample")] = None


class Run(_Table, frozen=True):
    """[run]: what executes."""

    engine: Annotated[Literal["in-process"], Meta(description="what executes the Beam work inside a node")] = "in-process"


class Config(_Table, frozen=True):
    """The keys of a configuration file."""

    dataset: Annotated[str, Meta(description="name of a file in data/datasets/, or an import path")] = "taxi"
    model: Annotated[str, Meta(description="name of a file in trainer_module/models/, or an import path")] = "custom_wide_deep"
    output_dir: Annotated[str | None, Meta(description="by default outputs/<dataset>")] = None
    train: Train = Train()
    data: Data = Data()
    run: Run = Run()
    hyperparameters: Annotated[dict[str, int | float | str], Meta(description="of the model, instead of its defaults")] = (
        msgspec.field(default_factory=dict)
    )


class PipelineConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A finished configuration: what a runner receives. Every path is absolute, every default filled in.

    Attributes:
        settings: as configured.
        declared: the dataset.
        train_steps: global step at which training ends.
        data_path: CSV file or folder.
        output_dir: all that a run writes lies below it.
        use_cache: whether nodes whose inputs have not changed are reused.
    """

    settings: Config
    declared: Dataset
    train_steps: int
    data_path: str
    output_dir: str
    use_cache: bool = True

    @property
    def dataset(self) -> str:
        """Name of the dataset."""
        return self.settings.dataset

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.settings.model

    @property
    def artifacts(self) -> str:
        """Folder of TFX's artifacts."""
        return f"{self.output_dir}/artifacts"

    @property
    def checkpoints(self) -> str:
        """Folder of checkpoints, one folder a training in it."""
        return f"{self.output_dir}/checkpoints"

    @property
    def serving(self) -> str:
        """Folder that a model server watches."""
        return f"{self.output_dir}/serving"

    @property
    def metadata(self) -> str:
        """MLMD's SQLite file."""
        return f"{self.output_dir}/metadata.sqlite"

    @property
    def beam_args(self) -> tuple[str, ...]:
        """Beam's options inside a node."""
        return ENGINES[self.settings.run.engine]


def load(
    file: Path | None, assignments: Iterable[str], options: Mapping[str, Any], *, use_cache: bool = True
) -> PipelineConfig:
    """Returns the finished configuration.

    Args:
        file: TOML file, or None.
        assignments: `key=value`, keys with dots.
        options: dotted key -> value of what was given on the command line; None is "not given".
        use_cache: see PipelineConfig.

    Raises:
        UsageError: an unknown key, a value of the wrong type or out of range, an unknown dataset or model, a broken file.
    """
    settings: dict[str, Any] = _read(file) if file else {}
    _merge_known(settings, f"in {file}")
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise UsageError(f"--set takes key=value. Received: '{assignment}'.")
        _put(settings, key.strip(), value.strip())
    for key, value in options.items():
        if value is not None:
            _put(settings, key, value)
    return _finish(_convert(settings), use_cache)


def manual(table: type = Config, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yields every key of a configuration and what it means."""
    hints = typing.get_type_hints(table, include_extras=True)
    for field in msgspec.structs.fields(table):
        if isinstance(field.type, type) and issubclass(field.type, _Table):
            yield from manual(field.type, f"{prefix}{field.name}.")
        else:
            meta = next(m for m in hints[field.name].__metadata__ if isinstance(m, Meta))
            yield prefix + field.name, meta.description or ""


def _finish(settings: Config, use_cache: bool) -> PipelineConfig:
    from trainer_module.models import NAME as MODELS

    try:
        declared = discovery.dataset(settings.dataset)
        discovery.module_name(MODELS, settings.model)
        path = settings.data.path or str(discovery.sample_path(declared))
    except discovery.UnknownNameError as error:
        raise UsageError(str(error)) from None
    output = settings.output_dir or f"outputs/{settings.dataset}"
    return PipelineConfig(
        settings=settings,
        declared=declared,
        train_steps=settings.train.steps or declared.train_steps,
        data_path=_absolute(path),
        output_dir=_absolute(output),
        use_cache=use_cache,
    )


def _absolute(path: str) -> str:
    return path if re.match(r"\w+://", path) else str(Path(path).absolute())


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomli.loads(file.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"The configuration file {file} cannot be read: {error.strerror}.") from None
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"The configuration file {file} is not valid TOML: {error}.") from None


def _merge_known(settings: Mapping[str, Any], where: str) -> None:
    """Checks a file on its own, so that a mistake in it is said to be in it."""
    try:
        _convert(settings)
    except UsageError as error:
        raise UsageError(f"{error} ({where})") from None


def _put(settings: dict[str, Any], key: str, value: Any) -> None:
    *path, last = key.split(".")
    table = settings
    for part in path:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise _unknown(key)
    table[last] = value


def _convert(settings: Mapping[str, Any]) -> Config:
    try:
        return msgspec.convert(settings, Config, strict=False)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$")
        table = place.strip("`").lstrip(".")
        unknown = re.search(r"unknown field `(.*)`", message)
        if unknown:
            raise _unknown(f"{table}.{unknown[1]}".lstrip(".")) from None
        if table.endswith("[...]"):  # msgspec names no key of a free table
            free = _look_up(settings, table.removesuffix("[...]"))
            wrong = next((k for k, v in free.items() if not isinstance(v, (int, float, str))), "...")
            table = table.replace("[...]", f".{wrong}")
        value = _look_up(settings, table)
        raise UsageError(
            f"Configuration key '{table}': {message.lower().replace('`', '').replace(' | null', '')}. Received: {value!r}."
        ) from None


def _unknown(key: str) -> UsageError:
    known = [k for k, _ in manual()]
    near = difflib.get_close_matches(key, known, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return UsageError(f"Unknown configuration key '{key}'.{hint} Known: {', '.join(known)}.")


def _look_up(settings: Any, key: str) -> Any:
    for part in key.split("."):
        settings = settings.get(part) if isinstance(settings, Mapping) else None
    return settings
