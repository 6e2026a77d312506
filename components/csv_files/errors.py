"""The error of data that cannot be read. (A module without heavy imports: a run's record looks for this error, too.)"""

from __future__ import annotations

import re


class InputDataError(ValueError):
    """Data that cannot be read. The message names the problem, the place and the way out.

    A Beam worker returns only the text of an exception. `message_in` finds the message there.
    """


# In the text of a worker, the name of an exception is before its message, and a note about the step is after it.
_IN_TEXT = re.compile(rf"{InputDataError.__name__}: (.*?)(?: \[while running|\n|$)")


def message_in(text: str) -> str | None:
    """Returns the message of an InputDataError in the text of another exception, such as Beam's; None if there is none."""
    match = _IN_TEXT.search(text)
    return match[1] if match else None
