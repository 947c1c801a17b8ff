"""The embedded NiFi: it comes up, is reached from this machine alone, and goes without a trace."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from nifi.distribution.launch import find, healthy, start, stop
from nifi.distribution.process import members
from nifi.errors import AlreadyRunningError, PortInUseError
from nifi.releases.processor_types import read_service_types, read_types
from nifi.releases.rules import ATTRIBUTES
from tests.start_cost import noted_cost

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(1500)]


def listening_addresses(pids: list[int]) -> set[str]:
    """Local addresses of the TCP sockets on which these processes listen, out of /proc, as hexadecimal."""
    inodes = set()
    for descriptor in (each for pid in pids for each in Path(f"/proc/{pid}").glob("fd/*")):
        with contextlib.suppress(FileNotFoundError):  # a file that is open one moment is closed the next
            target = str(descriptor.readlink())
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    rows = [row.split() for table in ("tcp", "tcp6") for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}


def test_it_is_up_healthy_and_known_to_its_home(nifi):
    assert healthy(nifi)
    assert find(nifi.home) == nifi
    assert httpx.get(f"{nifi.api}/flow/about", trust_env=False, timeout=60).json()["about"]["version"] == "2.3.0"


def test_a_start_costs_less_cpu_than_twenty_seconds_of_two_cores(nifi):
    log = (nifi.home / "nifi" / "logs" / "nifi-app.log").read_text("utf-8")
    assert "Started Application in" in log
    assert noted_cost(nifi.home) < 40


def test_it_listens_on_loopback_alone(nifi):
    addresses = listening_addresses(members(nifi.pid))
    loopback = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
    assert addresses
    assert addresses <= loopback


def test_starting_it_twice_says_that_it_runs(nifi):
    with pytest.raises(AlreadyRunningError, match=f"pid {nifi.pid}"):
        start(nifi.home)


def test_the_captured_processor_types_are_those_of_this_nifi(nifi, deployed):
    """Two properties of the lint rest on this: no property is misspelt, no relationship dangles."""
    with httpx.Client(base_url=nifi.api, timeout=60, trust_env=False) as client:
        for type_ in read_types().values():
            body = {"revision": {"version": 0}, "component": {"type": type_.type, "bundle": type_.bundle}}
            made = client.post("/process-groups/root/processors", json=body).json()
            try:
                component = made["component"]
                while "Initializing" in str(component.get("validationErrors")):
                    component = client.get(f"/processors/{made['id']}").json()["component"]
                descriptors = component["config"]["descriptors"]
                assert set(descriptors) == set(type_.properties), type_.name
                assert {name for name in descriptors if descriptors[name].get("sensitive")} == {
                    name for name, property_ in type_.properties.items() if property_.sensitive
                }
                assert {entry["name"] for entry in component["relationships"]} == type_.relationships, type_.name
            finally:
                version = client.get(f"/processors/{made['id']}").json()["revision"]["version"]
                client.delete(f"/processors/{made['id']}", params={"version": version})


def test_the_captured_service_types_are_those_of_this_nifi(nifi):
    with httpx.Client(base_url=nifi.api, timeout=60, trust_env=False) as client:
        for type_ in read_service_types().values():
            body = {"revision": {"version": 0}, "component": {"type": type_.type, "bundle": type_.bundle}}
            made = client.post("/process-groups/root/controller-services", json=body).json()
            try:
                descriptors = made["component"]["descriptors"]
                assert {
                    name: (found.get("defaultValue"), found.get("sensitive")) for name, found in descriptors.items()
                } == {name: (property_.default, property_.sensitive) for name, property_ in type_.properties.items()}
            finally:
                version = made["revision"]["version"]
                client.delete(f"/controller-services/{made['id']}", params={"version": version})


def test_provenance_can_be_searched_by_our_attributes(nifi):
    options = httpx.get(f"{nifi.api}/provenance/search-options", trust_env=False, timeout=60).json()
    fields = {field["id"] for field in options["provenanceOptions"]["searchableFields"]}
    assert {"delivery.id", "shipment.id", "package.sha256"} <= fields & ATTRIBUTES


def test_down_leaves_no_process_even_after_a_power_cut_of_the_jvm(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PortInUseError):
            start(tmp_path, port=taken.getsockname()[1])
    running = start(tmp_path)
    try:
        assert members(running.pid)
        os.kill(running.pid, signal.SIGKILL)
        while running.alive:
            pass
        assert find(tmp_path) is None
    finally:
        stop(tmp_path)
    assert members(running.pid) == []


def test_the_command_says_whether_it_runs_by_its_exit_code(nifi, tmp_path):
    command = [sys.executable, "-m", "sluice", "nifi", "status", "--json", "--home"]
    here = subprocess.run([*command, str(nifi.home)], capture_output=True, text=True, check=False)
    there = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (here.returncode, json.loads(here.stdout)["pid"]) == (0, nifi.pid)
    assert (there.returncode, json.loads(there.stdout)["running"]) == (1, False)
