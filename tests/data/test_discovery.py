"""Datasets and models are found by name: files of the checkout, and modules of other packages."""

import sys
import sysconfig
from pathlib import Path

import pytest

import data
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
    """Returns a function that writes a module into a package outside the checkout and returns the dotted path of the module."""
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


def test_a_name_is_the_name_of_a_file():
    assert discovery.module_name("data.datasets", "taxi") == "data.datasets.taxi"
    assert discovery.dataset("taxi") is TAXI


def test_every_dataset_file_is_known():
    files = Path(discovery.CHECKOUT, "data", "datasets").glob("[!_]*.py")
    assert discovery.names("data.datasets") == sorted(f.stem for f in files)
    assert "taxi" in discovery.names("data.datasets")


def test_the_error_for_an_unknown_name_lists_the_nearest_and_the_known_ones():
    with pytest.raises(discovery.UnknownNameError) as error:
        discovery.dataset("taxo")
    message = str(error.value)
    assert message.startswith("Unknown dataset 'taxo'. Did you mean 'taxi'? Known: ")
    assert ", ".join(discovery.names("data.datasets")) in message
    assert message.endswith("To add one, write data/datasets/taxo.py.")


def test_a_name_that_resembles_no_other_gets_no_suggestion():
    with pytest.raises(discovery.UnknownNameError) as error:
        discovery.module_name("trainer_module.models", "zzz")
    message = str(error.value)
    assert message.startswith("Unknown model 'zzz'. Known: ")
    assert "custom_wide_deep" in message


def test_a_name_with_a_dot_is_the_import_path_of_another_package(outside):
    name = outside("churn", CHURN)
    assert discovery.module_name("data.datasets", name) == name
    dataset = discovery.dataset(name)
    assert isinstance(dataset, Dataset)
    assert dataset.label == BinaryLabel("left")


def test_the_error_for_a_missing_module_names_it_and_pythonpath():
    with pytest.raises(discovery.UnknownNameError, match=r"no module 'my_company\.churn' to import.*PYTHONPATH"):
        discovery.dataset("my_company.churn")


def test_a_missing_module_of_an_existing_package_is_unknown_too(outside):
    package = outside("churn", CHURN).split(".")[0]
    with pytest.raises(discovery.UnknownNameError, match="no module"):
        discovery.dataset(f"{package}.churm")


@pytest.mark.parametrize("path", ["./taxi", "../elsewhere/churn", ".taxi", "data/datasets/taxi.py"])
def test_a_path_instead_of_a_name_is_an_unknown_name(path):
    with pytest.raises(discovery.UnknownNameError):
        discovery.dataset(path)


@pytest.mark.parametrize("text", ["", "DATASET = None\n", "dataset = 1\n"])
def test_the_error_for_a_file_without_a_dataset_names_the_file(outside, text):
    name = outside("empty", text)
    with pytest.raises(discovery.UnknownNameError, match=r"empty\.py defines no `DATASET = Dataset\(\.\.\.\)`"):
        discovery.dataset(name)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("from data import Label", "`Label` is now called `BinaryLabel`: write `from data import BinaryLabel`."),
        ("Bound('auc', may_lose=0.1)", "The argument `may_lose` of Bound is now called `max_degradation`."),
        ("Dataset('x', (), BinaryLabel('y'), 'x.csv', bounds=(Bound('nope', at_least=0.1),))", None),
        ("Bound('auc', at_leest=1)", "Bound.__init__() got an unexpected keyword argument 'at_leest'"),
        ("from data import Numerc", f"ImportError: cannot import name 'Numerc' from 'data' ({data.__file__})"),
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("Numeric(", "SyntaxError: '(' was never closed"),
        ("numbers = 1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_mistake_in_a_file_is_an_error_that_names_the_file_and_the_line(outside, tmp_path, line, message):
    name = outside("former", f"from data import BinaryLabel, Bound, Dataset\n\n{line}\n")
    with pytest.raises(discovery.DeclarationError) as error:
        discovery.dataset(name)
    where, _, said = str(error.value).partition(", line 3: ")
    assert where == str(tmp_path / name.split(".")[0] / "former.py")
    assert said == (message or str(error.value.__cause__))
    assert isinstance(error.value, discovery.MissingPackageError) == line.startswith("import")


def test_a_mistake_in_a_module_that_the_file_imports_is_named_there(outside, tmp_path):
    outside("columns", "\n\nage = int('old')\n")
    name = outside("churn", "from . import columns\n")
    with pytest.raises(discovery.DeclarationError) as error:
        discovery.dataset(name)
    file = tmp_path / name.split(".")[0] / "columns.py"
    assert str(error.value) == f"{file}, line 3: ValueError: invalid literal for int() with base 10: 'old'"


def test_a_mistake_in_a_file_of_an_installed_package_is_named_too(outside, tmp_path, monkeypatch):
    library = {"purelib": str(tmp_path), "stdlib": sysconfig.get_path("stdlib")}
    monkeypatch.setattr(discovery.sysconfig, "get_path", lambda name: library.get(name, str(tmp_path)))
    name = outside("churn", "import json\njson.loads('{')\n")
    with pytest.raises(discovery.DeclarationError, match=r"churn\.py, line 2: JSONDecodeError: "):
        discovery.dataset(name)


def test_the_headline_is_the_first_line_of_the_docstring(outside):
    assert discovery.headline("data.datasets", outside("churn", CHURN)) == "Churn: who leaves?"


def test_a_headline_does_not_import_the_module(outside):
    assert discovery.headline("data.datasets", outside("broken", '"""Broken."""\nraise RuntimeError\n')) == "Broken."


def test_a_headline_of_a_file_that_is_no_python_names_the_line(outside):
    name = outside("broken", "\nclass\n")
    with pytest.raises(discovery.DeclarationError, match=r"broken\.py, line 2: SyntaxError: invalid syntax"):
        discovery.headline("data.datasets", name)


def test_a_file_without_a_docstring_has_an_empty_headline(outside):
    assert discovery.headline("data.datasets", outside("bare", "x = 1\n")) == ""


def test_the_path_of_a_sample_starts_at_the_checkout():
    declared = Dataset("t", (), BinaryLabel("y"), sample="data/samples/t/t.csv")
    assert discovery.sample_path(declared) == discovery.CHECKOUT / "data/samples/t/t.csv"


def test_a_sample_may_be_in_an_installed_package():
    assert discovery.sample_path(TAXI).is_file()


def test_the_error_for_a_sample_in_a_missing_package_names_the_package():
    declared = Dataset("t", (), BinaryLabel("y"), sample="no_such_package:t.csv")
    with pytest.raises(discovery.UnknownNameError, match="dataset 't' lies in package 'no_such_package'"):
        discovery.sample_path(declared)


def test_the_reviewed_schema_is_beside_the_sample():
    assert discovery.reviewed_schema_path(TAXI) == discovery.CHECKOUT / "data/samples/taxi/schema.pbtxt"


def test_the_reviewed_schema_of_a_dataset_of_another_package_is_beside_its_file(outside, tmp_path):
    name = outside("churn", CHURN)
    assert discovery.reviewed_schema_path(discovery.dataset(name)) == tmp_path / name.split(".")[0] / "churn.pbtxt"
