"""Failures that may pass by themselves: worth another try, as a wrong value or a bug is not."""

from __future__ import annotations

import errno
import logging
import re
import time
from collections.abc import Callable
from typing import TypeVar

# Of Python, TensorFlow, MLMD, gRPC and HTTP clients, by name: an exception must not cost the import of all of them.
_KINDS = frozenset({
    "ConnectionError", "ConnectionResetError", "ConnectionRefusedError", "ConnectionAbortedError", "BrokenPipeError",
    "TimeoutError", "IncompleteRead", "RemoteDisconnected", "ConnectTimeout", "ReadTimeout",
    "UnavailableError", "AbortedError", "DeadlineExceededError", "ServiceUnavailable",
})  # fmt: skip
_NUMBERS = frozenset({
    errno.EAGAIN, errno.EBUSY, errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH,
})  # fmt: skip

# Of gRPC's own error, which is one for everything.
_RPC, _CODES = "RpcError", frozenset({"UNAVAILABLE", "ABORTED", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"})

# Beam hands on what a worker raised as text, and MLMD what SQLite or a server said.
_TEXT = re.compile(
    rf"\b(?:{'|'.join(sorted(_KINDS))}): .*|Concurrent writes aborted.*|database is locked.*"
    r"|Failed to establish connection to Metadata storage.*|failed to connect to all addresses.*"
    rf"|status = StatusCode\.(?:{'|'.join(sorted(_CODES))})\b"
)

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


def persist(call: Callable[[], _T], name: str, retries: int, retry_seconds: float) -> _T:
    """Returns what a call returns; it is made again if it fails for a cause that may pass.

    Args:
        call: without arguments.
        name: of what it does, for the log.
        retries: how often it is made again.
        retry_seconds: before the first of them; twice as long before each one after.
    """
    attempt = 0
    while True:
        try:
            return call()
        except Exception as error:
            why = cause(error)
            if not why or attempt >= retries:
                raise
            wait, attempt = retry_seconds * 2**attempt, attempt + 1
            _log.warning("%s failed: %s. That may pass: try again %d of %d, in %g s.",
                         name, why, attempt, retries, wait, exc_info=error)  # fmt: skip
        time.sleep(wait)


def cause(error: BaseException) -> str | None:
    """Returns what has failed if it may pass, in one line; None if it will not."""
    seen: BaseException | None = error
    while seen is not None:
        kinds = {kind.__name__ for kind in type(seen).__mro__}
        if (
            kinds & _KINDS
            or (isinstance(seen, OSError) and seen.errno in _NUMBERS)
            or (_RPC in kinds and _code(seen) in _CODES)
        ):
            return f"{type(seen).__name__}: {seen}".splitlines()[0]
        found = _TEXT.search(str(seen))
        if found:
            return found[0]
        seen = seen.__cause__ or seen.__context__
    return None


def _code(error: BaseException) -> str:
    """Returns the status of a call of gRPC's."""
    code = getattr(error, "code", None)
    return getattr(code() if callable(code) else code, "name", "")
