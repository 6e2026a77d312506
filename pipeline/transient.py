"""Failures that may pass by themselves: worth another try, as a wrong value or a bug is not."""

from __future__ import annotations

import errno
import re

# Of Python, TensorFlow, MLMD, gRPC and HTTP clients, by name: an exception must not cost the import of all of them.
_KINDS = frozenset({
    "ConnectionError", "ConnectionResetError", "ConnectionRefusedError", "ConnectionAbortedError", "BrokenPipeError",
    "TimeoutError", "IncompleteRead", "RemoteDisconnected", "ConnectTimeout", "ReadTimeout",
    "UnavailableError", "AbortedError", "DeadlineExceededError", "_InactiveRpcError", "ServiceUnavailable",
})  # fmt: skip
_NUMBERS = frozenset({
    errno.EAGAIN, errno.EBUSY, errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH,
})  # fmt: skip

# Beam hands on what a worker raised as text, and MLMD what SQLite or a server said.
_TEXT = re.compile(
    rf"\b(?:{'|'.join(sorted(_KINDS))}): .*|Concurrent writes aborted.*|database is locked.*"
    r"|Failed to establish connection to Metadata storage.*|failed to connect to all addresses.*"
)


def cause(error: BaseException) -> str | None:
    """Returns what has failed if it may pass, in one line; None if it will not."""
    seen: BaseException | None = error
    while seen is not None:
        kinds = {kind.__name__ for kind in type(seen).__mro__}
        if kinds & _KINDS or (isinstance(seen, OSError) and seen.errno in _NUMBERS):
            return f"{type(seen).__name__}: {seen}".splitlines()[0]
        found = _TEXT.search(str(seen))
        if found:
            return found[0]
        seen = seen.__cause__ or seen.__context__
    return None
