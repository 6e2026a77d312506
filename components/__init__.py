"""The TFX components of this project, and the TFMA metrics that Beam workers load.

Each component has a folder with the same files: `component.py` holds the class that a pipeline uses, `executor.py` what a
node runs, and `logic.py` pure functions without TFX.
"""

from __future__ import annotations


def __getattr__(name: str) -> type:
    """Returns the artifact type `components.GateDecision`. Kubeflow 2 imports an artifact type by its name, with one dot."""
    if name == "GateDecision":
        from components.gate import GateDecision

        return GateDecision
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
