"""A failed start is told in one line with its cause."""

import socket

import pytest

from nifi.distribution.failure import cause
from nifi.distribution.service import free_ports, start_error
from nifi.errors import PortInUseError

OLD = "2026-01-01 10:00:00,000 ERROR [main] org.apache.nifi.Old Yesterday's trouble\n"
APP = """2026-01-02 10:00:00,000 INFO [main] org.apache.nifi.NiFi Starting
2026-01-02 10:00:01,000 ERROR [main] org.apache.nifi.web.server.JettyServer Failed to start web server
java.lang.RuntimeException: wrapped
\tat org.apache.nifi.X.y(X.java:1)
Caused by: java.net.BindException: Address already in use
"""


@pytest.fixture
def instance(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "nifi-app.log").write_text(OLD)
    return tmp_path


def test_the_root_cause_of_this_start_is_what_counts(instance):
    with (instance / "logs" / "nifi-app.log").open("a") as log:
        log.write(APP)
    assert cause(instance, len(OLD)) == "java.net.BindException: Address already in use"


def test_without_a_root_cause_it_is_the_last_error_without_its_clockwork(instance):
    assert cause(instance) == "Yesterday's trouble"


def test_a_jvm_that_cannot_begin_is_quoted_by_its_first_line(instance):
    (instance / "logs" / "nifi-out.log").write_text("Error: Unrecognized VM option 'x'\nError: A fatal exception.\n")
    assert cause(instance, len(OLD)) == "Error: Unrecognized VM option 'x'"


def test_silence_is_said_too(instance):
    assert cause(instance, len(OLD)) == "NiFi said nothing"


def test_a_taken_port_is_named_before_java_starts():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortInUseError, match=f"Port {port} on 127.0.0.1 cannot be used"):
            free_ports(port)


def test_a_port_that_was_lost_in_a_race_is_named_from_the_log():
    error = start_error("NiFi ended while starting: java.net.BindException: Address already in use.")
    assert isinstance(error, PortInUseError)
