"""The environment variables of a child process that trains."""

from __future__ import annotations

import os
import sys
from pathlib import Path

TF_CONFIG = "TF_CONFIG"  # the variable that gives a process its role in a cluster; TensorFlow reads it too


def create() -> dict[str, str]:
    """Returns the variables of this process, without its role in a cluster and with its import path.

    With this path a child process finds the project, and also datasets and models outside of it.
    """
    variables = {name: value for name, value in os.environ.items() if name != TF_CONFIG}
    variables["PYTHONPATH"] = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    return variables
