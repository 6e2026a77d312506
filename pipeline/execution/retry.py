"""Repeats calls that failed for a transient cause, such as a network error."""

from __future__ import annotations

import errno
import logging
import re
import time
from collections.abc import Callable
from typing import TypeVar

# Exceptions of Python, TensorFlow, MLMD, gRPC and HTTP clients, by name: importing all of these would cost seconds.
_KINDS = frozenset({
    "ConnectionError", "ConnectionResetError", "ConnectionRefusedError", "ConnectionAbortedError", "BrokenPipeError",
    "TimeoutError", "IncompleteRead", "RemoteDisconnected", "ConnectTimeout", "ReadTimeout",
    "UnavailableError", "AbortedError", "DeadlineExceededError", "ServiceUnavailable",
})  # fmt: skip
_NUMBERS = frozenset({
    errno.EAGAIN, errno.EBUSY, errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH,
})  # fmt: skip

# gRPC raises the same exception for every failure; its status code gives the cause.
_RPC, _CODES = "RpcError", frozenset({"UNAVAILABLE", "ABORTED", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"})

# Beam passes the exception of a worker on as text, and MLMD the message of SQLite or of a server.
_TEXT = re.compile(
    rf"\b(?:{'|'.join(sorted(_KINDS))}): .*|Concurrent writes aborted.*|database is locked.*"
    r"|Failed to establish connection to Metadata storage.*|failed to connect to all addresses.*"
    rf"|status = StatusCode\.(?:{'|'.join(sorted(_CODES))})\b"
)

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


def call(
    function: Callable[[], _T],
    name: str,
    retries: int,
    retry_seconds: float,
    sleep: Callable[[float], object] = time.sleep,
) -> _T:
    """Calls a function, and calls it again after a transient failure. Returns the result of the function.

    Args:
        function: takes no arguments.
        name: the name of the call in the log.
        retries: how often it is called again.
        retry_seconds: the wait before the first retry. Each later wait is twice as long.
        sleep: waits for some seconds.
    """
    attempt = 0
    while True:
        try:
            return function()
        except Exception as error:
            why = transient_cause(error)
            if not why or attempt >= retries:
                raise
            wait, attempt = retry_seconds * 2**attempt, attempt + 1
            _log.warning("%s failed: %s. This may be transient: retry %d of %d in %g s.",
                         name, why, attempt, retries, wait, exc_info=error)  # fmt: skip
        sleep(wait)


def transient_cause(error: BaseException) -> str | None:
    """Returns one line about the transient failure among an error and its causes; None if there is none."""
    cause: BaseException | None = error
    while cause is not None:
        kinds = {kind.__name__ for kind in type(cause).__mro__}
        if (
            kinds & _KINDS
            or (isinstance(cause, OSError) and cause.errno in _NUMBERS)
            or (_RPC in kinds and _code(cause) in _CODES)
        ):
            return f"{type(cause).__name__}: {cause}".splitlines()[0]
        match = _TEXT.search(str(cause))
        if match:
            return match[0]
        cause = cause.__cause__ or cause.__context__
    return None


def _code(error: BaseException) -> str:
    """Returns the name of the status code of a gRPC error."""
    code = getattr(error, "code", None)
    return getattr(code() if callable(code) else code, "name", "")
