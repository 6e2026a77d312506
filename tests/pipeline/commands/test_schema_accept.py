"""`schema accept` without statistics to accept. (With them: tests/e2e.)"""

import pytest

from pipeline.commands import schema_accept
from pipeline.config import pipeline_config
from pipeline.errors import UsageError
from pipeline.record import store


@pytest.fixture
def config(tmp_path):
    return pipeline_config.load(None, (), {"output_dir": str(tmp_path)})


def never_asked():
    raise AssertionError("There is nothing to agree to.")


def test_without_a_run_there_is_nothing_to_accept(config):
    with pytest.raises(UsageError, match=r"There is no run to accept in .*\. Run the pipeline first\."):
        schema_accept.accept(config, never_asked)


def test_a_run_that_failed_before_its_statistics_has_nothing_to_accept(config):
    store.Recorder(config, "one", "c0de", "local").finish("failed", 1, "")
    with pytest.raises(UsageError, match=r"No run in .* has computed statistics"):
        schema_accept.accept(config, never_asked)
