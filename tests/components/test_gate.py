"""A decision survives its file, and its artifact carries the property that conditions read."""

import re

import pytest

from components import gate
from components.decision import Decision, Finding
from data import metric_names as names

REFUSED = Decision(
    decision="refused",
    why="auc overall is 0.7000; it must be at least 0.8500.",
    findings=(
        Finding(text="auc overall is 0.7000.", metric=names.AUC, slice="overall", value=0.7, bound=0.85),
        Finding(text="Column 'é' is new.", refuses=False),
    ),
)


def artifact(folder) -> gate.GateDecision:
    decision_artifact = gate.GateDecision()
    decision_artifact.uri = str(folder)
    return decision_artifact


def test_a_decision_is_read_as_written(tmp_path):
    gate.write(REFUSED, str(tmp_path))
    assert gate.read(str(tmp_path)) == REFUSED


def test_nan_is_read_back_as_none(tmp_path):
    finding = Finding(text="auc is nan.", value=float("nan"), bound=0.85)
    gate.write(Decision(decision="refused", why="", findings=(finding,)), str(tmp_path))
    (finding_read,) = gate.read(str(tmp_path)).findings
    assert (finding_read.value, finding_read.bound) == (None, 0.85)


def test_a_folder_without_a_decision_reads_as_none(tmp_path):
    assert gate.read(str(tmp_path)) is None


@pytest.mark.parametrize(("word", "passed"), [("passed", 1), ("refused", 0), ("unchanged", 0)])
def test_only_a_passed_decision_lets_the_pipeline_continue(tmp_path, word, passed):
    decision = Decision(decision=word, why="Because.")
    output = artifact(tmp_path)
    gate.publish(decision, output)
    assert decision.passed is bool(passed)
    assert output.get_int_custom_property("passed") == passed
    assert gate.read(output.uri) == decision


def test_the_type_name_has_the_form_that_kubeflow_needs():
    assert re.fullmatch(r"[a-z]+\.[A-Z][A-Za-z]+", gate.GateDecision.TYPE_NAME)


def test_findings_are_refusals_unless_they_are_warnings():
    assert REFUSED.refusals == ["auc overall is 0.7000."]
    assert REFUSED.warnings == ["Column 'é' is new."]
