"""The environment of a child process: it finds the same modules as its parent, and has no role in its parent's cluster."""

import os
import sys
from pathlib import Path

from trainer_module.supervision import child_environment


def test_a_child_has_the_variables_and_the_import_path_of_its_parent_but_not_its_role(monkeypatch):
    monkeypatch.setenv("COLOUR", "blue")
    monkeypatch.setenv("PYTHONPATH", "/before")
    monkeypatch.setenv("TF_CONFIG", "{}")
    monkeypatch.setattr(sys, "path", ["", "/elsewhere"])
    environment = child_environment.create()
    assert (environment["COLOUR"], environment["PYTHONPATH"]) == ("blue", f"{Path.cwd()}{os.pathsep}/elsewhere")
    assert "TF_CONFIG" not in environment
