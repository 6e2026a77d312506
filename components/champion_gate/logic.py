"""Decides whether there is a new model to evaluate."""

from __future__ import annotations

from components.decision import Decision


def decide(model: str | None, champion: str | None, served: str | None, served_at: str | None) -> Decision:
    """Decides whether the candidate is evaluated.

    Args:
        model: identity of the candidate, if it has one.
        champion: identity of the latest blessed model, if there is one.
        served: identity of the newest version in the serving folder, if there is one.
        served_at: folder of that version.
    """
    # Only blessed models are pushed, so the served model was blessed. It may not be TFX's latest blessed model, which is the
    # blessed model that was *trained* last, even if an older one has been blessed and pushed again since.
    if model and model == served:
        return Decision(
            decision="unchanged",
            why=f"Nothing has changed since this model was blessed and pushed to {served_at}, where it is still served.",
        )
    if champion is None:
        return Decision(decision="passed", why="There is no blessed model yet: this is the first candidate.")
    if model != champion:
        return Decision(decision="passed", why="The model differs from the latest blessed one.")
    return Decision(decision="passed", why="The model is the latest blessed one, but it is not served.")
