"""Decides how a run ended: its status, its exit code and the reason. The rules are the same for all runners."""

from __future__ import annotations

from typing import NamedTuple

from components.csv_files.errors import message_in
from pipeline import errors, node_ids
from pipeline.record import store
from pipeline.record.run_record import RunRecord, Status
from trainer_module.error_text import first_paragraph


class _Ending(NamedTuple):
    status: Status
    exit_code: int
    why: str


def conclude(record: RunRecord, output_dir: str, failure: BaseException | None = None, to_node: str | None = None) -> int:
    """Decides how a run ended and finishes its record. Returns the exit code.

    Args:
        record: the record of the run, with the results of its nodes.
        output_dir: the folder with the records of earlier runs.
        failure: the failure that ended the run early, or None.
        to_node: the last node of the run (`--to`); None for the whole DAG.
    """
    ending = _of_failure(failure) if failure else None
    ending = ending or _of_gates(record, output_dir) or _of_push(record, to_node)
    record.finish(*ending)
    return ending.exit_code


def _of_failure(failure: BaseException) -> _Ending | None:
    if isinstance(failure, errors.StoppedError):
        why = f"{failure} The served model stays. Run again to continue."
        return _Ending("interrupted", failure.exit_code, why)
    if isinstance(failure, errors.NodeFailedError):
        unreadable_data = message_in(str(failure))
        if unreadable_data is not None:
            return _Ending("failed", errors.USAGE, unreadable_data)
        return _Ending("failed", errors.NODE_FAILED, f"Node {failure.node} failed: {first_paragraph(str(failure))}")
    if isinstance(failure, errors.PipelineError):
        return _Ending("failed", failure.exit_code, str(failure))
    return None


def _of_gates(record: RunRecord, output_dir: str) -> _Ending | None:
    refused = next((gate for gate in record.gates if gate.decision == "refused"), None)
    if refused:
        return _Ending("refused", errors.REFUSED, refused.why)
    unchanged = next((gate for gate in record.gates if gate.decision == "unchanged"), None)
    if unchanged:
        if not record.metrics:  # nothing was evaluated
            _copy_last_push(record, output_dir)
        return _Ending("unchanged", errors.OK, unchanged.why)
    return None


def _of_push(record: RunRecord, to_node: str | None) -> _Ending:
    if record.pushed_path:
        why = next((gate.why for gate in record.gates if gate.id == node_ids.EVALUATOR), "")
        return _Ending("pushed", errors.OK, why)
    if to_node:
        return _Ending("unchanged", errors.OK, f"Stopped after {to_node}, as requested. Nothing was pushed.")
    return _Ending("failed", errors.NODE_FAILED, "Every node ended, but no model was pushed and no gate says why.")


def _copy_last_push(record: RunRecord, output_dir: str) -> None:
    """Copies the metrics and the path of the served model from the run that pushed it."""
    pushed = next((earlier for earlier in store.newest_first(output_dir) if earlier.status == "pushed"), None)
    if pushed:
        record.metrics, record.pushed_path, record.blessed = pushed.metrics, pushed.pushed_path, True
