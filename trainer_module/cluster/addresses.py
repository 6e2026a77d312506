"""Network addresses of the processes of a cluster: whether they are valid, whether they answer, which ones are free here."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import time
from collections.abc import Callable, Iterator, Mapping

_CONNECT_SECONDS = 1.0
_RETRY_SECONDS = 0.5

LOOPBACK = "127.0.0.1"
# With these environment variables, a TensorFlow server can listen on a port that `reserve` holds.
REUSE_PORT = {"TF_GRPC_REUSE_PORT": "true"}


def why_malformed(address: str) -> str | None:
    """Returns the problem of an address "host:port"; None if it is valid."""
    host, colon, port = address.rpartition(":")
    if "://" in address:
        return 'leave out the protocol, write "host:port"'
    if not colon:
        return 'the port is missing, write "host:port"'
    if not host or any(c.isspace() for c in address):
        return 'the host is missing or contains a space, write "host:port"'
    if host.strip("[]") in ("0.0.0.0", "::"):
        return "other processes cannot connect to that host; write the name by which they reach this machine"
    if not port.isdecimal() or not 0 < int(port) < 65536:
        return f'"{port}" is not a port, which is a number from 1 to 65535'
    return None


def canonical(address: str) -> str:
    """Returns the same text for all spellings of an address: upper or lower case, all names of the loopback interface."""
    host, port = _split(address)
    host = host.lower().rstrip(".")
    with contextlib.suppress(ValueError):  # the host is a name, not a number
        number = ipaddress.ip_address(host)
        host = "localhost" if number.is_loopback else str(number)
    return f"{host}:{port}"


def find_unknown_hosts(addresses: Mapping[str, str]) -> list[str]:
    """Returns one problem for each address whose host cannot be looked up.

    Args:
        addresses: name of a process -> its address.
    """
    return [
        f"{name} has the address {address}, but this machine does not find the host {_split(address)[0]}. "
        "Check the name of the host, and the name server of this machine."
        for name, address in addresses.items()
        if isinstance(_connection_error(address), socket.gaierror)
    ]


def find_unanswered(
    addresses: Mapping[str, str],
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> list[str]:
    """Connects to addresses until each has answered once.

    Args:
        addresses: name of a process -> its address.
        seconds: how long to try.
        clock: returns seconds.
        sleep: waits for some seconds between two attempts.

    Returns:
        One problem for each address that did not answer.
    """
    deadline, unanswered = clock() + seconds, dict(addresses)
    while True:
        errors = {name: _connection_error(address) for name, address in unanswered.items()}
        unanswered = {name: unanswered[name] for name, error in errors.items() if error}
        if not unanswered or clock() >= deadline:
            break
        sleep(_RETRY_SECONDS)
    return [
        f"{name} did not answer at {address} within {seconds:g} s ({errors[name]}). Was it started, does it listen on "
        "that port, and does the network let this machine connect to it?"
        for name, address in unanswered.items()
    ]


def answers(address: str) -> bool:
    """Returns whether a process listens at an address."""
    return _connection_error(address) is None


@contextlib.contextmanager
def reserve(count: int) -> Iterator[list[str]]:
    """Reserves free ports of this machine. Only processes with REUSE_PORT in their environment can listen on them.

    TensorFlow's server cannot listen on the loopback interface alone: while it runs, its port is open on all interfaces.

    Yields:
        `count` addresses on the loopback interface.
    """
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for reserved in sockets:
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            reserved.bind(("", 0))  # it does not listen, so it takes no connection away from the server
        yield [f"{LOOPBACK}:{reserved.getsockname()[1]}" for reserved in sockets]


def _connection_error(address: str) -> OSError | None:
    try:
        with socket.create_connection(_split(address), timeout=_CONNECT_SECONDS):
            return None
    except OSError as error:  # includes socket.gaierror and timeouts
        return error


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
