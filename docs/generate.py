"""Writes the parts of the reference that come from the code: `make reference`. They are committed, and a test compares them.

It runs in the pipeline's environment. A generated part lies between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from inspect import cleandoc
from pathlib import Path

import click
import msgspec
from msgspec import inspect

import data
from data import TASKS, Bound
from docs import markdown
from pipeline import cli, errors
from pipeline.config import reading
from pipeline.config.tables import Config
from pipeline.record.run_record import BaselineRecord, GateRecord, NodeRecord, RunRecord, TrainRecord, TrialRecord
from trainer_module.cluster import role
from trainer_module.serving import signatures
from trainer_module.tuning.trial_summary import TrialSummary

DOCS = Path(__file__).parent
_PART = re.compile(r"(?<=<!-- generated: )([\w ]+)( -->\n).*?(?=<!-- end -->)", re.S)


def pages() -> dict[Path, str]:
    """Returns path -> text of each reference page with generated parts, with these parts generated from the code now."""
    texts = {path: path.read_text("utf-8") for path in sorted((DOCS / "reference").glob("*.md"))}
    return {path: _PART.sub(_generated, text) for path, text in texts.items() if _PART.search(text)}


def _generated(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2]}\n" + "\n".join(_GENERATORS[match[1]]()).rstrip() + "\n\n"


def _commands() -> Iterator[str]:
    """One section for each command: its usage, its purpose, arguments and options."""
    for name, command in _leaves(cli.main, ""):
        context = click.Context(command, info_name=f"python -m pipeline {name}")
        yield from (
            f"## {name}",
            "",
            "```text",
            " ".join(command.get_usage(context).split()).removeprefix("Usage: "),
            "```",
            "",
        )
        yield cleandoc(command.help or "")
        yield ""
        options = [_option(p) for p in command.params if isinstance(p, click.Option)]
        if options:
            yield from markdown.table(("option", "meaning", "default"), options)
            yield ""


def _leaves(group: click.Group, prefix: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _leaves(command, f"{prefix}{name} ")
        else:
            yield prefix + name, command


def _option(option: click.Option) -> tuple[str, str, str]:
    metavar = "" if option.is_flag else f" {option.metavar or option.type.get_metavar(option, click.Context(cli.main))}"
    names = ", ".join(f"`{name}{metavar}`" for name in (*option.opts, *option.secondary_opts))
    # The help of an option ends with its default where the default is not a plain value: "...  [outputs/<dataset>]".
    meaning, _, default = (option.help or "").partition("  [")
    if option.show_default:
        default = str(option.default)
    if option.required:
        default = "*required*"
    return names, meaning, f"`{default.rstrip(']')}`" if default.startswith("outputs") else default.rstrip("]")


def _settings() -> Iterator[str]:
    """One section for each table of the configuration."""
    values = dict(_values(Config, ""))
    rows: dict[str, list[tuple[str, str, str]]] = {}
    for key, meaning in reading.manual():
        rows.setdefault(key.partition(".")[0] if "." in key else "", []).append((f"`{key}`", meaning, values[key]))
    for table, keys in rows.items():
        yield from (f"## {table}" if table else "## General", "")
        yield from markdown.table(("key", "meaning", "value"), keys)
        yield ""


def _values(table: type[msgspec.Struct], prefix: str) -> Iterator[tuple[str, str]]:
    """Yields each key of a table and the allowed values."""
    hints = typing.get_type_hints(table, include_extras=True)
    for field in msgspec.structs.fields(table):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from _values(field.type, f"{prefix}{field.name}.")
        else:
            kind, default = _kind(inspect.type_info(hints[field.name])), _default(field)
            yield prefix + field.name, f"{kind}; default {default}" if default else kind


def _kind(info: inspect.Type) -> str:
    """Describes the allowed values of a type in words."""
    if isinstance(info, inspect.Metadata):
        return _kind(info.type)
    if isinstance(info, inspect.UnionType):
        return " or ".join(_kind(t) for t in info.types if not isinstance(t, inspect.NoneType))
    if isinstance(info, inspect.LiteralType):
        return ", ".join(f"`{v}`" for v in sorted(info.values))
    if isinstance(info, inspect.IntType | inspect.FloatType):
        bounds = {"≥": info.ge, ">": info.gt, "≤": info.le, "<": info.lt}
        limits = ", ".join(f"{sign} {value:,}" for sign, value in bounds.items() if value is not None)
        return f"{'whole number' if isinstance(info, inspect.IntType) else 'number'} {limits}".strip()
    names = {inspect.BoolType: "`true`, `false`", inspect.StrType: "text", inspect.DictType: "table", inspect.ListType: "list"}
    return names[type(info)]


def _default(field: msgspec.structs.FieldInfo) -> str:
    """Returns the default of a setting; "" without a default, and for an empty list or table."""
    value = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    if value is None or value is msgspec.NODEFAULT or value in ([], {}):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _metrics() -> Iterator[str]:
    """The metrics and the default bounds of each task."""
    signs = {"higher": "↑", "lower": "↓", "none": ""}
    rows = [
        (
            task.replace("_", " "),
            ", ".join(f"`{name}` {signs[better]}".strip() for name, better in judged.metrics.items()),
            f"`{judged.primary}`",
            "; ".join(map(_bound, judged.bounds)),
        )
        for task, judged in TASKS.items()
    ]
    yield from markdown.table(
        ("task", "metrics (↑ higher is better, ↓ lower)", "chooses the best checkpoint", "default bounds"), rows
    )


def _bound(bound: Bound) -> str:
    values = {f.name: getattr(bound, f.name) for f in dataclasses.fields(bound)}
    name = values.pop("metric")
    return f"`{name}`: " + ", ".join(f"`{k}={v}`" for k, v in values.items() if v is not None)


def _documentation(*names: str) -> Callable[[], Iterator[str]]:
    """Returns a generator of the sections about classes of `data`."""
    return lambda: (line for name in names for line in markdown.documentation(getattr(data, name), name))


def _heads() -> Iterator[str]:
    """The head of a task: the function that makes it, its class with its methods."""
    from trainer_module import heads  # it imports TensorFlow

    yield from markdown.documentation(heads.head, "head")
    yield from markdown.documentation(heads.Head, "Head")
    yield from markdown.members(heads.Head)


def _signatures() -> Iterator[str]:
    """The signatures of a served model: the docstring of the module that names them."""
    yield cleandoc(signatures.__doc__ or "").partition("\n\n")[2]


def _exit_codes() -> Iterator[str]:
    """The exit codes: the table in the docstring of the module that defines them."""
    yield from re.findall(r"^\|.*", errors.__doc__ or "", re.M)


def _statuses_of_a_role() -> Iterator[str]:
    """The exit statuses of a role of a cluster: the table in the docstring of its program."""
    yield from re.findall(r"^\|.*", role.__doc__ or "", re.M)


def _record(struct: type, documented: type | None = None) -> Callable[[], Iterator[str]]:
    """Returns a generator of the table of a record's keys. `documented`: the class whose docstring describes them."""

    def rows() -> Iterator[str]:
        meanings = markdown.attributes(documented or struct)
        fields = [(field.name, inspect.type_info(field.type)) for field in msgspec.structs.fields(struct)]
        yield from markdown.table(
            ("key", "value", "meaning"),
            [(f"`{name}`", _json_type(type_), meanings[name].replace("None", "null")) for name, type_ in fields],
        )

    return rows


