"""Markdown from Python: tables, and the documentation of a class or function from its docstring."""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

# Longer signatures have a line for each argument.
_SIGNATURE_WIDTH = 88
_SECTION = re.compile(r"^(Attributes|Args|Returns|Raises)[^\n]*:\n", re.M)


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yields the lines of a table."""
    for cells in (head, ("---",) * len(head), *rows):
        yield "| " + " | ".join(map(_cell, cells)) + " |"


def _cell(text: str) -> str:
    """Escapes a text for a cell of a table: the bar, and outside of code the start of an HTML tag."""
    code_and_text = re.split("(`[^`]*`)", text.replace("|", "\\|"))
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in code_and_text)


def documentation(thing: Any, name: str, level: str = "###") -> Iterator[str]:
    """Yields a section about a class or function: its signature, what its docstring says, its arguments, what it raises."""
    yield from (f"{level} {name}", "", "```python", _signature(thing, name), "```", "")
    summary, sections = _split(thing)
    yield from (summary, "")
    rows = {**_described_fields(thing), **sections.get("Attributes", {}), **sections.get("Args", {})}
    if rows:
        yield from (*table(("argument", "meaning"), [(f"`{key}`", meaning) for key, meaning in rows.items()]), "")
    for error, reason in sections.get("Raises", {}).items():
        yield from (f"Raises `{error}`: {reason}", "")


def members(class_: type) -> Iterator[str]:
    """Yields a section for each public method and property of a class."""
    for name, member in vars(class_).items():
        if isinstance(member, property) and not name.startswith("_"):
            yield from (f"#### {name}", "", f"A property. {_split(member)[0]}", "")
        elif inspect.isfunction(member) and not name.startswith("_"):
            yield from documentation(member, name, "####")


def attributes(thing: Any) -> dict[str, str]:
    """Returns the `Attributes:` of a docstring: name -> meaning."""
    return _split(thing)[1]["Attributes"]


def _split(thing: Any) -> tuple[str, dict[str, dict[str, str]]]:
    """Returns the text of a docstring before its sections, and its sections: title -> name -> meaning."""
    text, *rest = _SECTION.split(inspect.getdoc(thing) or "")
    return text.strip(), {title: dict(_entries(body)) for title, body in zip(rest[::2], rest[1::2], strict=True)}


def _entries(body: str) -> Iterator[tuple[str, str]]:
    """Yields the entries of a section of a docstring: `name: meaning`, continued on lines that are indented further."""
    for entry in re.split(r"\n(?=    \S)", "\n" + body.rstrip()):
        if entry.strip():
            name, _, meaning = " ".join(entry.split()).partition(": ")
            yield name, meaning


def _described_fields(thing: Any) -> dict[str, str]:
    """Returns the fields of a class whose types carry a description: name -> description."""
    if not dataclasses.is_dataclass(thing):
        return {}
    hints = typing.get_type_hints(thing, include_extras=True)
    return {name: text for name, hint in hints.items() if (text := _description(hint))}


def _description(hint: Any) -> str:
    metas = [meta for meta in getattr(hint, "__metadata__", ()) if isinstance(meta, msgspec.Meta)]
    texts = [meta.description for meta in metas] + [_description(option) for option in typing.get_args(hint)]
    return next((text for text in texts if text), "")


def _signature(thing: Any, name: str) -> str:
    parameters = [p for p in inspect.signature(thing).parameters.values() if p.name != "self"]
    texts = [p.name if p.default is p.empty else f"{p.name}={_default(thing, p)}" for p in parameters]
    line = f"{name}({', '.join(texts)})"
    return line if len(line) <= _SIGNATURE_WIDTH else "\n    ".join([f"{name}(", *(f"{text}," for text in texts)]) + "\n)"


def _default(thing: Any, parameter: inspect.Parameter) -> str:
    """Returns a default as code. An object that has a default for each of its own values is written `Name()`."""
    factories = {field.name: field.default_factory for field in dataclasses.fields(thing)} if inspect.isclass(thing) else {}
    factory = factories.get(parameter.name, dataclasses.MISSING)
    default = parameter.default if factory is dataclasses.MISSING else factory()
    return f"{type(default).__name__}()" if dataclasses.is_dataclass(default) else repr(default).replace("'", '"')
