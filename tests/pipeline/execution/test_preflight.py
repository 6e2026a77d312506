"""Who may use an output folder, and what is said to whom may not."""

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


def holding(folder: Path) -> subprocess.Popen[bytes]:
    """A process that shares a folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout and process.stdout.readline() == b"held\n"
    return process


def refused(folder: Path, *, shared: bool = False) -> str:
    with pytest.raises(InUseError) as raised, preflight.output_folder(str(folder), shared=shared):
        pass
    return str(raised.value)


def test_the_process_that_uses_a_folder_is_named(tmp_path: Path) -> None:
    with preflight.output_folder(str(tmp_path)):
        for shared in (True, False):
            assert f"Another run (process {os.getpid()}) is using" in refused(tmp_path, shared=shared)
    with preflight.output_folder(str(tmp_path)):
        pass


def test_of_processes_that_share_a_folder_those_are_named_that_live(tmp_path: Path) -> None:
    first, second = holding(tmp_path), holding(tmp_path)
    with first, second:
        assert f"(process {first.pid}, process {second.pid})" in refused(tmp_path)
        second.communicate(b"\n")
        assert f"(process {first.pid})" in refused(tmp_path)
        first.communicate(b"\n")


def test_a_process_on_another_machine_is_named_with_it(tmp_path: Path) -> None:
    with preflight.output_folder(str(tmp_path)):
        (tmp_path / ".lock").write_text("1 elsewhere.example\n")
        assert "process 1 on elsewhere.example" in refused(tmp_path)


def test_a_run_of_this_machine_does_not_write_to_object_storage() -> None:
    given = pipeline_config.load(None, ("metadata.uri=grpc://host:1",), {"output_dir": "gs://bucket/taxi"})
    with pytest.raises(UsageError, match=re.escape("output_dir is gs://bucket/taxi, but `run` keeps its record")):
        preflight.check_local(given)


def test_a_former_word_in_the_file_of_a_model_is_wrong_usage_that_names_the_file_and_the_line(
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
