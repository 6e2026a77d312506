"""The configuration of a run: frozen, typed, validated once.

Settings come, later ones winning, from the defaults below, a TOML file (`--config`), `--set key=value`, and the options
of the command line. The `description`s are the manual.
"""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import tomli
from msgspec import Meta

from data import TASKS, Dataset, discovery
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


# Most settings of a training are sensible only for an amount of data: their defaults stand in the dataset's file.
_FROM_DATASET = "; by default what the dataset suggests"


class Train(_Table, frozen=True):
    """[train]: how long, how often, and which model comes out of it."""

    steps: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description=f"steps to train, at most{_FROM_DATASET}")] = None
    batch_size: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description=f"rows a step{_FROM_DATASET}")] = None
    checkpoint_steps: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description=f"steps between two checkpoints{_FROM_DATASET}")
    ] = None
    eval_seconds: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(
            description="least time between two evaluations on the way, in seconds; 0 evaluates every checkpoint"
            f"{_FROM_DATASET}"
        ),
    ] = None
    patience: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description=f"steps without a better train.best that end a training; 0 trains all steps{_FROM_DATASET}"),
    ] = None
    best: Annotated[
        str | None, Meta(description=f"metric by which one checkpoint is better than another{_FROM_DATASET}, or its task")
    ] = None
    export: Annotated[
        Literal["best", "latest", "final"],
        Meta(
            description="which checkpoint's model is judged and pushed: the best one's (exported whenever it is beaten), the "
            "latest one's (exported at every evaluation), or the final one's (exported once)"
        ),
    ] = "best"
    keep_checkpoints: Annotated[int, Meta(ge=1, description="newest checkpoints that stay on disk, beside the best one")] = 5
    summary_steps: Annotated[int, Meta(ge=0, description="steps between two TensorBoard summaries; 0 writes none")] = 100
    histograms: Annotated[bool, Meta(description="whether summaries include histograms of weights and gradients")] = False
    seed: Annotated[int, Meta(ge=0, lt=2**31, description="of initial weights, shuffling and dropout")] = 1


class Data(_Table, frozen=True):
    """[data]: where it lies."""

    path: Annotated[
        str | None,
        Meta(
            description="a CSV file or folder, or a pattern with {SPAN} or {YYYY}-{MM}-{DD}, and perhaps {VERSION}; "
            "by default the dataset's sample"
        ),
    ] = None
    span: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="the last span to read (a date counts as days since 1970); by default the newest"),
    ] = None
    spans: Annotated[int, Meta(ge=1, description="how many spans are read together, up to that one")] = 1


class Run(_Table, frozen=True):
    """[run]: what executes."""

    engine: Annotated[Literal["in-process"], Meta(description="what executes the Beam work inside a node")] = "in-process"


class Config(_Table, frozen=True):
    """The keys of a configuration file."""

    dataset: Annotated[str, Meta(description="name of a file in data/datasets/, or an import path")] = "taxi"
    model: Annotated[
        str | None, Meta(description=f"name of a file in trainer_module/models/, or an import path{_FROM_DATASET}")
    ] = None
    output_dir: Annotated[str | None, Meta(description="by default outputs/<dataset>")] = None
    train: Train = Train()
    data: Data = Data()
    run: Run = Run()
    hyperparameters: Annotated[dict[str, int | float | str], Meta(description="of the model, instead of its defaults")] = (
        msgspec.field(default_factory=dict)
    )


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """[train], with every default filled in: what the Trainer is told. The keys mean what they mean in `Train`."""

    steps: int
    batch_size: int
    checkpoint_steps: int
    eval_seconds: int
    patience: int
    best: str
    export: str
    keep_checkpoints: int
    summary_steps: int
    histograms: bool
    seed: int


class PipelineConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A finished configuration: what a runner receives. Every path is absolute, every default filled in.

    Attributes:
        settings: as configured.
        declared: the dataset.
        training: how a model is trained.
        data_path: CSV file or folder.
        output_dir: all that a run writes lies below it.
        use_cache: whether nodes whose inputs have not changed are reused.
    """

    settings: Config
    declared: Dataset
    training: Training
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
        return self.settings.model or self.declared.model

    @property
    def train_steps(self) -> int:
        """Global step at which training ends, at the latest."""
        return self.training.steps

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
        discovery.module_name(MODELS, settings.model or declared.model)
        path = settings.data.path or str(discovery.sample_path(declared))
    except discovery.UnknownNameError as error:
        raise UsageError(str(error)) from None
    output = settings.output_dir or f"outputs/{settings.dataset}"
    return PipelineConfig(
        settings=settings,
        declared=declared,
        training=_training(settings.train, declared),
        data_path=_absolute(path),
        output_dir=_absolute(output),
        use_cache=use_cache,
    )


def _training(train: Train, dataset: Dataset) -> Training:
    suggested = {**asdict(dataset.training), "best": dataset.best}
    chosen = {key: suggested[key] if value is None else value for key, value in msgspec.structs.asdict(train).items()}
    judged = TASKS[dataset.task]
    if chosen["best"] not in judged.choosers:
        raise UsageError(
            f"Configuration key 'train.best': the best checkpoint of a {dataset.task} cannot be chosen by '{chosen['best']}'. "
            f"It can by: {', '.join(judged.choosers)}."
        )
    return Training(**chosen)


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
        if message.startswith("Invalid enum value"):
            message = f"expected one of {', '.join(_choices(table))}"
        raise UsageError(
            f"Configuration key '{table}': {message.lower().replace('`', '').replace(' | null', '')}. Received: {value!r}."
        ) from None


def _unknown(key: str) -> UsageError:
    known = [k for k, _ in manual()]
    near = difflib.get_close_matches(key, known, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return UsageError(f"Unknown configuration key '{key}'.{hint} Known: {', '.join(known)}.")


def _choices(key: str) -> tuple[str, ...]:
    """Returns the values of a key that is a Literal."""
    kind: Any = Config
    for part in key.split("."):
        kind = typing.get_type_hints(kind)[part]
    return typing.get_args(kind)


def _look_up(settings: Any, key: str) -> Any:
    for part in key.split("."):
        settings = settings.get(part) if isinstance(settings, Mapping) else None
    return settings
