"""Checks before a run: exclusive and shared use of an output folder, and the errors for refusals."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.config import pipeline_config
from pipeline.errors import InUseError, UsageError
from pipeline.execution import preflight
from tests.support.cli import ROOT

HOLD = """
import sys
from pipeline.execution import preflight
with preflight.output_folder(sys.argv[1], shared=True):
    print("held", flush=True)
    input()
"""


def share_in_process(folder: Path) -> subprocess.Popen[bytes]:
    """Starts a process that holds the folder as a shared user."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout and process.stdout.readline() == b"held\n"
    return process


def refusal(folder: Path, *, shared: bool = False) -> str:
    with pytest.raises(InUseError) as raised, preflight.output_folder(str(folder), shared=shared):
        pass
    return str(raised.value)


def test_the_process_that_uses_a_folder_is_named(tmp_path: Path) -> None:
    with preflight.output_folder(str(tmp_path)):
        for shared in (True, False):
            assert f"Another run (process {os.getpid()}) is using" in refusal(tmp_path, shared=shared)
    with preflight.output_folder(str(tmp_path)):
        pass


def test_the_error_for_a_shared_folder_names_the_processes_that_still_run(tmp_path: Path) -> None:
    first, second = share_in_process(tmp_path), share_in_process(tmp_path)
    with first, second:
        assert f"(process {first.pid}, process {second.pid})" in refusal(tmp_path)
        second.communicate(b"\n")
        assert f"(process {first.pid})" in refusal(tmp_path)
        first.communicate(b"\n")


def test_a_process_on_another_machine_is_named_with_the_machine(tmp_path: Path) -> None:
    with preflight.output_folder(str(tmp_path)):
        (tmp_path / ".lock").write_text("1 elsewhere.example\n")
        assert "process 1 on elsewhere.example" in refusal(tmp_path)


def test_a_local_run_cannot_write_to_object_storage() -> None:
    config = pipeline_config.load(None, ("metadata.uri=grpc://host:1",), {"output_dir": "gs://bucket/taxi"})
    with pytest.raises(UsageError, match=re.escape("output_dir is gs://bucket/taxi, but `run` keeps its record")):
        preflight.check_local(config)


def test_the_error_for_a_former_name_in_a_model_file_names_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "company_of_former_words"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "model.py").write_text('"""A model of version 0.1."""\n\nfrom data import Label\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    config = pipeline_config.load(None, (), {"model": "company_of_former_words.model", "output_dir": str(tmp_path)})
    with pytest.raises(UsageError) as raised:
        preflight.check(config)
    assert str(raised.value) == (
        f"{package / 'model.py'}, line 3: `Label` is now called `BinaryLabel`: write `from data import BinaryLabel`."
    )
