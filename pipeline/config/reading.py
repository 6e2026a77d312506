"""Reads the settings of a user from a TOML file and the command line, checks them, and explains each problem."""

from __future__ import annotations

import copy
import difflib
import inspect
import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import tomli
from msgspec import Meta

from pipeline.config.tables import Config
from pipeline.errors import UsageError


def read(file: Path | None, assignments: Iterable[str], options: Mapping[str, object], base: Mapping[str, object]) -> Config:
    """Returns the settings.

    Args:
        file: TOML file, or None.
        assignments: `key=value`, with dotted keys.
        options: dotted key -> value of an option of the command line; None if it was left out.
        base: settings that the other sources override; ignored if there is a file.

    Raises:
        UsageError: an unknown key, a value of the wrong type or out of range, an invalid file.
    """
    settings: dict[str, Any] = _parsed(file) if file else copy.deepcopy(dict(base))
    _check(settings, f"in {file}" if file else "in the compiled pipeline")
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise UsageError(f"--set takes key=value. Received: '{assignment}'.")
        _put(settings, key.strip(), value.strip())
    for key, option in options.items():
        if option is not None:
            _put(settings, key, option)
    return _convert(settings)


def manual(table: type[msgspec.Struct] = Config, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yields every key of a configuration and what it means."""
    hints = typing.get_type_hints(table, include_extras=True)
    for field in _fields(table):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from manual(field.type, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, "".join(_descriptions(hints[field.name]))


def _fields(table: type[msgspec.Struct]) -> list[msgspec.structs.FieldInfo]:
    """Returns the fields of a table: first its own, then those inherited from the settings of the Trainer or the Tuner."""
    inherited = {name for base in table.__mro__[1:] for name in inspect.get_annotations(base)}
    return sorted(msgspec.structs.fields(table), key=lambda field: field.name in inherited)


def _descriptions(hint: Any) -> Iterator[str]:
    """Yields the descriptions of a field, the innermost first. A table may extend the description of an inherited key."""
    for inner in typing.get_args(hint):
        if typing.get_origin(hint) is not typing.Literal:
            yield from _descriptions(inner)
    yield from (meta.description or "" for meta in getattr(hint, "__metadata__", ()) if isinstance(meta, Meta))


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomli.loads(file.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"The configuration file {file} cannot be read: {error.strerror}.") from None
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"The configuration file {file} is not valid TOML: {error}.") from None


def _check(settings: Mapping[str, object], source: str) -> None:
    """Checks the file alone, so that the message names it if the mistake is in it."""
    try:
        _convert(settings)
    except UsageError as error:
        raise UsageError(f"{error} ({source})") from None


def _put(settings: dict[str, Any], key: str, value: object) -> None:
    *path, last = key.split(".")
    table = settings
    for part in path:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise _unknown(key)
    table[last] = value


def _convert(settings: Mapping[str, object]) -> Config:
    try:
        return msgspec.convert(settings, Config, strict=False)
    except msgspec.ValidationError as error:
        message, _, path_text = str(error).partition(" - at `$")
        table = _dotted_path(settings, path_text.strip("`").lstrip("."), str(error))
        unknown = re.search(r"unknown field `(.*)`", message)
        if unknown:
            raise _unknown(f"{table}.{unknown[1]}".lstrip(".")) from None
        value = _look_up(settings, table)
        if message.startswith("Invalid enum value"):
            message = f"expected one of {', '.join(_choices(table))}"
        raise UsageError(
            f"Configuration key '{table}': {message.lower().replace('`', '').replace(' | null', '')}. Received: {value!r}."
        ) from None


def _dotted_path(settings: Mapping[str, object], path_text: str, error: str) -> str:
    """Returns msgspec's path of an error as dotted keys.

    msgspec does not name the key of a dict (it writes `[...]`). It is the key that causes the same error when it is alone.
    """
    path_text = re.sub(r"\[(\d+)\]", r".\1", path_text)
    while "[...]" in path_text:
        before, _, after = path_text.partition("[...]")
        key = next((k for k in _look_up(settings, before) if _error_of(settings, before, k) == error), "?")
        path_text = f"{before}.{key}{after}"
    return path_text


def _error_of(settings: Mapping[str, object], table: str, key: str) -> str:
    """Returns the error of the settings when a table has only one of its keys."""
    alone = copy.deepcopy(dict(settings))
    entries = _look_up(alone, table)
    for other in entries.keys() - {key}:
        del entries[other]
    try:
        msgspec.convert(alone, Config, strict=False)
    except msgspec.ValidationError as error:
        return str(error)
    return ""


def _unknown(key: str) -> UsageError:
    known = [k for k, _ in manual()]
    similar = difflib.get_close_matches(key, known, n=1)
    hint = f" Did you mean '{similar[0]}'?" if similar else ""
    return UsageError(f"Unknown configuration key '{key}'.{hint} Known: {', '.join(known)}.")


def _choices(key: str) -> tuple[str, ...]:
    """Returns the allowed values of a key whose type is a Literal."""
    kind: Any = Config
    for part in key.split("."):
        kind = typing.get_type_hints(kind)[part]
    return typing.get_args(kind)


def _look_up(settings: Any, key: str) -> Any:
    for part in key.split("."):
        if isinstance(settings, list):
            settings = settings[int(part)]
        else:
            settings = settings.get(part) if isinstance(settings, Mapping) else None
    return settings
