"""Hashes of code and settings, for cache keys and for the folders of checkpoints.

TFX caches a node by the *dotted path* of a user function, not by the content of its file: after an edit it would reuse the
old result. So every node that runs code of this project has a hash of that code among its properties.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.machinery
import importlib.util
import json
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any


@cache
def code(*modules: str) -> str:
    """Hashes the source of modules and of all project modules that they import.

    A project module is one that comes neither from the standard library nor from an installed package. Imports are read from
    the syntax tree, including those inside functions, so nothing is executed.

    Args:
        *modules: dotted paths.

    Returns:
        16 hexadecimal digits.

    Raises:
        ModuleNotFoundError: one of `modules` does not exist.
    """
    files: dict[str, Path] = {}
    pending = list(modules)
    while pending:
        module = pending.pop()
        if module in files:
            continue
        path = _source(module)
        if path is not None:
            files[module] = path
            pending.extend(_imports(module, path, path.stat().st_mtime_ns))
            # Importing a module runs the packages around it.
            parts = module.split(".")
            pending.extend(".".join(parts[:i]) for i in range(1, len(parts)))
    unknown = [m for m in modules if m not in files and not _find_spec_without_import(m)]
    if unknown:
        raise ModuleNotFoundError(f"There is no module {', '.join(unknown)} to hash.")
    digest = hashlib.sha256()
    for module, path in sorted(files.items()):
        digest.update(module.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def settings(**values: Any) -> str:
    """Hashes settings (any JSON values; the order of keys does not matter). Returns 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def _source(module: str) -> Path | None:
    """Returns the file of a project module, None for any other module."""
    # Do not search inside installed packages: Python cannot search a namespace package, such as TFX's, before its import.
    if _is_third_party(module.partition(".")[0]):
        return None
    spec = _find_spec_without_import(module)
    if spec is None or not spec.origin or not spec.origin.endswith(".py") or _installed(spec.origin):
        return None
    return Path(spec.origin).resolve()


@cache
def _is_third_party(package: str) -> bool:
    """Whether a top-level package is not part of this project. Cached, because most imports are of a few packages."""
    spec = _find_spec_without_import(package)
    return spec is None or all(map(_installed, [spec.origin] if spec.origin else _locations(spec)))


def _installed(file: str) -> bool:
    path = Path(file).resolve()
    return bool({"site-packages", "dist-packages"} & set(path.parts)) or path.is_relative_to(_stdlib())


def _locations(spec: importlib.machinery.ModuleSpec) -> list[str]:
    return list(spec.submodule_search_locations or [])


def _find_spec_without_import(module: str) -> importlib.machinery.ModuleSpec | None:
    """Finds a module. Unlike importlib.util.find_spec, it does not import the packages around it."""
    search: list[str] | None = None
    spec = None
    name = ""
    for part in module.split("."):
        name = f"{name}.{part}".lstrip(".")
        spec = importlib.machinery.PathFinder.find_spec(name, search)
        if spec is None:
            return None
        search = _locations(spec)
    return spec


@cache
def _stdlib() -> Path:
    return Path(importlib.util.__file__ or sys.base_prefix).resolve().parent.parent


@cache
def _imports(module: str, path: Path, changed: int) -> Sequence[str]:
    """Returns the dotted paths that a source file imports. `changed`: its modification time, a key of the cache."""
    return list(dict.fromkeys(_imported(module, path)))


def _imported(module: str, path: Path) -> Iterator[str]:
    """Yields the dotted paths that a source file imports; `from a import b` gives both `a` and `a.b`."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
            origin = ".".join(p for p in (base if node.level else "", node.module or "") if p)
            yield origin
            for alias in node.names:
                yield f"{origin}.{alias.name}"
