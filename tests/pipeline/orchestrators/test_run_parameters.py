"""The parameters of a run, and their defaults."""

import pytest

from pipeline.config import pipeline_config
from pipeline.orchestrators import run_parameters


@pytest.mark.parametrize(
    ("assignments", "values"),
    [
        (("train.steps=7",), {"data.path": "", "data.span": "", "train.steps": "7"}),
        (("train.steps=7", "data.path=gs://b/{SPAN}.csv", "data.span=0"),
         {"data.path": "gs://b/{SPAN}.csv", "data.span": "0", "train.steps": "7"}),
    ],
)  # fmt: skip
def test_a_run_may_change_data_span_and_steps(assignments, values):
    assert run_parameters.defaults(pipeline_config.load(None, assignments, {})) == values
