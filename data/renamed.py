"""Former names of the dataset vocabulary. Using one raises an error that names its replacement."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

# Former name in `data` -> its name today.
NAMES: Mapping[str, str] = {
    "Label": "BinaryLabel",
    "ClassLabel": "MulticlassLabel",
    "Target": "NumericLabel",
    "Future": "ForecastLabel",
}

# Class -> former argument -> what replaced it, as the end of a sentence.
ARGUMENTS: Mapping[str, Mapping[str, str]] = {
    "Bound": {
        "may_lose": "is now called `max_degradation`",
        "may_lose_share": "is now called `max_degradation_ratio`",
    },
    "Dataset": {
        "all_missing": "is now called `empty_row`",
        "task": "was removed: the label decides the task",
    },
    "ForecastLabel": {"past": "is now called `inputs`"},
    "Series": {
        "past": "is now called `past_covariates`",
        "known": "is now called `known_covariates`",
    },
}

C = TypeVar("C", bound=type)


class RenamedNameError(ImportError):
    """A name that `data` no longer has. The message gives today's name."""


class RenamedArgumentError(TypeError):
    """An argument that a class of `data` no longer has. The message names its replacement."""


class RenamedAttributeError(AttributeError):
    """An attribute that a class of `data` no longer has. `hasattr`, copy and pickle see an ordinary AttributeError."""


def missing_name(name: str) -> NoReturn:
    """Answers a name that `data` does not have (its module `__getattr__`).

    Raises:
        RenamedNameError: `name` is a former name. An AttributeError would not do: `from data import ...` replaces its message.
        AttributeError: `data` never had this name.
    """
    if name in NAMES:
        raise RenamedNameError(f"`{name}` is now called `{NAMES[name]}`: write `from data import {NAMES[name]}`.")
    raise AttributeError(f"module 'data' has no attribute '{name}'")


def refuse_former_arguments(cls: C) -> C:
    """Makes a class name the replacement of its former arguments and of the attributes of the same names (class decorator).

    A former argument raises RenamedArgumentError, reading a former attribute RenamedAttributeError.
    """
    former = ARGUMENTS[cls.__name__]
    init = cls.__init__  # type: ignore[misc]  # read to wrap it, never called on another class

    @functools.wraps(init)
    def checked_init(self: Any, *args: Any, **kwargs: Any) -> None:
        for name in kwargs:
            if name in former:
                raise RenamedArgumentError(f"The argument `{name}` of {cls.__name__} {former[name]}.")
        init(self, *args, **kwargs)

    def missing_attribute(self: Any, name: str) -> Any:
        if name in former and not hasattr(cls, name):  # `Dataset.task` is a former argument, but a property today
            raise RenamedAttributeError(f"The attribute `{name}` of {cls.__name__} {former[name]}.")
        return object.__getattribute__(self, name)  # raises Python's own error, or the one inside a property

    cls.__init__ = checked_init  # type: ignore[misc]
    cls.__getattr__ = missing_attribute  # type: ignore[attr-defined]
    return cls
