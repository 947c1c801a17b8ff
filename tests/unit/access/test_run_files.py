"""Files of a run: its batch and what that is made of to read, its own result to write, and nothing of anybody else."""

import hashlib
import shutil
from urllib.parse import unquote

import pytest

from handoff.access.run_tokens import RunTokens
from handoff.database.tables import (
    Batch,
    BatchInstance,
    Handoff,
    Instance,
    ModelVersion,
    PipelineVersion,
    Shipment,
    Study,
)
from handoff.errors import StartError
from handoff.store.files import Folder
from handoff.store.store import batch_path, package_path, prepared_path
from tests.unit.access.asking import ask, asked, bearer, home_token, status_of_raw

BATCH, OTHER_BATCH = "b" * 64, "c" * 64
RUN, OTHER, PREPARE, TRAIN = "1" * 32, "2" * 32, "3" * 32, "4" * 32
KEYS = {RUN: "a1" * 32, OTHER: "a2" * 32, PREPARE: "a3" * 32, TRAIN: "a4" * 32}
PACKAGE, OTHER_PACKAGE, WITHDRAWN_PACKAGE = "d" * 64, "e" * 64, "f" * 64
STORED = {
    batch_path(BATCH): b"lines",
    prepared_path(BATCH, KEYS[PREPARE]): b"prepared lines",
    batch_path(OTHER_BATCH): b"lines of others",
    package_path(PACKAGE): b"package",
    package_path(OTHER_PACKAGE): b"package of others",
    package_path(WITHDRAWN_PACKAGE): b"withdrawn package",
    "pipelines/p.yaml": b"pipeline",
}
RESULTS = {
    (PREPARE, "volumes/1/zarr.json"): b"volume",
    (TRAIN, "model.safetensors"): b"weights",
    (TRAIN, "log.txt"): b"log of others",
    (OTHER, "secret.bin"): b"result of others",
}


@pytest.fixture(scope="module")
def tokens(service):
    return RunTokens.of_home(service.database, service.home, seconds=3600)


@pytest.fixture(scope="module", autouse=True)
def surroundings(service):
    """A run that infers on a prepared batch with a model, and another project's work beside it."""
    with service.database.write() as session:
        for batch, project in ((BATCH, "lungs"), (OTHER_BATCH, "hearts")):
            facts = {"file_sha256": "", "test_percent": 25, "instances": 1, "annotations": 0, "created_at": 0.0}
            session.add(Batch(id=batch, project=project, facts={}, **facts))
        session.add(PipelineVersion(id="p", name="p", yaml_digest="", code_digest="", inputs={}, registered_at=0.0))
        session.flush()
        for handoff, kind, batch in (
            (PREPARE, "prepare", BATCH),
            (TRAIN, "train", BATCH),
            (OTHER, "train", OTHER_BATCH),
        ):
            add_handoff(session, handoff, kind, batch, state="SUCCEEDED" if handoff != OTHER else "RUNNING")
        add_handoff(session, RUN, "infer", BATCH, state="RUNNING", prepared_by=PREPARE, model_id="unet:1")
        weights = {"path": "model.safetensors", "metrics": {}, "spec_digest": "", "created_at": 0.0}
        session.add(ModelVersion(id="unet:1", name="unet", version=1, project="lungs", handoff_id=TRAIN, **weights))
        study = Study(project="lungs", study_uid="1.2", last_arrival_at=0.0)
        session.add(study)
        session.flush()
        add_instance(session, study, PACKAGE, BATCH)
        add_instance(session, study, OTHER_PACKAGE, OTHER_BATCH)
        add_instance(session, study, WITHDRAWN_PACKAGE, BATCH, withdrawn_by="9" * 32)
    for path, content in STORED.items():
        service.store.files.write(path, [content])
    for (handoff, path), content in RESULTS.items():
        service.store.result(KEYS[handoff]).write(path, [content])


def add_handoff(session, handoff, kind, batch, **facts):
    project = "lungs" if batch == BATCH else "hearts"
    known = {"project": project, "target": "local", "pipeline_id": "p", "parameters": {}, "created_at": 0.0}
    session.add(Handoff(id=handoff, key=KEYS[handoff], kind=kind, batch_id=batch, **known, **facts))
    session.flush()


