"""The artifacts of the runs of an interpreter. A service stores them in its database."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml


class UnknownFormError(ValueError):
    """The spec contains a form that this interpreter does not know. It raises instead of ignoring the form."""


@dataclass
class Store:
    """The artifacts of all runs, stored in a JSON file.

    Attributes:
        path: the file.
        artifacts: RuntimeArtifacts as dictionaries, oldest first.
    """

    path: Path
    artifacts: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.path.exists():
            self.artifacts = json.loads(self.path.read_text())

    def add(self, artifact: dict[str, Any]) -> None:
        """Appends an artifact and writes the file."""
        self.artifacts.append(artifact)
        self.path.write_text(json.dumps(self.artifacts, indent=1))

    def query(self, text: str) -> list[dict[str, Any]]:
        """Returns a list of the newest artifact that matches a resolver's filter, empty if no artifact matches."""
        conditions = [condition.partition("=") for condition in text.split(" AND ")]
        return [a for a in self.artifacts if all(self._matches(a, key, value.strip('"')) for key, _, value in conditions)][-1:]

    @staticmethod
    def _matches(artifact: Mapping[str, Any], key: str, value: str) -> bool:
        if key == "schema_title":
            return yaml.safe_load(artifact["type"]["instanceSchema"])["title"] == value
        if key == "state":
            return value == "LIVE"
        if key == "name":
            return artifact["name"] == value
        metadata = re.fullmatch(r"metadata\.(\w+)\.number_value", key)
        if not metadata:
            raise UnknownFormError(key)
        return artifact["metadata"].get(metadata[1]) == float(value)
