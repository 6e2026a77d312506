"""The layout of the tests: code that several tests need is in tests/support or a conftest, never in a test module."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]


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
