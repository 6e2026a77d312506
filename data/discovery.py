"""Finds datasets and models by the names of their files. There is no list of them to maintain."""

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

# The package of the project's datasets.
DATASETS = "data.datasets"


class UnknownNameError(ValueError):
    """There is no dataset or model with this name. The message lists the known names."""


class DeclarationError(ValueError):
    """The file of a dataset or a model has a mistake. The message names the file and the line."""


def names(package: str) -> list[str]:
    """Returns the names of the modules in a package, sorted, without private ones. Imports none of them."""
    spec = importlib.util.find_spec(package)
    locations = spec.submodule_search_locations if spec else None
    return sorted(m.name for m in pkgutil.iter_modules(locations) if not m.name.startswith("_"))


def module_name(package: str, name: str) -> str:
    """Returns the dotted path of a dataset's or model's module.

    Args:
        package: the package of the project's own datasets or models, such as `data.datasets`.
        name: the name of a file in that package, without `.py`; or an import path outside it, which has a dot.

    Raises:
        UnknownNameError: there is no such module.
    """
    if "." in name:
        try:
            exists = importlib.util.find_spec(name) is not None
        except (ImportError, ValueError):  # ValueError: a module without a specification
            exists = False
        if exists:
            return name
        raise UnknownNameError(
            f"There is no module '{name}' to import. A name with a dot is an import path: "
            "put the folder that holds its first part on PYTHONPATH."
        )
    known = names(package)
    if name in known:
        return f"{package}.{name}"
    kind = package.rpartition(".")[2].removesuffix("s")
    similar = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean '{similar[0]}'?" if similar else ""
    raise UnknownNameError(
        f"Unknown {kind} '{name}'.{hint} Known: {', '.join(known)}. To add one, write {package.replace('.', '/')}/{name}.py."
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
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent != vocabulary]
    return f"{frames[-1].filename}, line {frames[-1].lineno}"


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
    """Returns the path of a dataset's sample, in the checkout or in an installed package (`package:path`).

    Raises:
        UnknownNameError: that package is not installed.
    """
    package, _, inside = declared.sample.rpartition(":")
    if not package:
        return CHECKOUT / declared.sample
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UnknownNameError(f"The sample of dataset '{declared.name}' lies in package '{package}', which is not installed.")
    return Path(next(iter(spec.submodule_search_locations))) / inside


def reviewed_schema_path(declared: Dataset) -> Path:
    """Returns the path of a dataset's reviewed schema; the file may not exist yet.

    For a dataset of this project it is beside the sample; for a dataset outside of it, beside the dataset's file.
    """
    module = load(DATASETS, declared.name)
    if module.__name__.startswith(DATASETS + "."):
        return CHECKOUT / "data" / "samples" / declared.name / "schema.pbtxt"
    return Path(module.__file__ or "").with_suffix(".pbtxt")


def headline(package: str, name: str) -> str:
    """Returns the first line of a module's docstring. Does not import the module."""
    spec = importlib.util.find_spec(module_name(package, name))
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_bytes())) if spec and spec.origin else None
    return (text or "").split("\n")[0]
