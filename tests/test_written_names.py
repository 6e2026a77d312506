"""The modules, functions and files that docstrings, comments and messages of the project name must exist."""

import ast
import functools
import io
import re
import tokenize
from pathlib import Path

import pytest

from pipeline.config import reading

ROOT = Path(__file__).parents[1]
PACKAGES = ("pipeline", "components", "trainer_module", "data")
FOLDERS = (*PACKAGES, "tests", "benchmarks", "docs")
DOTTED = re.compile(rf"(?<![\w./-])(?:{'|'.join(PACKAGES)})(?:\.[A-Za-z_]\w*)+(?![\w*/])")
QUOTED = re.compile(r"`([a-z_]\w*(?:\.[A-Za-z_]\w*)+)(?:\(\))?`")
PATH = re.compile(
    rf"(?<![\w./<>{{}}:-])(?:(?:{'|'.join(FOLDERS)})/[\w./-]*\w(?:/(?![\w])|(?![\w/<>{{}}*]))|\w+\.py(?![\w/<>{{}}*]|\.\w))"
)
# Names that look like modules but are not.
OTHERS = {
    "components.GateDecision",  # the name of an artifact type in TFX; components.__getattr__ finds it
}
# Names of settings and of files that a run reads or writes look like names of modules.
SETTINGS = {key for key, _ in reading.manual()}
FILES = re.compile(r".*\.(csv|json|toml|sqlite|gz|pbtxt|yaml)$")


def sources(folder):
    return sorted((ROOT / folder).rglob("*.py"))


def texts(code, *, strings=True):
    """Yields (line, text) of every docstring and comment, and of every other string."""
    for node in ast.walk(ast.parse(code)):
        if strings and isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and not strings:
            yield getattr(node, "lineno", 1), ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def unknown_names(code, **options):
    """Returns "line: name" for each name in the texts of a module that does not exist. `options`: see `texts`."""
    imported = dict(imports(ast.parse(code)))
    unknown = []
    for line, text in texts(code, **options):
        names = [name for name in DOTTED.findall(text) if name not in SETTINGS | OTHERS and not FILES.match(name)]
        for name in QUOTED.findall(text):
            alias, _, attributes = name.partition(".")
            if alias in imported and attributes != "py" and name not in SETTINGS:
                names.append(f"{imported[alias]}.{attributes}")
        unknown += [f"{line}: {name}" for name in names if not exists(name)]
        unknown += [f"{line}: {path}" for path in PATH.findall(text) if not is_path(path)]
    return unknown


def imports(tree):
    """Yields (local name, dotted name) for each import from the project."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] in PACKAGES:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def is_path(path):
    """Whether a path from the root exists, or, for a name without a slash, a file with this name in any folder."""
    return (ROOT / path).exists() if "/" in path else any(file.name == path for folder in FOLDERS for file in files(folder))


@functools.cache
def files(folder):
    return list((ROOT / folder).rglob("*.py"))


def exists(name):
    """Whether a dotted name is a module, or a name in a module."""
    segments = name.split(".")
    for length in range(len(segments), 0, -1):
        if file := module_file(segments[:length]):
            return is_in(file, segments[length:])
    return False


def module_file(segments):
    path = ROOT.joinpath(*segments)
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()), None)


def is_in(file, attributes):
    """Whether a module defines or imports the first attribute, and whether a class of this module has the second."""
    if not attributes:
        return True
    scope = defined(file)
    if attributes[0] not in scope:
        return False
    node = scope[attributes[0]]
    return len(attributes) == 1 or not isinstance(node, ast.ClassDef) or bool(node.bases) or attributes[1] in members(node)


@functools.cache
def defined(file):
    """Returns name -> statement that binds it, for the names of a module."""
    return dict(bindings(ast.parse(file.read_text()).body))


def bindings(body):
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name.partition(".")[0], node) for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((name.id, node) for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))
        elif isinstance(node, ast.If | ast.Try):
            yield from bindings(node.body)


def members(class_):
    """Returns the names of the attributes and methods of a class."""
    assigned = (node.attr for node in ast.walk(class_) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store))
    return {name for name, _ in bindings(class_.body)} | set(assigned)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_file_and_name_in_a_text_exists(package):
    unknown = {str(file.relative_to(ROOT)): names for file in sources(package) if (names := unknown_names(file.read_text()))}
    assert unknown == {}


@pytest.mark.parametrize("folder", ["tests", "benchmarks", "docs"])
def test_every_module_file_and_name_in_a_docstring_or_comment_of_other_folders_exists(folder):
    unknown = {
        str(file.relative_to(ROOT)): names
        for file in sources(folder)
        if (names := unknown_names(file.read_text(), strings=False))
    }
    assert unknown == {}


@pytest.mark.parametrize(
    "text",
    [
        '"""See pipeline.dag.no_such_function."""',
        '"""See trainer_module/models/no_such_model.py."""',
        "# as in no_such_file.py",
        'raise ValueError(f"Add it to data/no_such_folder/{name}.")',
        "from pipeline import dag\n# `dag.no_such_function` does it",
        'RUNNERS = {"local": "pipeline.no_such_module"}',
        '"""See data.dataset.Dataset.no_such_field."""',
    ],
)
def test_a_name_that_does_not_exist_is_noticed(text):
    assert len(unknown_names(text)) == 1


def test_without_strings_only_docstrings_and_comments_are_read():
    code = 'def f():\n    """See pipeline.dag.no_such_function."""\n    return "pipeline.no_such_module"  # in no_such_file.py'
    assert unknown_names(code, strings=False) == ["1: pipeline.dag.no_such_function", "3: no_such_file.py"]


@pytest.mark.parametrize(
    "text",
    [
        '"""See pipeline.dag.create_pipeline, data.Dataset and `train.steps`."""',
        '"""Sets data.path; reads data.csv; writes trainer_module/models/<name>.py and data/{span}/x.csv."""',
        "# as in trainer_module/models/custom_wide_deep.py and in dag.py",
        "from pipeline import dag\n# see `dag.py`",
        '"""See data.dataset.Dataset.features."""',
    ],
)
def test_names_that_exist_settings_and_placeholders_are_accepted(text):
    assert unknown_names(text) == []
