"""Every default and every description of a setting is written in one place."""

import ast
import collections
import dataclasses
import functools
import inspect
import typing
from pathlib import Path

import msgspec
import pytest
from msgspec import Meta

from data.training import Training
from pipeline.config import defaults as shared_defaults
from pipeline.config.tables import Config
from trainer_module.training.settings import TrainOptions, TrainSettings
from trainer_module.tuning.settings import TuneSettings

ROOT = Path(__file__).parents[3]
PACKAGES = ("data", "pipeline", "components", "trainer_module")


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


def written_defaults(code):
    """Yields (class, name, value, line) of every default that a module writes as a literal.

    That is the default of a field or an argument, a constant with the name of a setting, and `.get(name, default)`. "class" is
    the class that has the field, or "".
    """
    tree = ast.parse(code)
    class_of = {
        id(statement): node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for statement in node.body
    }
    for node in ast.walk(tree):
        for name, value in _defaults_in(node, is_field_or_constant=id(node) in class_of or node in tree.body):
            yield class_of.get(id(node), ""), name.strip("_").lower(), _literal(value), node.lineno


def _defaults_in(node, is_field_or_constant):
    """Yields (name, expression) of every default in one node of a syntax tree."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id, node.value
    elif isinstance(node, ast.Assign) and is_field_or_constant:
        yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        arguments = node.args.posonlyargs + node.args.args
        yield from zip((a.arg for a in arguments[::-1]), node.args.defaults[::-1], strict=False)
        yield from zip((a.arg for a in node.args.kwonlyargs), node.args.kw_defaults, strict=True)
    elif isinstance(node, ast.Call) and len(node.args) > 1:  # mapping.get("name", default), getattr(object, "name", default)
        *_, name, default = node.args
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield name.value, default


def _literal(expression):
    """Returns the value of a literal, also inside `field(default=...)`. Returns None for any other expression."""
    if isinstance(expression, ast.Call):
        expression = next((keyword.value for keyword in expression.keywords if keyword.arg == "default"), expression)
    try:
        return ast.literal_eval(expression)
    except (TypeError, ValueError):
        return None


@functools.cache
def own_defaults():
    """Returns {(file, class, name)} of the settings, and {name: values} of their distinctive defaults.

    0, 1, "", None, True and False are not distinctive: they have other uses in all files.
    """
    places, defaults = set(), collections.defaultdict(list)
    for declaring, name, _ in declarations():
        places.add((Path(inspect.getsourcefile(declaring)), declaring.__name__, name))
        default = {field.name: field.default for field in _fields(declaring)}[name]
        if isinstance(default, (int, float, str)) and not isinstance(default, bool) and default not in (0, 1, ""):
            defaults[name].append(default)
    return places, defaults


def _fields(declaring):
    return dataclasses.fields(declaring) if dataclasses.is_dataclass(declaring) else msgspec.structs.fields(declaring)


def written_again(file, code):
    """Returns "line: name = value" of every default of a setting that a file writes and does not own."""
    places, defaults = own_defaults()
    return [
        f"{line}: {name} = {value!r}"
        for class_, name, value, line in written_defaults(code)
        if (file, class_, name) not in places and value in defaults.get(name, ())
    ]


def test_the_defaults_of_all_tables_are_known():
    _, defaults = own_defaults()
    expected = {"overhead": 0.2, "start_seconds": 120, "retry_seconds": 5.0, "pool": "heavy_tasks", "backoff_seconds": 10}
    assert {name: value for name, value in expected.items() if value not in defaults.get(name, ())} == {}


def test_no_other_code_writes_the_default_of_a_setting_again():
    again = [
        f"{file.relative_to(ROOT)}:{found}"
        for package in PACKAGES
        for file in sorted((ROOT / package).rglob("*.py"))
        if file != Path(inspect.getsourcefile(shared_defaults))
        for found in written_again(file, file.read_text())
    ]
    assert again == []


@pytest.mark.parametrize(
    ("code", "names"),
    [
        (
            "class Cluster(Struct):\n"
            "    workers: int = 0\n"
            "    ps: int = 0\n"
            "    start_seconds: int = 120\n"
            "    strategy: str = 'parameter_server'",
            ["start_seconds", "strategy"],
        ),
        ("class Options:\n    overhead: float = 0.2", ["overhead"]),
        ("class Options:\n    overhead = 0.2", ["overhead"]),
        ("class Options:\n    overhead: float = field(default=0.2)", ["overhead"]),
        ("_OVERHEAD = 0.2\ndef train(overhead=_OVERHEAD): pass", ["overhead"]),
        ("def train(*, overhead: float = 0.2): pass", ["overhead"]),
        ("def train(overhead: float = 0.2, *, steps=1): pass", ["overhead"]),
        ("overhead = values.get('overhead', 0.2)", ["overhead"]),
        ("overhead = getattr(values, 'overhead', 0.2)", ["overhead"]),
        ("retry_seconds: float = 5.0", ["retry_seconds"]),
        ("class Nodes:\n    retry_seconds: float = 5.0", ["retry_seconds"]),
        ("POOL = 'heavy_tasks'", ["pool"]),
        ("def train(overhead: float, steps=overhead): overhead = 0.2", []),  # a local variable is no default
        ("class Options:\n    overhead: float = 0.3\n    other: float = 0.2", []),
    ],
)
def test_a_default_that_is_written_again_is_noticed(code, names):
    found = written_again(ROOT / "components/gate.py", code)
    assert [line.split(": ")[1].split(" = ")[0] for line in found] == names


def test_a_second_class_in_the_file_of_a_table_is_noticed():
    file = ROOT / "pipeline/config/run_tables.py"
    assert written_again(file, "class Run(Table):\n    retry_seconds: float = 5.0") == []
    assert written_again(file, "class Again(Table):\n    retry_seconds: float = 5.0") == ["2: retry_seconds = 5.0"]
