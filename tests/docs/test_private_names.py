"""The decision on patches lists every private name of a library that the code uses."""

import re

import pytest

from tests.support.pages import ROOT, code_in, section

ROWS = [
    line.split("|")[1]
    for line in section("decisions/0005-patches.md", "Private interfaces that we use").splitlines()
    if line.startswith("| `")
]
# Public in spite of the underscore: a named tuple's method, and the function that ends a process.
PUBLIC = {"_replace", "_exit"}


@pytest.mark.parametrize("row", ROWS)
def test_every_private_name_of_the_decision_is_used_in_its_file(row):
    codes = code_in(row)
    files = [code for code in codes if code.endswith(".py")]
    names = [code for code in codes if code.startswith("_")]
    assert files and names
    for file in files:
        text = (ROOT / file).read_text()
        assert [name for name in names if not re.search(rf"\b{name}\b", text)] == [], file


def test_the_decision_names_every_private_attribute_of_another_object():
    listed = {code for row in ROWS for code in code_in(row)}
    for package in ("pipeline", "components", "trainer_module", "data"):
        for file in (ROOT / package).rglob("*.py"):
            text = file.read_text()
            used = set(re.findall(r"(?<!\bself)(?<!\bcls)\.(_[a-z]\w*)", text))
            own = set(re.findall(r"\b(?:self|cls)\.(_\w+)", text)) - set(re.findall(r"super\(\)\.(_\w+)", text))
            assert used - own - listed - PUBLIC == set(), file
