"""Defaults of a configuration that `--help` prints too. (No import: `--help` appears at once.)"""

from __future__ import annotations

DATASET = "taxi"


def output_dir(dataset: str) -> str:
    """Returns the output folder of a dataset."""
    return f"outputs/{dataset}"
