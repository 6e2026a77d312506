"""Is there anything to judge?"""

from __future__ import annotations

from components.decision import Decision


def decide(model: str | None, champion: str | None, served: str | None, served_at: str | None) -> Decision:
    """Decides whether the candidate goes on to evaluation.

    Args:
        model: identity of the candidate.
        champion: identity of the latest blessed model.
        served: identity of the newest version in the serving folder.
        served_at: where that one lies.
    """
    # Only blessed models are pushed. The latest blessed one need not be it: TFX takes the one that was *trained* last, also
    # when an older one has been blessed and pushed again since.
    if model and model == served:
        return Decision(
            decision="unchanged",
            why=f"Nothing has changed since this model was blessed and pushed to {served_at}, where it is still served.",
        )
    if champion is None:
        return Decision(decision="passed", why="There is no blessed model yet: this is the first candidate.")
    if model != champion:
        return Decision(decision="passed", why="The model differs from the latest blessed one.")
    return Decision(decision="passed", why="The model is the latest blessed one, but it is not the one being served.")
