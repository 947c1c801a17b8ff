"""Whoever is limited to a project learns nothing of another one, by any route there is.

Each route of the API's document is asked about things of the project `hearts`, by principals of `lungs`. Things have
ids that say so, and no answer may repeat what was not asked with. A route that is new here fails until its parameters
are known to this test.
"""

import json
import re

import httpx
import pytest
from structlog.testing import capture_logs

from handoff.access.principal import Principal
from handoff.api.openapi import FILE
from handoff.database.tables import (
    Alias,
    Batch,
    BatchInstance,
    Event,
    EvidenceMessage,
    Handoff,
    Instance,
    LabelDocument,
    LineageEvent,
    ModelVersion,
    PipelineVersion,
    Promotion,
    ResultFileRow,
    Shipment,
    Study,
    StudyVersion,
    Withdrawal,
)
from handoff.errors import RunError
from handoff.handoffs.accept import HandoffAcceptance
from handoff.handoffs.decide import decide
from handoff.schemas.handoffs import HandoffRequest
from handoff.settings import Settings
from handoff.store.store import batch_path, package_path
from tests.unit.access.asking import ask, home_token, made

SECRET = "hearts"
IDS = {
    name: f"{number:x}" * 32
    for number, name in enumerate(("shipment", "handoff", "labels", "withdrawal", "promotion"), 1)
}
IDS |= {"object": "9" * 32, "evidence": "8" * 32, "batch": "7" * 64, "key": "6" * 64, "package": "d" * 64}
STUDY, INSTANCE, SERIES, PATIENT, MODEL = (
    "1.22.333.4444",
    "1.22.333.5555",
    "1.22.333.6666",
    "PATIENT-OF-HEARTS",
    "ecg-net",
)
OPEN_STUDY = "1.22.333.7777"
PARAMETERS = {
    "handoff_id": IDS["handoff"],
    "batch_id": IDS["batch"],
    "shipment_id": IDS["shipment"],
    "evidence_id": IDS["evidence"],
    "labels_id": IDS["labels"],
    "object_id": IDS["object"],
    "withdrawal_id": IDS["withdrawal"],
    "promotion_id": IDS["promotion"],
    "model": f"{MODEL}:1",
    "model_id": f"{MODEL}:1",
    "alias": "champion",
    "project": SECRET,
    "study": STUDY,
    "rule": "each",
    "sha256": IDS["package"],
    "package": IDS["package"],
    "path": "secret.dcm",
    "identifier": IDS["handoff"],
    "way": "up",
    "token_id": "4" * 32,
    "pipeline": "shared",
    "version": "c" * 64,
}
NAMES = {"/v1/projects/{name}": SECRET, "/v1/models/{name}": MODEL, "/v1/targets/{name}": "local"}
SHARED = {"/v1/me", "/v1/pipelines", "/v1/pipelines/{pipeline}", "/v1/pipelines/{version}/yaml"}
SHARED |= {"/v1/targets", "/v1/targets/{name}", "/v1/targets/{name}:probe"}
"""Of no project: pipelines and targets are everybody's."""
OWN = {"/v1/tokens"}
"""Lists that have something for these principals, whatever else is asked for."""
PROVENANCE = {"shipments": [], "studies": {}, "treatments": []}
FORMED = {"patients": {"train": 1}, "unresolved_references": 0, "left_out": [], "provenance": PROVENANCE}
KNOWN = [*IDS.values(), STUDY, OPEN_STUDY, INSTANCE, SERIES, PATIENT, MODEL, SECRET]


def routes() -> list[tuple[str, str]]:
    paths = json.loads(FILE.read_text("utf-8"))["paths"]
    return [(verb.upper(), path) for path, verbs in paths.items() for verb in verbs if path.startswith("/v1/")]


def filled(path: str) -> str:
    name = next((value for prefix, value in NAMES.items() if path.startswith(prefix)), None)
    values = PARAMETERS | ({"name": name} if name else {})
    return re.sub(r"\{(\w+)(:path)?\}", lambda found: values[found[1]], path)


