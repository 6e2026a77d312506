"""Paths on the terminal are relative to the working directory where they lie below it."""

from pathlib import Path

import pytest

from pipeline.terminal import paths


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("{here}/outputs/taxi/run.json", "outputs/taxi/run.json"),
        ("{here}-2/outputs", "{here}-2/outputs"),
        ("/elsewhere/run.json", "/elsewhere/run.json"),
        ("outputs/taxi", "outputs/taxi"),
        ("gs://bucket/taxi/run.json", "gs://bucket/taxi/run.json"),
    ],
    ids=["below", "a sibling with the same start", "elsewhere", "already relative", "remote"],
)
@pytest.mark.parametrize("kind", [str, Path])
def test_only_a_path_below_the_working_directory_is_shortened(path, shown, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert paths.shown(kind(path.format(here=tmp_path))) == str(kind(shown.format(here=tmp_path)))
