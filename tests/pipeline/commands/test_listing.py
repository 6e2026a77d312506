"""`list`: what it prints, and what becomes of a mistake in the file of a dataset. (As a command: test_cli.py.)"""

import pytest

from data import discovery
from pipeline.commands import listing
from pipeline.config import reading
from pipeline.errors import UsageError
from trainer_module.models import NAME as MODELS


def printed(orchestrators=("argo",)):
    lines = []
    listing.print_all(lines.append, orchestrators)
    return lines


def test_every_dataset_model_and_setting_has_a_line():
    first_words = [line.split()[0] for line in printed() if line.startswith("  ")]
    keys = [key for key, _ in reading.manual()]
    assert first_words == [*discovery.names(discovery.DATASETS), *discovery.names(MODELS), *keys]


def test_runners_orchestrators_and_engines_share_a_line_each():
    lines = printed(["argo", "cron"])
    assert "Runners (--runner)\n  local, beam" in lines
    assert "Orchestrators (compile)\n  argo, cron" in lines


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """A file among the datasets that declares none."""
    monkeypatch.setattr(discovery, "DATASETS", f"own_{tmp_path.name}")
    package = tmp_path / discovery.DATASETS
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "empty.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))


def test_a_mistake_in_a_dataset_is_named_after_all_else_was_printed(broken):
    lines = []
    with pytest.raises(UsageError, match="defines no `DATASET"):
        listing.print_all(lines.append, ["argo"])
    assert lines[1] == f"  {'empty':27}its file has a mistake, see below"
    assert lines[-1].split()[0] == [key for key, _ in reading.manual()][-1]
