"""Every default and every description of a setting is written in one place."""

import ast
import collections
import inspect
import typing
from pathlib import Path

import msgspec
import pytest
from msgspec import Meta

from data.training import Training
from pipeline.config.tables import Config
from trainer_module.training.settings import TrainOptions, TrainSettings
from trainer_module.tuning.settings import TuneSettings

ROOT = Path(__file__).parents[3]
PACKAGES = ("data", "pipeline", "trainer_module")


def tables(table):
    """Yields a table and the tables inside it."""
    yield table
    for hint in typing.get_type_hints(table).values():
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            yield from tables(hint)


def declarations():
    """Yields (class, name, type) of every setting, only for the class that declares it and not for those that inherit it."""
    types = {base for table in (*tables(Config), TrainSettings, TuneSettings, Training) for base in table.__mro__}
    for declaring in sorted(types, key=lambda t: f"{t.__module__}.{t.__name__}"):
        own = inspect.get_annotations(declaring)
        hints = typing.get_type_hints(declaring, include_extras=True) if own and hasattr(declaring, "__match_args__") else {}
        yield from ((declaring, name, hints[name]) for name in own if name in hints)


def metas(hint):
    """Yields the `Meta` objects of a type and of the types inside it."""
    for part in typing.get_args(hint) if typing.get_origin(hint) is not typing.Literal else ():
        yield from metas(part)
    yield from (meta for meta in getattr(hint, "__metadata__", ()) if isinstance(meta, Meta))


def test_every_description_is_written_once():
    written = collections.defaultdict(dict)
    for declaring, name, hint in declarations():
        for meta in metas(hint):
            if meta.description and not meta.description.startswith("; by default"):  # this suffix says where the default is
                written[meta.description][id(meta)] = (f"{declaring.__name__}.{name}", meta)
    twice = [sorted(place for place, _ in places.values()) for places in written.values() if len(places) > 1]
    assert len(written) > 50
    assert twice == []


def test_every_setting_of_a_training_has_one_default():
    places = collections.defaultdict(list)
    for declaring, name, _ in declarations():
        default = declaring.__dict__.get(name)
        if hasattr(declaring, "__struct_fields__"):
            default = {f.name: f.default for f in msgspec.structs.fields(declaring)}[name]
        if default not in (None, msgspec.NODEFAULT) and issubclass(declaring, (TrainOptions, Training)):
            places[name].append(declaring.__name__)
    assert {"steps", "overhead", "keep_checkpoints"} <= places.keys()
    assert {name: classes for name, classes in places.items() if len(classes) > 1} == {}


def written_defaults(file):
    """Yields (name, value, line) of every default of a class attribute or an argument that is a constant."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(node.value, ast.Constant):
            yield node.target.id, node.value.value, node.lineno
        elif isinstance(node, (ast.FunctionDef, ast.Lambda)):
            arguments = node.args.posonlyargs + node.args.args
            pairs = list(zip(arguments[::-1], node.args.defaults[::-1], strict=False))
            pairs += list(zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True))
            for argument, value in pairs:
                if isinstance(value, ast.Constant):
                    yield argument.arg, value.value, value.lineno


@pytest.mark.parametrize("settings", [TrainOptions, Training, TuneSettings], ids=lambda t: t.__name__)
def test_no_other_code_writes_the_default_of_a_setting_again(settings):
    own = Path(inspect.getsourcefile(settings))
    defaults = {name: value for file, value, name in _defaults_of(settings, own)}
    again = [
        f"{file.relative_to(ROOT)}:{line} {name} = {value}"
        for package in PACKAGES
        for file in sorted((ROOT / package).rglob("*.py"))
        if file != own
        for name, value, line in written_defaults(file)
        if name in defaults and value == defaults[name]
    ]
    assert again == []


def _defaults_of(settings, file):
    """Yields the defaults that are distinctive: 0, 1, "", None, True and False have other uses in all files."""
    names = {name for base in settings.__mro__ for name in inspect.get_annotations(base)}
    for name, value, _ in written_defaults(file):
        if name in names and not isinstance(value, bool) and value not in (None, 0, 1, ""):
            yield file, value, name
