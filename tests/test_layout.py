"""The layout of the tests: shared code is in tests/support or a conftest, and tests use only public names of the project."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("pipeline", "components", "trainer_module", "data")


def imported(file):
    """Yields the modules that a file may import. For `from a.b import c` these are `a.b` and `a.b.c`."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_no_test_module_imports_another_one():
    wrong = [
        (str(file.relative_to(ROOT)), module)
        for file in (ROOT / "tests").rglob("*.py")
        for module in imported(file)
        if module.startswith("tests.") and module.rpartition(".")[2].startswith("test_")
    ]
    assert wrong == []


def test_only_the_tests_of_the_benchmarks_import_benchmarks():
    wrong = [
        (str(file.relative_to(ROOT)), module)
        for file in (ROOT / "tests").rglob("*.py")
        for module in imported(file)
        if module.partition(".")[0] == "benchmarks" and not file.is_relative_to(ROOT / "tests/benchmarks")
    ]
    assert wrong == []


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def private_names(code):
    """Yields the private names of the project that a test imports, reads or replaces."""
    tree = ast.parse(code)
    ours = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] in PACKAGES:
            ours |= {alias.asname or alias.name for alias in node.names}
            yield from (alias.name for alias in node.names if is_private(alias.name))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and root(node) in ours:
            yield node.attr
        elif isinstance(node, ast.Call) and any(root(argument) in ours for argument in node.args[:1]):
            texts = [argument.value for argument in node.args[1:2] if isinstance(argument, ast.Constant)]
            yield from (text for text in texts if isinstance(text, str) and is_private(text))


def root(node):
    """The first name of a dotted expression; None if it begins with something else."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def test_no_test_uses_a_private_name_of_the_project():
    wrong = [
        (str(file.relative_to(ROOT)), name)
        for file in (ROOT / "tests").rglob("*.py")
        for name in private_names(file.read_text())
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "code",
    [
        "from trainer_module.tuning.plot import _draw",
        "from trainer_module import entry\nentry._job(1)",
        "from trainer_module.cluster import role\nrole.Role._start.x",
        'from trainer_module.inputs import memory\nmonkeypatch.setattr(memory, "_GATHERED", 7)',
    ],
)
def test_a_private_name_is_noticed(code):
    assert len(list(private_names(code))) == 1


@pytest.mark.parametrize(
    "code", ["self._step = 1", "import os\nos._exit(1)", "from trainer_module import entry\nentry.__name__", "from a import _b"]
)
def test_private_names_of_others_are_not_the_concern_of_this_test(code):
    assert list(private_names(code)) == []
