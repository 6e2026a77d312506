"""Paths as a person reads them on the terminal."""

from __future__ import annotations

from pathlib import Path


def shown(path: str | Path) -> str:
    """Returns a path relative to the working directory if it lies below it, else the path as it is (also a remote one)."""
    working_directory = Path.cwd()
    return str(Path(path).relative_to(working_directory)) if Path(path).is_relative_to(working_directory) else str(path)