def add_instance(session, study, sha256, batch, **facts):
    package = {"patient": "P", "series_uid": "1", "modality": "CT", "size": 1, "delivered": 1, "withheld": 0}
    plain = {"withheld_by": {}, "treatment": {}, "receipt": {}, "received_at": 0.0}
    shipment = Shipment(id=sha256[:32], project="lungs", study_id=study.id, sha256=sha256, **package, **plain, **facts)
    session.add(shipment)
    session.flush()
    instance = {"sop_class_uid": "1", "digest": "", "size": 1, "revision": 1, "annotation": False, "references": []}
    row = Instance(shipment_id=shipment.id, study_id=study.id, sop_instance_uid=f"1.{sha256[0]}", **instance)
    row.study_id = study.id
    session.add(row)
    session.flush()
    session.add(BatchInstance(batch_id=batch, instance_id=row.id))


def file_of(handoff: str, path: str) -> str:
    return f"/v1/runs/{handoff}/files/{path}"


def own(path: str) -> str:
    return f"results/{KEYS[RUN]}/{path}"


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (batch_path(BATCH), b"lines"),
        (prepared_path(BATCH, KEYS[PREPARE]), b"prepared lines"),
        (package_path(PACKAGE), b"package"),
        (f"results/{KEYS[PREPARE]}/volumes/1/zarr.json", b"volume"),
        (f"results/{KEYS[TRAIN]}/model.safetensors", b"weights"),
    ],
)
def test_a_run_reads_what_it_is_made_of(service, tokens, path, content):
    answer = ask(service, "GET", file_of(RUN, path), tokens.give(RUN))
    assert (answer.status_code, answer.content) == (200, content)
    head = ask(service, "HEAD", file_of(RUN, path), tokens.give(RUN))
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(content)))


@pytest.mark.parametrize(
    "path",
    [
        batch_path(OTHER_BATCH),
        package_path(OTHER_PACKAGE),
        package_path(WITHDRAWN_PACKAGE),
        f"packages/{PACKAGE[:2]}/{PACKAGE}.zip.",
        f"packages/xx/{PACKAGE}.zip",
        f"results/{KEYS[OTHER]}/secret.bin",
        f"results/{KEYS[TRAIN]}/log.txt",
        f"results/{KEYS[TRAIN]}",
        f"results/{KEYS[RUN]}",
        "results/",
        "pipelines/p.yaml",
        "incoming/x.part",
        "handoff.db",
    ],
)
def test_a_run_reads_nothing_else_whether_or_not_it_is_there(service, tokens, path):
    assert ask(service, "GET", file_of(RUN, path), tokens.give(RUN)).status_code in {404, 422}


