"""Which errors are transient, so that a call is retried."""

from __future__ import annotations

import errno

import grpc
import pytest
import tensorflow as tf
from ml_metadata import errors as mlmd

from pipeline.execution import retry


def _raised_from(outer: Exception, inner: Exception) -> Exception:
    try:
        try:
            raise inner
        except Exception as cause:
            raise outer from cause
    except Exception as error:
        return error


def _of_grpc(code: grpc.StatusCode) -> grpc.RpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), code.name)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
        TimeoutError("no answer"),
        OSError(errno.ESTALE, "Stale file handle"),
        OSError(errno.EIO, "Input/output error"),
        tf.errors.UnavailableError(None, None, "Socket closed"),
        tf.errors.AbortedError(None, None, "Session was restarted"),
        _of_grpc(grpc.StatusCode.UNAVAILABLE),
        mlmd.UnavailableError("failed to connect to all addresses"),
        mlmd.AbortedError("Concurrent writes aborted after max number of retries."),
        RuntimeError("Failed to establish connection to Metadata storage with error: mysql_real_connect failed"),
        _raised_from(RuntimeError("outer"), BrokenPipeError(errno.EPIPE, "Broken pipe")),
        # Beam turns the exception of a worker into a RuntimeError like these.
        RuntimeError("<_InactiveRpcError of RPC that terminated with:\n\tstatus = StatusCode.UNAVAILABLE\n\tdetails = ..."),
        RuntimeError("Traceback ...\nurllib3.exceptions.IncompleteRead: IncompleteRead(0 bytes read) [while running 'Write']"),
    ],
    ids=lambda e: f"{type(e).__name__}: {str(e)[:25]}",
)
def test_an_error_of_a_connection_or_a_server_is_transient(error: Exception) -> None:
    cause = retry.transient_cause(error)
    assert cause and "\n" not in cause


@pytest.mark.parametrize(
    "error",
    [
        ValueError("The label has no value."),
        KeyError("fare"),
        FileNotFoundError(errno.ENOENT, "No such file or directory"),
        PermissionError(errno.EACCES, "Permission denied"),
        OSError(errno.ENOSPC, "No space left on device"),
        MemoryError(),
        tf.errors.InvalidArgumentError(None, None, "Incompatible shapes"),
        tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"),
        _of_grpc(grpc.StatusCode.UNAUTHENTICATED),
        mlmd.NotFoundError("No type found"),
        RuntimeError("<_InactiveRpcError of RPC that terminated with:\n\tstatus = StatusCode.UNAUTHENTICATED\n\tdetails = ..."),
        RuntimeError("InputDataError: data.csv, row 7: ... [while running 'Parse']"),
    ],
    ids=lambda e: f"{type(e).__name__}: {str(e)[:25]}",
)
def test_an_error_that_would_repeat_is_not_transient(error: Exception) -> None:
    assert retry.transient_cause(error) is None


def test_a_call_is_retried_until_it_succeeds_with_growing_waits() -> None:
    waits: list[float] = []
    answers = [TimeoutError("one"), TimeoutError("two"), "found"]

    def call() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert retry.call(call, "It", retries=2, retry_seconds=5, sleep=waits.append) == "found"
    assert waits == [5, 10]


@pytest.mark.parametrize(("error", "calls"), [(TimeoutError("always"), 3), (KeyError("fare"), 1)])
def test_a_call_is_retried_a_limited_number_of_times_and_only_for_transient_errors(error: Exception, calls: int) -> None:
    count = 0

    def call() -> None:
        nonlocal count
        count += 1
        raise error

    with pytest.raises(type(error)):
        retry.call(call, "It", retries=2, retry_seconds=0)
    assert count == calls
