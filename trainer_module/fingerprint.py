"""What determines a result: the one place that says which code, data and settings a cache key or a checkpoint depends on.

TFX caches a node by the *dotted path* of a user function, not by what stands in the file: after an edit it would reuse
the old result. Every node that runs code of ours therefore carries a hash of that code among its properties.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.machinery
import importlib.util
import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any


@cache
def code(*modules: str) -> str:
    """Hashes the source of modules and of everything of ours that they import.

    "Ours" is every module that does not come from the standard library or an installed package. Imports are read from
    the syntax tree, those inside functions included, so nothing is executed.

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
            pending.extend(_imports(module, path))
            # Importing a module runs the packages around it.
            parts = module.split(".")
            pending.extend(".".join(parts[:i]) for i in range(1, len(parts)))
    unknown = [m for m in modules if m not in files and not _spec(m)]
    if unknown:
        raise ModuleNotFoundError(f"There is no module {', '.join(unknown)} to hash.")
    digest = hashlib.sha256()
    for module, path in sorted(files.items()):
        digest.update(module.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def settings(**values: Any) -> str:
    """Hashes settings (anything JSON can say; the order of keys does not matter). Returns 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def _source(module: str) -> Path | None:
    """Returns the file of a module of ours, else None."""
    spec = _spec(module)
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    path = Path(spec.origin).resolve()
    installed = {"site-packages", "dist-packages"} & set(path.parts) or path.is_relative_to(_stdlib())
    return None if installed else path


def _spec(module: str) -> importlib.machinery.ModuleSpec | None:
    """Finds a module without importing the packages around it, as importlib.util.find_spec would."""
    search: list[str] | None = None
    spec = None
    name = ""
    for part in module.split("."):
        name = f"{name}.{part}".lstrip(".")
        spec = importlib.machinery.PathFinder.find_spec(name, search)
        if spec is None:
            return None
        search = list(spec.submodule_search_locations or [])
    return spec


def _stdlib() -> Path:
    return Path(importlib.util.__file__ or sys.base_prefix).resolve().parent.parent


def _imports(module: str, path: Path) -> Iterator[str]:
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
