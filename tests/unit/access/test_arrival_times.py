"""No route tells the research side when something came: who knew that would know by how many days dates were moved.

Every GET route of the API's document is asked, with everything that has a time of arrival in the database. A route that
is new here fails until its parameters are known to this test.
"""

import json
import re

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from handoff.api.openapi import FILE
from handoff.database.tables import (
    AuditRecord,
    Batch,
    Handoff,
    LabelDocument,
    LineageEvent,
    PipelineVersion,
    RuleFiring,
    StudyVersion,
)
from tests.generated_lineage import BATCH, PIPELINE, SECRET_TIME, TRAIN, fill, shipment_id, study_uid
from tests.unit.access.asking import ask, made

LABELS, TOLD = "e" * 32, 1.5
PROVENANCE = {"shipments": [], "studies": {}, "treatments": []}
FORMED = {"patients": {"train": 2}, "unresolved_references": 0, "left_out": [], "provenance": PROVENANCE}
ARRIVED = re.compile(rf"{int(SECRET_TIME)}|{re.escape(SECRET_TIME.hex())}|2009-02-13|13 Feb 2009")
"""A time of arrival, however it is written: seconds, a cursor, ISO 8601, HTTP."""
PARAMETERS = {
    "handoff_id": TRAIN,
    "batch_id": BATCH,
    "labels_id": LABELS,
    "object_id": "9" * 32,
    "withdrawal_id": "4" * 32,
    "promotion_id": "5" * 32,
    "model": "unet:1",
    "project": "lungs",
    "study": study_uid(1),
    "rule": "each",
    "sha256": "d" * 64,
    "path": "model.pt",
    "identifier": study_uid(1),
    "way": "down",
    "pipeline": "unet",
    "version": PIPELINE,
}
NAMES = {"/v1/projects/{name}": "lungs", "/v1/models/{name}": "unet", "/v1/targets/{name}": "local"}
QUERIES = {"/v1/trace/{identifier}/{way}": "?kind=batch"}


def routes() -> list[str]:
    paths = json.loads(FILE.read_text("utf-8"))["paths"]
    return [path for path, verbs in paths.items() if "get" in verbs]


def filled(path: str) -> str:
    name = next((value for prefix, value in NAMES.items() if path.startswith(prefix)), "")
    return re.sub(r"\{(\w+)(:path)?\}", lambda found: (PARAMETERS | {"name": name})[found[1]], path)


@pytest.fixture(scope="module", autouse=True)
def arrived(service):
    """Two studies that came at a known moment, and what came of them at others."""
    with service.database.write() as session:
        fill(session, studies=2, instances=1)
        for row in (Handoff, Batch):
            session.execute(update(row).values(created_at=TOLD))
        session.execute(update(Batch).values(facts=FORMED))
        session.execute(update(Handoff).values(sent_at=TOLD, ended_at=TOLD))
        session.execute(update(PipelineVersion).values(registered_at=TOLD))
        signed = {"sha256": "d" * 64, "size": 1, "receipt": {}, "received_at": SECRET_TIME}
        session.add(LabelDocument(id=LABELS, project="lungs", source="x", revision=1, rows=0, **signed))
        closed = {"content": "c" * 64, "instances": 1, "closed_by": {}, "closed_at": SECRET_TIME}
        session.add(StudyVersion(study_id=1, version=1, **closed))
        firing = {"project": "lungs", "rule": "each", "state": "counted", "at": SECRET_TIME, "due_at": SECRET_TIME}
        session.add(RuleFiring(occasion=f"study:{study_uid(1)}:1", **firing))
        session.add(RuleFiring(occasion="at:2026-01-01", **firing | {"at": TOLD}))
        act = {"principal": "intake", "role": "intake", "status": 201, "at": SECRET_TIME}
        session.add(AuditRecord(action="put_shipment", subject=shipment_id(1), **act))
        session.add(AuditRecord(action="close_study", subject=f"lungs/{study_uid(1)}", **act))
        facts = {"facts": {"project": "lungs"}}
        session.add(LineageEvent(event="shipment-arrived", subject=f"shipment:{shipment_id(1)}", **facts))
        session.add(LineageEvent(event="study-complete", subject=f"study:{study_uid(1)}", **facts))
        session.add(LineageEvent(event="handoff-submitted", subject=f"handoff:{TRAIN}", **facts))


@pytest.fixture(scope="module")
def tokens(service):
    """Who may see, and does not operate; and somebody who does."""
    return {role: made(service, f"an-{role}", role)[1] for role in ("ml-engineer", "auditor", "operator", "admin")}


@pytest.mark.parametrize("role", ["ml-engineer", "auditor"])
@pytest.mark.parametrize("path", routes())
def test_no_route_of_research_tells_when_something_came(service, tokens, role, path):
    with capture_logs():
        for query in {QUERIES.get(path, ""), QUERIES.get(path, "?") + "&limit=2"}:
            answer = ask(service, "GET", filled(path) + query, tokens[role])
            assert answer.status_code in {200, 204, 401, 403, 404, 409, 410} or path == "/readyz", answer.text
            assert not ARRIVED.search(answer.text + str(answer.headers)), answer.text


def items(service, token, path):
    return ask(service, "GET", path, token).json()["items"]


def test_whoever_operates_is_told(service, tokens):
    """So there is something to tell."""
    firings = items(service, tokens["operator"], "/v1/rules/lungs/each/firings")
    assert SECRET_TIME in [each["at"] for each in firings]
    told = items(service, tokens["admin"], "/v1/audit")
    assert {"put_shipment", "close_study"} <= {each["action"] for each in told if each["at"] == SECRET_TIME}
    events = {each["event"] for each in items(service, tokens["operator"], "/v1/lineage")}
    assert events == {"shipment-arrived", "study-complete", "handoff-submitted"}


def test_what_is_not_of_an_arrival_keeps_its_time(service, tokens):
    firings = items(service, tokens["ml-engineer"], "/v1/rules/lungs/each/firings")
    assert sorted((each["occasion"].partition(":")[0], each["at"]) for each in firings) == [
        ("at", TOLD),
        ("study", None),
    ]
    assert items(service, tokens["ml-engineer"], "/v1/handoffs?limit=5")[0]["created_at"] == TOLD


def test_runs_do_not_bracket_what_came_between_them(service, tokens):
    """A log that had arrivals beside runs would tell when by the times of the runs."""
    events = {each["event"] for each in items(service, tokens["ml-engineer"], "/v1/lineage")}
    assert events == {"handoff-submitted"}
    acts = {each["action"] for each in items(service, tokens["auditor"], "/v1/audit?limit=1000")}
    assert not acts & {"put_shipment", "close_study"}