def _json_type(type_: inspect.Type) -> str:
    """Returns what a value of a type is in JSON, in words."""
    if isinstance(type_, inspect.UnionType):
        return " or ".join(dict.fromkeys(map(_json_type, type_.types)))
    return _JSON_TYPES[type(type_)]


_JSON_TYPES: Mapping[type[inspect.Type], str] = {
    inspect.StrType: "text",
    inspect.LiteralType: "text",
    inspect.IntType: "number",
    inspect.FloatType: "number",
    inspect.BoolType: "boolean",
    inspect.ListType: "list",
    inspect.DictType: "table",
    inspect.StructType: "table",
    inspect.NoneType: "null",
    inspect.AnyType: "any",
}


_GENERATORS: Mapping[str, Callable[[], Iterator[str]]] = {
    "commands": _commands,
    "settings": _settings,
    "dataset": _documentation("Dataset", "Training", "AnomalyPolicy"),
    "features": _documentation("Numeric", "Bucketized", "Vocabulary", "Categorical", "Text", "Window"),
    "labels": _documentation("BinaryLabel", "RatioLabel", "MulticlassLabel", "NumericLabel", "ForecastLabel"),
    "series": _documentation("Series"),
    "bound": _documentation("Bound"),
    "metrics": _metrics,
    "heads": _heads,
    "signatures": _signatures,
    "exit codes": _exit_codes,
    "statuses of a role": _statuses_of_a_role,
    "keys": _record(RunRecord),
    "nodes": _record(NodeRecord),
    "gates": _record(GateRecord),
    "train": _record(TrainRecord),
    "baseline": _record(BaselineRecord),
    "trials": _record(TrialRecord, TrialSummary),
}


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, "utf-8")
