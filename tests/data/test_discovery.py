"""Datasets and models are found by file name, inside the checkout and outside."""

import sys
from pathlib import Path

import pytest

from data import BinaryLabel, Dataset, discovery
from data.datasets.taxi import DATASET as TAXI

CHURN = '''"""Churn: who leaves?

More about it.
"""
from data import Dataset, BinaryLabel, Numeric

DATASET = Dataset(
    name="{name}", features=(Numeric("age"),), label=BinaryLabel("left"), sample="churn.csv"
)
'''


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """Returns a function that writes a module into a package outside the tree; returns the module's dotted path."""
    package = f"company_{tmp_path.name}"

    def write(name: str, text: str) -> str:
        folder = tmp_path / package
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
        dotted = f"{package}.{name}"
        (folder / f"{name}.py").write_text(text.replace("{name}", dotted))
        monkeypatch.syspath_prepend(str(tmp_path))
        return dotted

    yield write
    for module in [m for m in sys.modules if m.split(".")[0] == package]:
        del sys.modules[module]


def test_a_name_is_a_file():
    assert discovery.module_name("data.datasets", "taxi") == "data.datasets.taxi"
    assert discovery.dataset("taxi") is TAXI


def test_every_dataset_file_is_known():
    files = Path(discovery.CHECKOUT, "data", "datasets").glob("[!_]*.py")
    assert discovery.names("data.datasets") == sorted(f.stem for f in files)
    assert "taxi" in discovery.names("data.datasets")


def test_an_unknown_name_lists_the_known_ones_and_the_nearest():
    with pytest.raises(discovery.UnknownNameError) as error:
        discovery.dataset("taxo")
    text = str(error.value)
    assert text.startswith("Unknown dataset 'taxo'. Did you mean 'taxi'? Known: ")
    assert ", ".join(discovery.names("data.datasets")) in text
    assert text.endswith("To add one, write data/datasets/taxo.py.")


def test_a_name_like_no_other_gets_no_suggestion():
    with pytest.raises(discovery.UnknownNameError) as error:
        discovery.module_name("trainer_module.models", "zzz")
    text = str(error.value)
    assert text.startswith("Unknown model 'zzz'. Known: ")
    assert "custom_wide_deep" in text


def test_a_name_with_a_dot_is_an_import_path_outside_the_tree(outside):
    name = outside("churn", CHURN)
    assert discovery.module_name("data.datasets", name) == name
    found = discovery.dataset(name)
    assert isinstance(found, Dataset)
    assert found.label == BinaryLabel("left")


def test_an_import_path_to_nothing_says_what_is_missing():
    with pytest.raises(discovery.UnknownNameError, match=r"no module 'my_company\.churn' to import.*PYTHONPATH"):
        discovery.dataset("my_company.churn")


def test_a_package_without_the_module_is_unknown_too(outside):
    package = outside("churn", CHURN).split(".")[0]
    with pytest.raises(discovery.UnknownNameError, match="no module"):
        discovery.dataset(f"{package}.churm")


@pytest.mark.parametrize("path", ["./taxi", "../elsewhere/churn", ".taxi", "data/datasets/taxi.py"])
def test_a_path_in_place_of_a_name_is_an_unknown_name(path):
    with pytest.raises(discovery.UnknownNameError):
        discovery.dataset(path)


@pytest.mark.parametrize("text", ["", "DATASET = None\n", "dataset = 1\n"])
def test_a_dataset_file_without_dataset_is_an_error_that_names_the_file(outside, text):
    name = outside("empty", text)
    with pytest.raises(discovery.UnknownNameError, match=r"empty\.py defines no `DATASET = Dataset\(\.\.\.\)`"):
        discovery.dataset(name)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("from data import Label", "`Label` is now called `BinaryLabel`: write `from data import BinaryLabel`."),
        ("Bound('auc', may_lose=0.1)", "The argument `may_lose` of Bound is now called `max_degradation`."),
    ],
)
def test_a_former_word_in_a_file_is_an_error_that_names_the_file_and_the_line(outside, tmp_path, line, message):
    name = outside("former", f"from data import Bound\n\n{line}\n")
    with pytest.raises(discovery.DeclarationError) as error:
        discovery.dataset(name)
    assert str(error.value) == f"{tmp_path / name.split('.')[0] / 'former.py'}, line 3: {message}"


def test_the_headline_is_the_first_line_of_the_docstring(outside):
    assert discovery.headline("data.datasets", outside("churn", CHURN)) == "Churn: who leaves?"


def test_a_headline_does_not_import_the_module(outside):
    assert discovery.headline("data.datasets", outside("broken", '"""Broken."""\nraise RuntimeError\n')) == "Broken."


def test_a_file_without_docstring_has_an_empty_headline(outside):
    assert discovery.headline("data.datasets", outside("bare", "x = 1\n")) == ""


def test_a_sample_lies_in_the_checkout():
    declared = Dataset("t", (), BinaryLabel("y"), sample="data/samples/t/t.csv")
    assert discovery.sample_path(declared) == discovery.CHECKOUT / "data/samples/t/t.csv"


def test_a_sample_may_lie_in_an_installed_package():
    assert discovery.sample_path(TAXI).is_file()


def test_a_sample_in_a_package_that_is_not_installed_names_the_package():
    declared = Dataset("t", (), BinaryLabel("y"), sample="no_such_package:t.csv")
    with pytest.raises(discovery.UnknownNameError, match="dataset 't' lies in package 'no_such_package'"):
        discovery.sample_path(declared)


def test_the_reviewed_schema_lies_beside_the_sample():
    assert discovery.reviewed_schema_path(TAXI) == discovery.CHECKOUT / "data/samples/taxi/schema.pbtxt"


def test_the_reviewed_schema_of_a_dataset_outside_lies_beside_its_file(outside, tmp_path):
    name = outside("churn", CHURN)
    assert discovery.reviewed_schema_path(discovery.dataset(name)) == tmp_path / name.split(".")[0] / "churn.pbtxt"
