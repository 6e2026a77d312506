"""The type of what TFX passes to the executor of a component."""

from __future__ import annotations

from tfx import types

# Input or output key -> its artifacts.
ArtifactDict = dict[str, list[types.Artifact]]
