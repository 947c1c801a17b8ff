"""A port that is named now and bound seconds later must not be given to a client in the meantime."""

import socket
from pathlib import Path

from nifi.distribution.ports import unused_port


def test_no_client_is_given_such_a_port():
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(unused_port() < first for _ in range(50))


def test_a_port_that_is_taken_is_not_named(monkeypatch):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", unused_port()))
        taken = holder.getsockname()[1]
        offered = iter([taken, taken, unused_port()])
        monkeypatch.setattr("random.choice", lambda _: next(offered))
        assert unused_port() != taken