PATHS = [
    "../handoff.db",
    "results/../../handoff.db",
    "batches/../packages/x",
    "%2e%2e/handoff.db",
    "..%2fhandoff.db",
    "%252e%252e/handoff.db",
    "/etc/passwd",
    "//etc/passwd",
    "results//x",
    "results/.hidden",
    "results/a%00b",
    "results/a\\..\\b",
    "results/ä",
    "file:///etc/passwd",
    "",
    "a" * 1025,
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_no_path_leads_out(service, tokens, method, path):
    token = tokens.give(RUN)
    for below in (path, own(path), unquote(path), own(unquote(path))):
        assert status_of_raw(service, method, file_of(RUN, below), token) in {404, 405, 422}, below
    assert not list(service.home.root.rglob("passwd"))


def test_a_run_writes_its_own_result_until_it_is_published(service, tokens):
    token, body = tokens.give(RUN), b"x" * 3_000_000
    stored = ask(service, "PUT", file_of(RUN, own("volumes/c/0/0")), token, content=body)
    assert (stored.status_code, stored.json()["sha256"]) == (201, hashlib.sha256(body).hexdigest())
    assert ask(service, "PUT", file_of(RUN, own("volumes/c/0/0")), token, content=b"again").status_code == 201
    assert ask(service, "GET", file_of(RUN, own("volumes/c/0/0")), token).content == b"again"
    assert ask(service, "PUT", file_of(RUN, own("leftover")), token, content=b"x").status_code == 201
    assert ask(service, "DELETE", file_of(RUN, own("leftover")), token).status_code == 204
    assert ask(service, "GET", file_of(RUN, own("leftover")), token).status_code == 404
    listed = ask(service, "GET", f"/v1/runs/{RUN}/files", token).json()
    assert listed["items"] == [{"path": "volumes/c/0/0", "size": 5}]
    try:
        assert ask(service, "PUT", file_of(RUN, own("result.json")), token, content=b"{}").status_code == 201
        late = [ask(service, method, file_of(RUN, own("volumes/c/0/0")), token) for method in ("PUT", "DELETE")]
        assert [(answer.status_code, answer.json()["code"]) for answer in late] == [(409, "run-published")] * 2
    finally:
        service.store.result(KEYS[RUN]).remove("result.json")


def test_a_list_of_files_lacks_none_however_its_pages_fall(service, tokens):
    token, names = tokens.give(RUN), ["v/0/1", "v-1", "v.json", "v/0.a", "w"]
    for name in names:
        assert ask(service, "PUT", file_of(RUN, own(f"listed/{name}")), token, content=b"x").status_code == 201
    found, after = [], "listed"
    while after is not None:
        page = ask(service, "GET", f"/v1/runs/{RUN}/files?limit=1&after={after}", token).json()
        found, after = found + [item["path"] for item in page["items"]], page["next"]
    for name in names:
        assert ask(service, "DELETE", file_of(RUN, own(f"listed/{name}")), token).status_code == 204
    assert [path for path in found if path.startswith("listed/")] == sorted(f"listed/{name}" for name in names)


def test_what_a_step_left_by_another_way_under_a_name_that_cannot_be_asked_for_is_not_listed(service, tokens):
    folder = service.store.result(KEYS[RUN]).local("odd")
    folder.mkdir(parents=True)
    for name in (".half", "ä", "a b", "plain"):
        (folder / name).write_bytes(b"x")
    answer = ask(service, "GET", f"/v1/runs/{RUN}/files?after=odd", tokens.give(RUN))
    shutil.rmtree(folder)
    assert answer.status_code == 200
    assert {"path": "odd/plain", "size": 1} in answer.json()["items"]
    assert not {"odd/.half", "odd/ä", "odd/a b"} & {item["path"] for item in answer.json()["items"]}


@pytest.mark.parametrize(
    "path", [batch_path(BATCH), package_path(PACKAGE), f"results/{KEYS[PREPARE]}/x", f"results/{KEYS[OTHER]}/x", "x"]
)
def test_a_run_writes_nowhere_else(service, tokens, path):
    assert ask(service, "PUT", file_of(RUN, path), tokens.give(RUN), content=b"x").status_code == 404
    assert ask(service, "DELETE", file_of(RUN, path), tokens.give(RUN)).status_code == 404
    with service.database.read():
        assert all(b"".join(service.store.files.read(path)) == content for path, content in STORED.items())


def test_a_body_of_another_digest_is_refused_and_nothing_stays(service, tokens):
    headers = {**bearer(tokens.give(RUN)), "Sluice-SHA256": "0" * 64}
    answer = asked(service, lambda client: client.put(file_of(RUN, own("bad")), content=b"x", headers=headers))
    assert (answer.status_code, answer.json()["code"]) == (422, "body-digest")
    assert ask(service, "GET", file_of(RUN, own("bad")), tokens.give(RUN)).status_code == 404
    assert not list(service.store.spool.folder.iterdir())


def test_what_is_on_record_comes_with_its_digest_and_a_broken_download_goes_on(service, tokens):
    token = tokens.give(RUN)
    package = ask(service, "GET", file_of(RUN, package_path(PACKAGE)), token)
    assert package.headers["Sluice-SHA256"] == PACKAGE
    assert "Sluice-SHA256" not in ask(service, "GET", file_of(RUN, prepared_path(BATCH, KEYS[PREPARE])), token).headers
    headers = {**bearer(token), "Range": "bytes=2-"}
    rest = asked(service, lambda client: client.get(file_of(RUN, package_path(PACKAGE)), headers=headers))
    assert (rest.status_code, rest.content, rest.headers["Content-Range"]) == (206, b"ckage", "bytes 2-6/7")


def test_a_file_that_is_stored_when_its_run_has_ended_does_not_stay(service, tokens, monkeypatch):
    """The run is called lost while the store takes the file: nothing of its result comes back."""
    token, keep = tokens.give(RUN), Folder.keep

    def keep_late(folder, body, path):
        keep(folder, body, path)
        set_facts(service, Handoff, RUN, state="LOST")

    monkeypatch.setattr(Folder, "keep", keep_late)
    try:
        answer = ask(service, "PUT", file_of(RUN, own("late")), token, content=b"x")
        assert (answer.status_code, answer.json()["code"]) == (409, "run-not-at-work")
        assert not service.store.result(KEYS[RUN]).local("late").exists()
        assert ask(service, "PUT", file_of(RUN, own("later")), token, content=b"x").status_code == 401
    finally:
        set_facts(service, Handoff, RUN, state="RUNNING")


def test_a_link_that_a_step_left_is_no_way_out(service, tokens, tmp_path):
    folder = service.store.result(KEYS[RUN]).local(".")
    folder.mkdir(parents=True, exist_ok=True)
    (tmp_path / "secret").write_text("of the machine")
    for name, target in (("out", tmp_path), ("file", tmp_path / "secret"), ("loop", folder / "loop")):
        (folder / name).symlink_to(target)
    try:
        for path in ("out/secret", "file", "loop", "loop/x"):
            token = tokens.give(RUN)
            assert ask(service, "GET", file_of(RUN, own(path)), token).status_code == 404
            assert ask(service, "PUT", file_of(RUN, own(path)), token, content=b"x").status_code == 404
        listed = ask(service, "GET", f"/v1/runs/{RUN}/files", token).json()["items"]
        assert not {"out/secret", "file", "loop"} & {item["path"] for item in listed}
        assert (tmp_path / "secret").read_text() == "of the machine"
    finally:
        for name in ("out", "file", "loop"):
            (folder / name).unlink()


@pytest.mark.parametrize("path", ["plain/below", "n" * 300, f"folder/{'n' * 300}/file"])
def test_where_no_file_can_be_none_is_written_or_removed(service, tokens, path):
    token = tokens.give(RUN)
    assert ask(service, "PUT", file_of(RUN, own("plain")), token, content=b"x").status_code == 201
    for method in ("GET", "PUT", "DELETE"):
        assert ask(service, method, file_of(RUN, own(path)), token).status_code == 404
    assert ask(service, "GET", file_of(RUN, own("plain")), token).content == b"x"


def test_a_token_is_of_one_handoff_and_for_files_alone(service, tokens):
    token = tokens.give(RUN)
    assert ask(service, "GET", file_of(OTHER, batch_path(OTHER_BATCH)), token).status_code == 404
    assert ask(service, "GET", f"/v1/runs/{OTHER}/files", token).status_code == 404
    for path in ("/v1/studies", "/v1/shipments", "/v1/results", f"/v1/handoffs/{RUN}", "/v1/tokens", "/v1/audit"):
        assert ask(service, "GET", path, token).status_code == 403
    assert ask(service, "GET", file_of(RUN, batch_path(BATCH)), home_token(service)).status_code == 403


def test_a_run_that_ended_has_no_token_any_more(service, tokens):
    token = tokens.give(RUN)
    set_facts(service, Handoff, RUN, state="CANCELED")
    try:
        assert ask(service, "GET", file_of(RUN, batch_path(BATCH)), token).status_code == 401
    finally:
        set_facts(service, Handoff, RUN, state="RUNNING")


def test_a_run_that_has_not_begun_writes_nothing(service, tokens):
    set_facts(service, Handoff, RUN, state="READY")
    try:
        answer = ask(service, "PUT", file_of(RUN, own("early")), tokens.give(RUN), content=b"x")
        assert (answer.status_code, answer.json()["code"]) == (409, "run-not-at-work")
    finally:
        set_facts(service, Handoff, RUN, state="RUNNING")


def test_a_batch_that_was_withdrawn_is_neither_read_nor_written_for(service, tokens):
    set_facts(service, Batch, BATCH, withdrawn_by="9" * 32)
    try:
        token = tokens.give(RUN)
        assert ask(service, "GET", file_of(RUN, package_path(PACKAGE)), token).status_code == 410
        assert ask(service, "PUT", file_of(RUN, own("late")), token, content=b"x").status_code == 410
    finally:
        set_facts(service, Batch, BATCH, withdrawn_by=None)


def test_the_token_of_a_handoff_is_always_the_same_and_its_time_begins_anew(service, tokens):
    again = RunTokens.of_home(service.database, service.home, seconds=0.0)
    assert again.give(RUN) == tokens.give(RUN)
    again.give(RUN)
    assert service.tokens.find(tokens._token(RUN)) is None, "its time is over"
    assert service.tokens.find(tokens.give(RUN)).handoff_id == RUN
    assert tokens.give(RUN) != tokens.give(OTHER)


def test_a_worker_of_another_home_gives_another_token_and_leaves_the_first_attempts(service, tokens):
    first = tokens.give(RUN)
    second = RunTokens(service.database, b"k" * 32, 3600).give(RUN)
    assert [service.tokens.find(token).handoff_id for token in (first, second)] == [RUN, RUN]


def test_a_key_of_the_wrong_size_is_no_key(service, tokens):
    file = service.home.receipt_key.with_name("run-tokens.key")
    kept = file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_bytes(b"short")
    try:
        with pytest.raises(StartError, match="does not hold"):
            RunTokens.of_home(service.database, service.home, seconds=1)
    finally:
        file.write_bytes(kept)


def set_facts(service, table, identifier, **facts):
    with service.database.write() as session:
        row = session.get_one(table, identifier)
        for name, value in facts.items():
            setattr(row, name, value)
