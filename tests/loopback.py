"""Ports of loopback for tests."""

from nifi.distribution.ports import unused_port


def free_port() -> int:
    """A port of loopback that nobody has, and that no client is given before a server binds it."""
    return unused_port()
