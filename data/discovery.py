"""A name is a file: datasets and models are found by the name of their module, with no list to keep."""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
import pkgutil
import traceback
import types
from pathlib import Path

from data.dataset import Dataset
from data.renamed import RenamedArgumentError, RenamedNameError

CHECKOUT = Path(__file__).resolve().parent.parent


class UnknownNameError(ValueError):
    """No file of that name; the message lists those there are."""


class DeclarationError(ValueError):
    """A file of a dataset or a model that cannot be read as it is written; the message names the file and the line."""


def names(package: str) -> list[str]:
    """Returns the modules of `package` that are not private, sorted, without importing them."""
    spec = importlib.util.find_spec(package)
    locations = spec.submodule_search_locations if spec else None
    return sorted(m.name for m in pkgutil.iter_modules(locations) if not m.name.startswith("_"))


def module_name(package: str, name: str) -> str:
    """Returns the dotted path of a dataset's or model's module.

    Args:
        package: the package in which the project's own ones lie, such as `data.datasets`.
        name: a file name in it without `.py`; or, with a dot in it, an import path outside it.

    Raises:
        UnknownNameError: there is no such module.
    """
    if "." in name:
        try:
            found = importlib.util.find_spec(name) is not None
        except (ImportError, ValueError):  # ValueError: a module without a specification
            found = False
        if found:
            return name
        raise UnknownNameError(
            f"There is no module '{name}' to import. A name with a dot is an import path: "
            "put the folder that holds its first part on PYTHONPATH."
        )
    known = names(package)
    if name in known:
        return f"{package}.{name}"
    what = package.rpartition(".")[2].removesuffix("s")
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    raise UnknownNameError(
        f"Unknown {what} '{name}'.{hint} Known: {', '.join(known)}. To add one, write {package.replace('.', '/')}/{name}.py."
    )


def load(package: str, name: str) -> types.ModuleType:
    """Imports the module of a dataset or a model.

    Raises:
        UnknownNameError: see `module_name`.
        DeclarationError: the file uses a former name of the dataset vocabulary.
    """
    dotted = module_name(package, name)
    try:
        return importlib.import_module(dotted)
    except (RenamedNameError, RenamedArgumentError) as error:
        raise DeclarationError(f"{_where(error)}: {error}") from None


def _where(error: Exception) -> str:
    """Returns the file and line of the user's code that raised an error of the dataset vocabulary."""
    vocabulary = Path(__file__).parent
    users = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent != vocabulary]
    return f"{users[-1].filename}, line {users[-1].lineno}"


DATASETS = "data.datasets"


def dataset(name: str) -> Dataset:
    """Returns the `DATASET` of a dataset file.

    Raises:
        UnknownNameError: there is no such file, or no `DATASET` in it.
        DeclarationError: see `load`.
    """
    module = load(DATASETS, name)
    declared = getattr(module, "DATASET", None)
    if not isinstance(declared, Dataset):
        raise UnknownNameError(f"{module.__file__} defines no `DATASET = Dataset(...)` (data/dataset.py).")
    return declared


def sample_path(declared: Dataset) -> Path:
    """Returns where a dataset's sample lies: in the checkout, or inside an installed package (`package:path`)."""
    package, _, inside = declared.sample.rpartition(":")
    if not package:
        return CHECKOUT / declared.sample
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UnknownNameError(f"The sample of dataset '{declared.name}' lies in package '{package}', which is not installed.")
    return Path(next(iter(spec.submodule_search_locations))) / inside


def reviewed_schema_path(declared: Dataset) -> Path:
    """Returns where the reviewed schema of a dataset is kept (the file may not exist yet)."""
    module = load(DATASETS, declared.name)
    if module.__name__.startswith(DATASETS + "."):
        return CHECKOUT / "data" / "samples" / declared.name / "schema.pbtxt"
    return Path(module.__file__ or "").with_suffix(".pbtxt")


def headline(package: str, name: str) -> str:
    """Returns the first sentence of a module's docstring without importing the module."""
    spec = importlib.util.find_spec(module_name(package, name))
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_bytes())) if spec and spec.origin else None
    return (text or "").split("\n")[0]
