"""Which model may replace the served one."""

import pytest

from components import newer_data
from components.decision import Decision
from components.pusher import logic

GOOD = Decision(decision="passed", why="The model holds.")


@pytest.fixture
def served(tmp_path):
    """Returns a function: span -> folder of a version with that span."""

    def write(span):
        if span is not None:
            logic.write_span(str(tmp_path / "1"), span)
        return str(tmp_path / "1")

    return write


@pytest.mark.parametrize(("span", "served_span"), [(7, None), (7, 6), (7, 7), (0, None), (None, 7)])
def test_a_model_whose_data_is_not_older_stays_blessed(served, span, served_span):
    assert newer_data.keep_newer_data(GOOD, span, served(served_span)) is GOOD
    assert newer_data.keep_newer_data(GOOD, span, None) is GOOD


def test_a_good_model_of_older_data_does_not_replace_a_newer_one(served):
    decision = newer_data.keep_newer_data(GOOD, 6, served(7))
    assert (decision.decision, decision.passed) == ("unchanged", False)
    for phrase in ("good enough", "ends with span 6", "/1 with span 7", "Nothing was pushed", "remove that version"):
        assert phrase in decision.why


def test_a_refused_model_of_older_data_keeps_its_reason(served):
    bad = Decision(decision="refused", why="auc is too low.")
    assert newer_data.keep_newer_data(bad, 6, served(7)) is bad
