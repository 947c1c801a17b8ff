"""Invariant 4: PHI never enters NiFi: not its repositories, attributes, bulletins, flow archives nor logs.

The search first proves itself: a canary is sent through a real processor of the same NiFi, so that it lies in the
content repository, the FlowFile repository, provenance and the log, and it must be found in each of them.
"""

import gzip
import time
import warnings
from itertools import pairwise
from pathlib import Path

import httpx
import pydicom
import pytest

from nifi import nar
from nifi.distribution import launch
from sluice.demo.sweep import sweep
from tests.builders import write_ct_series
from tests.waiting import wait_for
from tests.whole_path import WholePath, push

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(1500)]

CANARY = "Kanarienvogel"
TWO_PROJECTS = """
version: 1
rules:
  - name: to both
    ship:
      - {destination: research, project: lung}
      - {destination: research, project: heart}
"""
CALLING_AE = "CTNORTH7734"
PLACES = ("content", "flowfile", "provenance")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A whole path through which two series went, one of them with a slice that makes the de-identifier stumble."""
    folder = tmp_path_factory.mktemp("phi")
    with WholePath(folder / "home", rules=TWO_PROJECTS) as path:
        path.up(nar.build())
        files = write_ct_series(folder / "good", slices=12, patient="MRN-7734-51")
        odd = write_ct_series(folder / "odd", slices=3, patient="MRN-7734-51")
        for file in odd:
            # No valid date: pydicom would warn about it, and quote it.
            file.write_bytes(file.read_bytes().replace(b"19510203", b"1951-ODD"))
        push(path.dicom_port, [*files, *odd], folder / "list", CALLING_AE).finish()
        path.settle(15)
        assert path.handed_off("lung"), "nothing went through, so nothing was tested"
        path.values = [*identifying_values([*files, *odd]), CALLING_AE]
        yield path


def identifying_values(files: list[Path]) -> list[str]:
    """What names a person, an order or an object: whole values, and the parts of names."""
    found: set[str] = set()
    for file in files:
        with warnings.catch_warnings(action="ignore"):
            dataset = pydicom.dcmread(file, stop_before_pixels=True)
            found.add(str(dataset.PatientBirthDate))
        found.update(str(dataset.PatientName).split("^"), str(dataset.ReferringPhysicianName).split("^"))
        found.update(
            str(dataset[keyword].value)
            for keyword in (
                "PatientID", "AccessionNumber", "SOPInstanceUID", "StudyInstanceUID",
                "SeriesInstanceUID", "StudyDate",
            )
        )  # fmt: skip
    return sorted(value for value in found if len(value) >= 5)


def rest(path: WholePath) -> httpx.Client:
    running = launch.find(path.home)
    assert running is not None
    return httpx.Client(base_url=running.api, timeout=60, trust_env=False)


def post(client: httpx.Client, url: str, component: dict) -> dict:
    answer = client.post(url, json={"revision": {"version": 0}, "component": component})
    assert answer.status_code == 201, answer.text
    return answer.json()


def send_canary(client: httpx.Client) -> None:
    """One FlowFile whose content and attribute are the canary, logged, and then kept in a queue."""
    root = client.get("/flow/process-groups/root").json()["processGroupFlow"]["id"]
    group = post(client, f"/process-groups/{root}/process-groups", {"name": "canary", "position": {"x": 0, "y": 2000}})
    base = f"/process-groups/{group['id']}"
    standard = "org.apache.nifi.processors.standard."
    made = []
    for number, (kind, config) in enumerate(
        [
            (
                "GenerateFlowFile",
                {
                    "properties": {"generate-ff-custom-text": f"content of {CANARY}", "reason": CANARY},
                    "schedulingPeriod": "1 day",
                },
            ),
            ("LogAttribute", {"properties": {"Log Payload": "true"}}),
            ("LogAttribute", {"autoTerminatedRelationships": ["success"]}),
        ]
    ):
        made.append(
            post(
                client,
                f"{base}/processors",
                {"type": standard + kind, "position": {"x": 400.0 * number, "y": 0}, "config": config},
            )
        )
    ids = [one["id"] for one in made]
    for source, target in pairwise(ids):
        end = {"groupId": group["id"], "type": "PROCESSOR"}
        post(
            client,
            f"{base}/connections",
            {
                "source": {"id": source, **end},
                "destination": {"id": target, **end},
                "selectedRelationships": ["success"],
            },
        )
    for one in made[:2]:
        run = {"revision": client.get(f"/processors/{one['id']}").json()["revision"], "state": "RUNNING"}
        assert client.put(f"/processors/{one['id']}/run-status", json=run).status_code == 200
    wait_for(lambda: queued_after(client, ids[1]), 180, lambda: "the canary did not fly")


def queued_after(client: httpx.Client, processor: str) -> bool:
    """Whether a processor has passed something on."""
    status = client.get(f"/flow/processors/{processor}/status").json()["processorStatus"]["aggregateSnapshot"]
    return status["flowFilesOut"] >= 1


def found_by_lucene(client: httpx.Client, field: str, value: str) -> int:
    """How many provenance events NiFi's own index has for an attribute's value."""
    request = {"searchTerms": {field: {"value": value, "inverse": False}}, "maxResults": 100, "summarize": False}
    query = client.post("/provenance", json={"provenance": {"request": request}}).json()["provenance"]
    try:
        deadline = time.monotonic() + 180
        while not (query := client.get(f"/provenance/{query['id']}").json()["provenance"])["finished"]:
            assert time.monotonic() < deadline
    finally:
        client.delete(f"/provenance/{query['id']}")
    return len(query["results"]["provenanceEvents"])


def test_the_search_finds_a_canary_in_each_repository_in_the_log_and_in_lucene(whole):
    nifi = launch.instance_folder(whole.home)
    with rest(whole) as client:
        send_canary(client)
        wait_for(lambda: found_by_lucene(client, "reason", CANARY), 180, lambda: "provenance never indexed the canary")
    for place in PLACES:
        result = sweep([nifi / "repositories" / place], [CANARY])
        assert result.hits, f"the canary in the {place} repository was not found"
    assert sweep([nifi / "logs"], [CANARY]).hits, "the canary in the log was not found"


def test_no_identifying_value_of_what_went_through_is_in_nifis_files(whole):
    nifi = launch.instance_folder(whole.home)
    result = sweep([nifi], whole.values)
    assert result.files > 20
    assert result.clean, [hit.file.relative_to(nifi) for hit in result.hits]


def test_no_identifying_value_is_in_an_indexed_attribute_a_bulletin_or_a_rolled_log(whole):
    with rest(whole) as client:
        for field in client.get("/provenance/search-options").json()["provenanceOptions"]["searchableFields"]:
            for value in whole.values:
                assert found_by_lucene(client, field["id"], value) == 0, field["id"]
        bulletins = client.get("/flow/bulletin-board").text
    assert not [value for value in whole.values if value in bulletins]
    for rolled in launch.instance_folder(whole.home).rglob("logs/*.gz"):
        assert not [value for value in whole.values if value.encode() in gzip.decompress(rolled.read_bytes())]


def test_the_attributes_of_every_flowfile_that_nifi_remembers_are_in_the_closed_list(whole):
    allowed = {
        "delivery.id", "delivery.n", "kind", "destination", "shipment.id", "package.path", "package.sha256",
        "package.size", "reason", "receipt", "uuid", "filename", "path", "mime.type", "RouteOnAttribute.Route",
    }  # fmt: skip
    families = ("fragment.", "segment.", "invokehttp.", "retryCount.")
    with rest(whole) as client:
        events = client.post(
            "/provenance", json={"provenance": {"request": {"maxResults": 1000, "summarize": False}}}
        ).json()["provenance"]
        wait_for(
            lambda: client.get(f"/provenance/{events['id']}").json()["provenance"]["finished"], 180, lambda: "no answer"
        )
        found = client.get(f"/provenance/{events['id']}").json()["provenance"]["results"]["provenanceEvents"]
        client.delete(f"/provenance/{events['id']}")
        names: set[str] = set()
        for event in found:
            if "canary" in event.get("componentName", "") or event["componentType"] in {
                "GenerateFlowFile",
                "LogAttribute",
            }:
                continue
            detail = client.get(f"/provenance-events/{event['eventId']}").json()["provenanceEvent"]
            names.update(attribute["name"] for attribute in detail.get("attributes", ()))
    assert names
    assert {name for name in names if name not in allowed and not name.startswith(families)} == set()


def test_each_of_two_projects_gets_every_instance_once_under_pseudonyms_of_its_own(whole):
    lung, heart = whole.handed_off("lung"), whole.handed_off("heart")
    assert lung == heart
    assert len(lung) >= 12
    assert set(lung.values()) == {1}
    assert not (whole.pseudonyms("lung") & whole.pseudonyms("heart"))
    witnesses = whole.reconcile()
    assert witnesses.returncode == 0, witnesses.stdout
