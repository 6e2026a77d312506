"""Finds datasets and models by the names of their files. There is no list of them to maintain."""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
import pkgutil
import sysconfig
import traceback
import types
from pathlib import Path

from data.dataset import Dataset

CHECKOUT = Path(__file__).resolve().parent.parent

_VOCABULARY = Path(__file__).resolve().parent

# The package of the project's datasets.
DATASETS = "data.datasets"


class UnknownNameError(ValueError):
    """There is no dataset or model with this name. The message lists the known names."""


class DeclarationError(ValueError):
    """The file of a dataset or a model has a mistake. The message names the file and the line."""


class MissingPackageError(DeclarationError):
    """The file of a dataset or a model imports a package that is not installed here."""


def names(package: str) -> list[str]:
    """Returns the names of the modules in a package, sorted, without private ones. Does not import them."""
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
        DeclarationError: the file cannot be imported. The error itself is the `__cause__`.
    """
    try:
        return importlib.import_module(module_name(package, name))
    except UnknownNameError:
        raise
    except Exception as error:  # whatever the code of a user may raise
        frame = _user_frame(error, name)
        if frame is None:
            raise
        kind = MissingPackageError if isinstance(error, ModuleNotFoundError) else DeclarationError
        raise kind(f"{frame.filename}, line {frame.lineno}: {_reason(error)}") from error


def _user_frame(error: Exception, name: str) -> traceback.FrameSummary | None:
    """Returns the last line of the user's own code that an error came through; None if it came through none.

    Args:
        error: what the import raised.
        name: the name of the dataset or model. Its file is the user's, even in an installed package.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return traceback.FrameSummary(error.filename, error.lineno, "<module>")
    own = f"/{name.replace('.', '/')}.py"
    frames = reversed(traceback.extract_tb(error.__traceback__))
    return next((frame for frame in frames if frame.filename.endswith(own) or not _is_library(Path(frame.filename))), None)


def _is_library(file: Path) -> bool:
    """Says whether a file of a traceback is part of Python, of an installed package, or of the dataset vocabulary."""
    library = {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
    return str(file).startswith("<") or file.parent == _VOCABULARY or any(file.is_relative_to(path) for path in library)


def _reason(error: Exception) -> str:
    """Returns the message of an error, after its type unless the dataset vocabulary raised it: those are sentences."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}"
    raised_in = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
    return str(error) if raised_in.parent == _VOCABULARY else f"{type(error).__name__}: {error}"


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
    """Returns the first line of a module's docstring. Does not import the module.

    Raises:
        UnknownNameError: see `module_name`.
        DeclarationError: the file is not valid Python.
    """
    spec = importlib.util.find_spec(module_name(package, name))
    if spec is None or spec.origin is None:
        return ""
    try:
        text = ast.get_docstring(ast.parse(Path(spec.origin).read_bytes(), spec.origin))
    except SyntaxError as error:
        raise DeclarationError(f"{spec.origin}, line {error.lineno}: {_reason(error)}") from error
    return (text or "").split("\n")[0]
