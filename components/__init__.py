"""TFX components of our own, one folder each, all of one shape; and the TFMA metrics that Beam workers load.

In each folder `component.py` is what a pipeline imports, `executor.py` what runs, and `logic.py` holds pure functions
that know nothing of TFX.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Gives Kubeflow 2 the class of an artifact whose type is called `components.GateDecision`: it imports types by name."""
    if name == "GateDecision":
        from components.gate import GateDecision

        return GateDecision
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