@pytest.fixture(scope="module", autouse=True)
def hearts(service):
    """A whole line of another project: from a shipment to a promotion, and a withdrawal."""
    with service.database.write() as session:
        session.add(
            PipelineVersion(
                id="c" * 64, name="shared", yaml_digest="c" * 64, code_digest="c" * 64, inputs={}, registered_at=0.0
            )
        )
        study = Study(
            project=SECRET, study_uid=STUDY, patient=PATIENT, state="complete", version=1, last_arrival_at=0.0
        )
        waiting = Study(project=SECRET, study_uid=OPEN_STUDY, patient=PATIENT, last_arrival_at=0.0)
        facts = {"file_sha256": "", "test_percent": 25, "instances": 1, "annotations": 0, "created_at": 0.0}
        session.add_all([study, waiting, Batch(id=IDS["batch"], project=SECRET, facts=FORMED, **facts)])
        session.flush()
        session.add(StudyVersion(study_id=study.id, version=1, content="", instances=1, closed_by={}, closed_at=0.0))
        signed = {"sha256": IDS["package"], "size": 1, "receipt": {}, "received_at": 0.0}
        counted = {"delivered": 1, "withheld": 0, "withheld_by": {}, "treatment": {}}
        of_study = {"study_id": study.id, "patient": PATIENT, "series_uid": SERIES, "modality": "CT"}
        session.add(Shipment(id=IDS["shipment"], project=SECRET, **of_study, **counted, **signed))
        session.add(EvidenceMessage(id=IDS["evidence"], study_id=study.id, body={}, **signed))
        session.add(LabelDocument(id=IDS["labels"], project=SECRET, source="x", revision="1", rows=0, **signed))
        session.flush()
        image = {
            "sop_class_uid": "1",
            "digest": "c" * 64,
            "size": 1,
            "revision": 1,
            "annotation": False,
            "references": [],
        }
        instance = Instance(shipment_id=IDS["shipment"], study_id=study.id, sop_instance_uid=INSTANCE, **image)
        session.add(instance)
        session.flush()
        session.add(BatchInstance(batch_id=IDS["batch"], instance_id=instance.id))
        decided = {"kind": "train", "project": SECRET, "batch_id": IDS["batch"], "target": "local", "parameters": {}}
        ended = {"state": "SUCCEEDED", "spec_digest": "c" * 64, "pipeline_id": "c" * 64, "created_at": 0.0}
        session.add(Handoff(id=IDS["handoff"], key=IDS["key"], **decided, **ended))
        session.flush()
        session.add(Event(handoff_id=IDS["handoff"], at=0.0, event="SUCCEEDED"))
        file = {
            "path": "secret.dcm",
            "sha256": "c" * 64,
            "size": 1,
            "role": "segmentation",
            "media_type": "application/dicom",
        }
        session.add(ResultFileRow(handoff_id=IDS["handoff"], object_id=IDS["object"], **file))
        weights = {"name": MODEL, "version": 1, "project": SECRET, "spec_digest": "c" * 64, "path": "m", "metrics": {}}
        session.add(ModelVersion(id=f"{MODEL}:1", handoff_id=IDS["handoff"], created_at=0.0, **weights))
        session.flush()
        wish = {
            "model": MODEL,
            "alias": "champion",
            "model_id": f"{MODEL}:1",
            "gate": {"second_person": False, "findings": []},
            "reason": "x",
            "asked_at": 0.0,
        }
        session.add(Promotion(id=IDS["promotion"], state="waiting", asked_by="x", **wish))
        session.add(Alias(model=MODEL, alias="champion", model_id=f"{MODEL}:1", set_by="x", set_at=0.0))
        asked = {"reason": "consent", "asked_by": "x", "asked_at": 0.0, "state": "purging"}
        session.add(Withdrawal(id=IDS["withdrawal"], project=SECRET, **asked))
        session.add(LineageEvent(event="handoff", subject=f"handoff:{IDS['handoff']}", facts={"project": SECRET}))
    service.store.files.write(batch_path(IDS["batch"]), [PATIENT.encode()])
    service.store.files.write(package_path(IDS["package"]), [PATIENT.encode()])
    service.store.result(IDS["key"]).write("secret.dcm", [PATIENT.encode()])


@pytest.fixture(autouse=True)
def _quiet():
    """No traceback of a bug is drawn, which takes longer than all of this."""
    with capture_logs():
        yield


@pytest.fixture(scope="module")
def limited(service):
    """Two roles that together have every permission but that of runs; both of lungs alone."""
    roles = ("intake", "admin")
    return [made(service, f"lungs-{role}", role, ["lungs"])[1] for role in roles]


