"""Configurations as a user writes them: a TOML file, assignments, options."""

import pytest

from pipeline.config import pipeline_config
from pipeline.errors import USAGE, UsageError


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Returns a function: (TOML text or None, assignments, options) -> PipelineConfig. The current folder is tmp_path."""
    monkeypatch.chdir(tmp_path)

    def call(text=None, *assignments, **options):
        file = None
        if text is not None:
            file = tmp_path / "run.toml"
            file.write_text(text, "utf-8")
        return pipeline_config.load(file, assignments, {k.replace("__", "."): v for k, v in options.items()})

    return call


@pytest.fixture
def refusal(load):
    """Returns a function: what `load` takes -> the message with which it is refused."""

    def refused(*args, **options):
        with pytest.raises(UsageError) as error:
            load(*args, **options)
        assert error.value.exit_code == USAGE
        return str(error.value)

    return refused
