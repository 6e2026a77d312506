"""What a run has come to: its status, its exit code and why, wherever its nodes have run."""

from __future__ import annotations

import re

from pipeline import errors, node_ids
from pipeline.record.run_record import RunRecord, Status, earlier

# How a Beam worker's exception comes back: as text, between its name and what Beam adds.
_INPUT_DATA_ERROR = re.compile(r"InputDataError: (.*?)(?: \[while running|\n|$)")


def give(record: RunRecord, output_dir: str, failure: BaseException | None = None, to_node: str | None = None) -> int:
    """Ends the record of a run whose outcome has been collected. Returns the exit code.

    Args:
        record: of the run.
        output_dir: where the records of earlier runs are.
        failure: what has ended it before its time.
        to_node: the last node that it was to run, if not all.
    """
    status, exit_code, why = _verdict(record, output_dir, failure, to_node)
    record.finish(status, exit_code, why)
    return exit_code


def _verdict(record: RunRecord, output_dir: str, failure: BaseException | None, to_node: str | None) -> tuple[Status, int, str]:
    if isinstance(failure, errors.StoppedError):
        return "interrupted", failure.exit_code, f"{failure} What was served before stays; run again to continue."
    if isinstance(failure, errors.NodeFailedError):
        unreadable = _INPUT_DATA_ERROR.search(str(failure))
        if unreadable:
            return "failed", errors.USAGE, unreadable[1]
        return "failed", errors.NODE_FAILED, f"Node {failure.node} failed: {_first_paragraph(str(failure))}"
    if isinstance(failure, errors.PipelineError):
        return "failed", failure.exit_code, str(failure)
    refused = next((g for g in record.gates if g.decision == "refused"), None)
    if refused:
        return "refused", errors.REFUSED, refused.why
    unchanged = next((g for g in record.gates if g.decision == "unchanged"), None)
    if unchanged:
        pushed = next((r for r in earlier(output_dir) if r.status == "pushed"), None)
        if pushed and not record.metrics:  # nothing was evaluated
            record.metrics, record.pushed_path, record.blessed = pushed.metrics, pushed.pushed_path, True
        return "unchanged", errors.OK, unchanged.why
    if record.pushed_path:
        return "pushed", errors.OK, next((g.why for g in record.gates if g.id == node_ids.EVALUATOR), "")
    if to_node:
        return "unchanged", errors.OK, f"Stopped behind {to_node}, as asked; nothing was pushed."
    return "failed", errors.NODE_FAILED, "Every node ended, but no model was pushed and no gate says why."


def _first_paragraph(text: str) -> str:
    return text.strip().split("\n\n")[0].split("\nTraceback")[0].strip()
