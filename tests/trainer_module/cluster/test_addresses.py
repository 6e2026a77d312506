"""Addresses of a cluster: which are valid, which are the same, which answer, which are free."""

import socket

import pytest

from trainer_module.cluster import addresses


@pytest.mark.parametrize("address", ["a:1", "host.example:65535", "127.0.0.1:2222", "[fe80::1]:2222", "localhost:1"])
def test_an_address_is_a_host_and_a_port(address):
    assert addresses.why_malformed(address) is None


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("a", "the port is missing"),
        (":1", "the host is missing"),
        ("a b:1", "contains a space"),
        ("grpc://a:1", "leave out the protocol"),
        ("0.0.0.0:1", "other processes cannot connect to that host"),
        ("[::]:1", "other processes cannot connect to that host"),
        ("a:0", '"0" is not a port'),
        ("a:65536", '"65536" is not a port'),
        ("a:http", '"http" is not a port'),
        ("a:", '"" is not a port'),
    ],
)
def test_any_other_text_is_answered_with_what_is_wrong(address, why):
    assert why in addresses.why_malformed(address)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Host:1", "host:1", True),
        ("host.:1", "host:1", True),
        ("localhost:1", "127.0.0.1:1", True),
        ("localhost:1", "[::1]:01", True),
        ("10.0.0.1:1", "10.0.0.2:1", False),
        ("host:1", "host:2", False),
        ("host:1", "host.example:1", False),
    ],
)
def test_two_spellings_may_be_one_address(one, other, same):
    assert (addresses.canonical(one) == addresses.canonical(other)) is same


def test_an_unknown_host_is_named():
    assert addresses.find_unknown_hosts({"worker-0": "127.0.0.1:1", "chief-0": "localhost:1"}) == []
    [problem] = addresses.find_unknown_hosts({"ps-0": "no-such-host.invalid:2222"})
    assert problem.startswith(
        "ps-0 has the address no-such-host.invalid:2222, but this machine does not find the host no-such-host.invalid."
    )


def test_processes_that_do_not_answer_in_time_are_named():
    now = [0.0]

    def sleep(seconds):
        now[0] += seconds

    with addresses.reserve(2) as (silent, other):
        problems = addresses.find_unanswered({"ps-0": silent, "ps-1": other}, 3, clock=lambda: now[0], sleep=sleep)
    assert [p.split(" (")[0] for p in problems] == [
        f"ps-0 did not answer at {silent} within 3 s",
        f"ps-1 did not answer at {other} within 3 s",
    ]
    assert 3 <= now[0] < 4


def test_a_process_that_answers_late_is_waited_for():
    with addresses.reserve(1) as [address]:
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        server.bind(("127.0.0.1", int(address.split(":")[1])))
        problems = addresses.find_unanswered({"ps-0": address}, 3, clock=lambda: 0.0, sleep=lambda _: server.listen())
        assert (problems, addresses.answers(address)) == ([], True)
        server.close()


def test_reserved_addresses_differ_and_others_cannot_bind_them():
    with addresses.reserve(3) as free:
        assert len(set(free)) == 3
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", int(free[0].split(":")[1])))