def bodies(method: str) -> list[dict[str, object]]:
    """What may be asked with: nothing, or a wish that names things of the other project."""
    if method in {"GET", "DELETE"}:
        return [{}]
    wish = {"project": SECRET, "batch": IDS["batch"], "kind": "infer", "pipeline": "shared", "model": f"{MODEL}:1"}
    named = {"shipments": [IDS["shipment"]], "reason": "consent", "select": "annotated", "name": "x", "version": 1}
    return [
        {"json": {}},
        {"json": wish},
        {"json": named | {"project": SECRET}},
        {"json": {"reason": "because it is so"}},
    ]


@pytest.mark.parametrize(("method", "path"), routes())
def test_no_route_tells_of_another_project(service, limited, method, path):
    url = filled(path)
    for token in limited:
        for content in bodies(method):
            answer = ask(service, method, url, token, **content)
            assert answer.status_code < 500, answer.text
            if path in SHARED:
                assert not any(word in answer.text for word in KNOWN), answer.text
            elif "{" in path:
                assert answer.status_code in {401, 403, 404, 405, 422}, (answer.status_code, answer.text)
            told = answer.text
            for given in (*url.split("/"), *re.findall(r"[\w.-]+", json.dumps(content))):
                told = told.replace(given, "") if len(given) > 3 else told
            assert not any(word in told for word in KNOWN), answer.text


UNKNOWN = {"study": "1.0.0.0", "model": "none:1", "model_id": "none:1", "project": "nothing", "identifier": "0" * 32}
UNKNOWN |= {name: "0" * len(value) for name, value in PARAMETERS.items() if re.fullmatch(r"[0-9a-f]{32,64}", value)}
NOWHERE = {**{value: UNKNOWN[name] for name, value in PARAMETERS.items() if name in UNKNOWN}, MODEL: "none"}
DIFFERS = {"date", "x-request-id", "traceparent"}
"""Headers that are of the request, not of the answer."""


def as_nobody(content: dict[str, object]) -> dict[str, object]:
    """The same wish, naming what is nowhere."""
    text = json.dumps(content)
    for theirs, nobodys in sorted(NOWHERE.items(), key=lambda pair: -len(pair[0])):
        text = text.replace(theirs, nobodys)
    return json.loads(text)


@pytest.mark.parametrize(("method", "path"), [route for route in routes() if route[1] not in SHARED])
def test_what_others_have_is_answered_as_what_nobody_has(service, limited, method, path):
    """Byte by byte, with every header, or a guess of a name could be told from a hit."""
    values = PARAMETERS | UNKNOWN | {"name": "nothing"}
    nobody = re.sub(r"\{(\w+)(:path)?\}", lambda found: values[found[1]], path)
    for token in limited:
        for content in bodies(method):
            theirs = ask(service, method, filled(path), token, **content)
            nobodys = ask(service, method, nobody, token, **as_nobody(content))
            assert _told(theirs) == _told(nobodys), (content, theirs.text, nobodys.text)


