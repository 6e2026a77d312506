"""Addresses of the processes of a cluster: whether they can be right, whether somebody answers, which ones are free here."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import time
from collections.abc import Callable, Iterator, Mapping

_CONNECT_SECONDS = 1.0
_LOOK_EVERY_SECONDS = 0.5

LOOPBACK = "127.0.0.1"
# A TensorFlow server that finds this in its environment shares its port with the socket that keeps it free.
SHARING = {"TF_GRPC_REUSE_PORT": "true"}


def malformed(address: str) -> str | None:
    """Returns why a text is no address, None if it is one."""
    host, colon, port = address.rpartition(":")
    if "://" in address:
        return 'leave out the protocol, write "host:port"'
    if not colon:
        return 'the port is missing, write "host:port"'
    if not host or any(c.isspace() for c in address):
        return 'the host is missing or has a space in it, write "host:port"'
    if host.strip("[]") in ("0.0.0.0", "::"):
        return "nobody can call that host; write the name by which the others reach it"
    if not port.isdecimal() or not 0 < int(port) < 65536:
        return f'"{port}" is not a port, a number from 1 to 65535'
    return None


def canonical(address: str) -> str:
    """Returns one text for all ways to write an address: in upper or lower case, by any name of this machine for itself."""
    host, port = _split(address)
    host = host.lower().rstrip(".")
    with contextlib.suppress(ValueError):  # a name
        number = ipaddress.ip_address(host)
        host = "localhost" if number.is_loopback else str(number)
    return f"{host}:{port}"


def unknown(addresses: Mapping[str, str]) -> list[str]:
    """Returns what is wrong with the hosts of addresses (of whom -> address): those whose name has no address."""
    return [
        f"{name} is to be at {address}, but the host {_split(address)[0]} is not known here. Is the name right, and can "
        "this machine look it up?"
        for name, address in addresses.items()
        if isinstance(_called(address), socket.gaierror)
    ]


def unanswered(
    addresses: Mapping[str, str],
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> list[str]:
    """Calls addresses (of whom -> address) until all have answered.

    Args:
        addresses: to call.
        seconds: that long at most.
        clock: in seconds.
        sleep: between two attempts.

    Returns:
        What is wrong with those that have not answered.
    """
    until, missing = clock() + seconds, dict(addresses)
    while True:
        errors = {name: _called(address) for name, address in missing.items()}
        missing = {name: missing[name] for name, error in errors.items() if error}
        if not missing or clock() >= until:
            break
        sleep(_LOOK_EVERY_SECONDS)
    return [
        f"{name} has not answered at {address} within {seconds:g} s ({errors[name]}). Was it started, does it listen on "
        "that port, and does the network let this machine through?"
        for name, address in missing.items()
    ]


def answers(address: str) -> bool:
    """Whether somebody listens at an address."""
    return _called(address) is None


@contextlib.contextmanager
def kept_free(count: int) -> Iterator[list[str]]:
    """Finds free ports of this machine and keeps them from everyone but the processes that have SHARING in their environment.

    TensorFlow's server has no way to listen on the loopback interface alone: while it runs, the port is open on all of them.
    """
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            one.bind(("", 0))  # bound, but it does not listen: it takes no call away from the server
        yield [f"{LOOPBACK}:{one.getsockname()[1]}" for one in sockets]


def _called(address: str) -> OSError | None:
    """Returns why nobody answers, None if somebody does."""
    try:
        with socket.create_connection(_split(address), timeout=_CONNECT_SECONDS):
            return None
    except OSError as error:  # includes socket.gaierror and timeouts
        return error


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
