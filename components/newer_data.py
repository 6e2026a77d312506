"""A rule of the gates: a model of older data does not replace a served model of newer data."""

from __future__ import annotations

from components import serving_folder
from components.decision import Decision


def keep_newer_data(decision: Decision, span: int | None, served: str | None) -> Decision:
    """Prevents a good model from replacing one that was trained on newer data, for example in a run on a backfilled span.

    Args:
        decision: the decision on the model, without a look at the served one.
        span: the newest span of its data; None if the data did not come in spans.
        served: folder of the served version; None if no version is served.

    Returns:
        The same decision; or "unchanged" if the model passed, but the served model was trained on newer data.
    """
    served_span = serving_folder.read_span(served) if served else None
    if not decision.passed or span is None or served_span is None or span >= served_span:
        return decision
    why = (
        f"The model is good enough ({decision.why.rstrip('.')}), but its data ends with span {span}, and the data of the model "
        f"in {served} with span {served_span}. Nothing was pushed. To serve a model of older data, remove that version first."
    )
    return Decision(decision="unchanged", why=why, findings=decision.findings)