def _told(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    headers = {name: value for name, value in answer.headers.items() if name not in DIFFERS}
    return answer.status_code, answer.content, headers


@pytest.mark.parametrize("query", ["project=hearts", f"batch={IDS['batch']}", f"model={MODEL}:1", f"name={MODEL}"])
@pytest.mark.parametrize(
    ("method", "path"),
    [route for route in routes() if route[0] == "GET" and "{" not in route[1] and route[1] not in OWN],
)
def test_no_list_tells_of_another_project_when_it_is_asked_for(service, limited, method, path, query):
    for token in limited:
        answer = ask(service, method, f"{path}?{query}", token)
        nobodys = ask(service, method, f"{path}?{as_nobody({'query': query})['query']}", token)
        assert _told(answer) == _told(nobodys), (answer.text, nobodys.text)
        items = answer.json().get("items", []) if answer.status_code == 200 else []
        assert items == [] or path in SHARED, answer.text


@pytest.mark.parametrize(
    "identifier", [STUDY, INSTANCE, SERIES, IDS["batch"], IDS["key"], IDS["shipment"], f"{MODEL}:1"]
)
def test_no_id_is_traced_into_another_project(service, limited, identifier):
    assert ask(service, "GET", f"/v1/trace/{identifier}", limited[1]).status_code == 404
    assert ask(service, "GET", f"/v1/trace/{identifier}", home_token(service)).status_code == 200


def test_the_walls_are_there_and_not_the_house_empty(service):
    """Who is limited to nothing sees all of it by the same routes."""
    admin = home_token(service)
    for path in (
        "studies",
        "shipments",
        "labels",
        "batches",
        "handoffs",
        "results",
        "models",
        "promotions",
        "withdrawals",
    ):
        answer = ask(service, "GET", f"/v1/{path}", admin)
        assert answer.json().get("items"), (path, answer.text)
    assert ask(service, "GET", f"/v1/handoffs/{IDS['handoff']}", admin).status_code == 200


@pytest.fixture
def lungs_batch(service):
    """A prepared batch of the project `lungs`, taken back afterwards: nothing else here expects it."""
    batch, prepare = "5" * 64, "5" * 32
    facts = {"file_sha256": "", "test_percent": 25, "instances": 1, "annotations": 0, "created_at": 0.0}
    decided = {"kind": "prepare", "project": "lungs", "batch_id": batch, "target": "local", "parameters": {}}
    ended = {"state": "SUCCEEDED", "spec_digest": "c" * 64, "pipeline_id": "9" * 64, "created_at": 0.0}
    with service.database.write() as session:
        inputs = {"model_uri": {"type": "STRING"}}
        digests = {"yaml_digest": "9" * 64, "code_digest": "9" * 64}
        session.add(PipelineVersion(id="9" * 64, name="infers", inputs=inputs, registered_at=0.0, **digests))
        session.add(Batch(id=batch, project="lungs", facts=FORMED, **facts))
        session.flush()
        session.add(Handoff(id=prepare, key="5" * 64, **decided, **ended))
    yield batch
    with service.database.write() as session:
        for table, identifier in ((Handoff, prepare), (Batch, batch), (PipelineVersion, "9" * 64)):
            session.delete(session.get_one(table, identifier))
            session.flush()


@pytest.mark.parametrize("model", [f"{MODEL}:1", f"{MODEL}@champion"])
def test_a_model_of_others_is_none_to_decide_with_by_whatever_name(service, lungs_batch, model):
    wish = HandoffRequest(kind="infer", batch=lungs_batch, target="local", pipeline="infers", model=model)
    with service.database.write() as session, pytest.raises(RunError, match="There is no such model"):
        decide(session, wish, beside=False, sees=Principal("x", "ml-engineer", frozenset({"lungs"})).sees)


@pytest.mark.parametrize("projects", [None, {"lungs", SECRET}], ids=["unlimited", "of both"])
def test_nobody_carries_a_model_into_another_project_unless_its_own_lends_it(service, lungs_batch, projects):
    wish = HandoffRequest(kind="infer", batch=lungs_batch, target="local", pipeline="infers", model=f"{MODEL}:1")
    who = Principal("x", "ml-engineer", None if projects is None else frozenset(projects))
    with service.database.write() as session:
        with pytest.raises(RunError, match="of another project, which does not lend it") as error:
            decide(session, wish, beside=False, sees=who.sees)
        assert error.value.code == "model-of-another-project"


def test_a_model_that_is_lent_is_used_by_whoever_sees_the_project_that_it_is_lent_to(service, lungs_batch):
    wish = HandoffRequest(kind="infer", batch=lungs_batch, target="local", pipeline="infers", model=f"{MODEL}:1")
    sees = Principal("x", "ml-engineer", frozenset({"lungs"})).sees
    lends = {SECRET: {"lends": {MODEL: ["lungs"], "other-net": ["brains"]}}}
    settings = Settings(home=service.settings.home, projects=lends)
    with service.database.write() as session:
        decision = HandoffAcceptance(service.database, settings).decide(session, wish, sees=sees)
    assert (decision.handoff.model_id, decision.handoff.project) == (f"{MODEL}:1", "lungs")
    assert not settings.may_use("brains", MODEL, of=SECRET)
    assert not settings.may_use("lungs", "other-net", of=SECRET)


def test_an_intake_of_one_project_delivers_to_no_other(service, limited):
    for path, document in (("evidence", {"project": SECRET}), ("labels", {"project": SECRET})):
        answer = ask(service, "PUT", f"/v1/{path}/{'0' * 32}", limited[0], json=document)
        assert answer.status_code in {403, 422}
