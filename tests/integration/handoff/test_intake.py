"""Deliveries: durable under one receipt, or refused with a reason and nothing stored."""

import base64
import hashlib
import http.client
import struct
import subprocess
import sys
import zipfile

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from handoff.contract.canonical import canonical_json
from handoff.contract.receipt import SignedReceipt
from handoff.contract.shipment import MANIFEST_MEMBER
from tests.integration.handoff.packages import Package, element, evidence_for, make_zip, new_id, new_uid, part10
from tests.integration.handoff.running import running, wait_complete

pytestmark = pytest.mark.integration


def refused(answer, status: int, code: str) -> dict:
    """The answer is a problem with a remedy."""
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["remedy"]
    assert problem["type"] == f"urn:sluice:problem:{code}"
    return problem


def test_a_shipment_is_taken_once_and_its_receipt_is_the_same_for_ever(service):
    package = Package.of(3)
    first = service.put(f"/v1/shipments/{package.id}", package.body())
    again = service.put(f"/v1/shipments/{package.id}", package.body())
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.content == again.content
    assert len(first.content) < 4096


def test_the_receipt_names_what_was_sent_and_verifies_under_the_printed_key(service):
    package = Package.of(1)
    signed = SignedReceipt.model_validate_json(service.put(f"/v1/shipments/{package.id}", package.body()).content)
    body = package.body()
    receipt = signed.receipt
    assert (receipt.id, receipt.sha256, receipt.size) == (package.id, hashlib.sha256(body).hexdigest(), len(body))
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(service.ready["receipt_public_key"]))
    key.verify(base64.b64decode(signed.signature), receipt.signed_bytes())


def test_other_bytes_under_a_known_id_are_a_conflict_and_change_nothing(service):
    package = Package.of(1)
    first = service.put(f"/v1/shipments/{package.id}", package.body())
    other = Package.of(1, id=package.id)
    refused(service.put(f"/v1/shipments/{package.id}", other.body()), 409, "shipment-differs")
    assert service.put(f"/v1/shipments/{package.id}", package.body()).content == first.content


def test_a_body_with_another_digest_than_announced_is_refused(service):
    package, before = Package.of(1), service.stored()
    answer = service.put(f"/v1/shipments/{package.id}", package.body(), **{"Sluice-SHA256": "0" * 64})
    refused(answer, 422, "body-digest")
    assert service.stored() == before


@pytest.mark.parametrize("header", ["", "none", "0" * 63])
def test_a_body_without_a_digest_is_refused(service, header):
    package = Package.of(1)
    answer = service.put(f"/v1/shipments/{package.id}", package.body(), **{"Sluice-SHA256": header})
    refused(answer, 422, "digest-missing")


@pytest.mark.parametrize("authorization", ["", "Bearer nonsense", "Basic abc", "Bearer"])
def test_an_unknown_token_delivers_nothing(service, authorization):
    package, before = Package.of(1), service.stored()
    answer = service.put(f"/v1/shipments/{package.id}", package.body(), Authorization=authorization)
    refused(answer, 401, "unauthorized")
    assert service.stored() == before


def test_the_intake_token_delivers_and_lists_shipments_and_nothing_else(service):
    assert service.get("/v1/shipments", token="token").status_code == 200
    assert service.get("/v1/results", token="token").status_code == 200
    refused(service.get("/v1/studies", token="token"), 403, "forbidden")


def test_the_api_token_does_not_deliver(service):
    token = (service.home / "research" / "api-token").read_text().strip()
    package = Package.of(1)
    answer = service.put(f"/v1/shipments/{package.id}", package.body(), Authorization=f"Bearer {token}")
    refused(answer, 403, "forbidden")


@pytest.mark.parametrize("identifier", ["zq", "A" * 32, "..%2f..%2fetc", "a" * 33])
def test_an_id_that_could_be_a_path_is_not_understood(service, identifier):
    answer = service.put(f"/v1/shipments/{identifier}", b"x")
    assert answer.status_code in {404, 422}
    assert identifier not in answer.text


def spoilt() -> dict[str, tuple[str, bytes, str]]:
    """Name: (shipment id, body, code). Each spoils one thing of a good package."""
    cases: dict[str, tuple[str, bytes, str]] = {}

    def add(name: str, code: str, package: Package, body: bytes | None = None) -> None:
        cases[name] = (package.id, package.body() if body is None else body, code)

    add("no zip", "zip-invalid", Package.of(1), b"x" * 100)
    add("empty", "zip-invalid", Package.of(1), b"")
    add("truncated", "zip-invalid", cut := Package.of(1), cut.body()[:-30])
    add("deflated", "zip-compressed", deflated := Package.of(1), deflated.body(zipfile.ZIP_DEFLATED))
    bomb = Package.of(1)
    bomb.members["instances/1.2.dcm"] = bytes(50_000_000)
    add("deflated bomb", "zip-compressed", bomb, bomb.body(zipfile.ZIP_DEFLATED))
    missing = Package.of(2)
    del missing.members[f"instances/{missing.uids[0]}.dcm"]
    add("member missing", "members-differ", missing)
    for name, extra in {
        "extra member": "instances/1.2.3.dcm",
        "upward path": "../../../../tmp/evil.dcm",
        "absolute path": "/tmp/evil.dcm",
        "backslash path": "instances\\..\\evil.dcm",
    }.items():
        package = Package.of(1)
        package.members[extra] = part10(element(b"x"))
        add(name, "members-differ", package)
    no_manifest = Package.of(1)
    add("no manifest", "manifest-missing", no_manifest, make_zip(no_manifest.members))
    broken = Package.of(1)
    add("broken manifest", "manifest-invalid", broken, make_zip({**broken.members, MANIFEST_MEMBER: b"{}"}))
    leaking = Package.of(1)
    manifest = {**leaking.manifest.plain(), "received_at": "2026-01-01T00:00:00Z"}
    text = canonical_json(manifest)
    add("manifest with a time", "manifest-invalid", leaking, make_zip({**leaking.members, MANIFEST_MEMBER: text}))
    other = Package.of(1)
    cases["manifest of another shipment"] = (new_id(), other.body(), "manifest-other-shipment")
    changed = Package.of(1)
    member = f"instances/{changed.uids[0]}.dcm"
    changed.members[member] = changed.members[member][:-1] + b"\x00"
    add("changed data set", "member-digest", changed)
    longer = Package.of(1)
    longer.members[f"instances/{longer.uids[0]}.dcm"] += b"\x00"
    add("longer member", "member-size", longer)
    text_file = Package.of(1)
    member = f"instances/{text_file.uids[0]}.dcm"
    text_file.members[member] = b"x" * len(text_file.members[member])
    add("no DICOM", "member-not-dicom", text_file)
    add("wrong checksum", "member-checksum", crc := Package.of(1), with_wrong_checksum(crc))
    add("overlapping members", "zip-overlap", overlap := Package.of(2), with_overlap(overlap))
    add("directory elsewhere", "zip-overlap", moved := Package.of(1), with_directory_elsewhere(moved))
    for name, facts in {
        "absurd count": {"withheld": {"x": 2**64}},
        "small absurd count": {"withheld": {"x": 2**31}},
    }.items():
        package = Package.of(1)
        text = canonical_json({**package.manifest.plain(), **facts})
        add(name, "manifest-invalid", package, make_zip({**package.members, MANIFEST_MEMBER: text}))
    add("absurd revision", "manifest-invalid", revised := Package.of(1), with_absurd_revision(revised))
    add("trailing bytes", "zip-invalid", trailing := Package.of(1), trailing.body() + b"PHI")
    return cases


def with_wrong_checksum(package: Package) -> bytes:
    """The CRC-32 of the first directory entry and of its local header, spoilt."""
    body = bytearray(package.body())
    directory = body.index(b"PK\x01\x02")
    body[directory + 16] ^= 0xFF
    body[14] ^= 0xFF
    return bytes(body)


def with_directory_elsewhere(package: Package) -> bytes:
    """The end record says that the directory lies behind the file, so every member would lie before its begin."""
    body = bytearray(package.body())
    end = body.rindex(b"PK\x05\x06")
    (offset,) = struct.unpack_from("<L", body, end + 16)
    struct.pack_into("<L", body, end + 16, offset + 5000)
    return bytes(body)


def with_absurd_revision(package: Package) -> bytes:
    """A manifest whose revision fits no database."""
    manifest = package.manifest.plain()
    manifest["instances"][0]["revision"] = 2**64
    return make_zip({**package.members, MANIFEST_MEMBER: canonical_json(manifest)})


def with_overlap(package: Package) -> bytes:
    """Two directory entries that name one local header; names are made equal in length and patched."""
    body = bytearray(package.body())
    first = body.index(b"PK\x01\x02")
    second = body.index(b"PK\x01\x02", first + 4)
    (offset,) = struct.unpack_from("<L", body, first + 42)
    length = struct.unpack_from("<H", body, first + 28)[0]
    struct.pack_into("<L", body, second + 42, offset)
    body[second + 46 : second + 46 + length] = body[first + 46 : first + 46 + length]
    return bytes(body)


SPOILT = spoilt()


@pytest.mark.parametrize("case", SPOILT, ids=list(SPOILT))
def test_a_package_that_disagrees_with_itself_is_refused_and_nothing_stays(service, case):
    identifier, body, code = SPOILT[case]
    before = service.stored()
    problem = refused(service.put(f"/v1/shipments/{identifier}", body), 422, code)
    assert service.stored() == before
    assert "evil" not in str(problem)
    assert all(shipment.id != identifier for shipment in service.client.shipments())


def test_a_package_that_was_refused_may_be_sent_right_under_the_same_id(service):
    package = Package.of(1)
    assert service.put(f"/v1/shipments/{package.id}", b"x" * 50).status_code == 422
    assert service.put(f"/v1/shipments/{package.id}", package.body()).status_code == 201


def test_a_study_of_two_patients_is_refused(service):
    study = new_uid()
    first, second = Package.of(1, study=study), Package.of(1, study=study, patient="P0002")
    assert service.put(f"/v1/shipments/{first.id}", first.body()).status_code == 201
    before = service.stored()
    refused(service.put(f"/v1/shipments/{second.id}", second.body()), 422, "study-of-two-patients")
    assert service.stored() == before


def test_an_oversized_body_is_refused_with_an_answer_that_arrives(tmp_path):
    with running(tmp_path, settings={"max_package_bytes": 100_000}) as service:
        package = Package.of(1, size=500_000)
        refused(service.put(f"/v1/shipments/{package.id}", package.body()), 413, "too-large")
        assert service.stored() == []


def test_a_body_of_unknown_length_is_refused_where_it_passes_the_limit(tmp_path):
    with running(tmp_path, settings={"max_package_bytes": 100_000}) as service:
        token = (service.home / "research" / "token").read_text().strip()
        connection = http.client.HTTPConnection("127.0.0.1", service.ready["port"])
        headers = {"Authorization": f"Bearer {token}", "Sluice-SHA256": "0" * 64}
        chunks = (bytes(10_000) for _ in range(15))
        connection.request("PUT", f"/v1/shipments/{new_id()}", body=chunks, headers=headers, encode_chunked=True)
        assert connection.getresponse().status == 413
        connection.close()
        assert service.stored() == []


def test_evidence_is_taken_once_and_conflicts_when_it_differs(service):
    package = Package.of(1)
    evidence = evidence_for(package)
    path = f"/v1/evidence/{evidence.evidence_id}"
    first = service.put(path, canonical_json(evidence))
    again = service.put(path, canonical_json(evidence))
    assert (first.status_code, again.status_code, first.content == again.content) == (201, 200, True)
    other = evidence.model_copy(update={"duplicates": 1})
    refused(service.put(path, canonical_json(other)), 409, "evidence-differs")


def test_bad_evidence_is_refused(service):
    evidence = evidence_for(Package.of(1))
    path = f"/v1/evidence/{evidence.evidence_id}"
    refused(service.put(path, b"{}"), 422, "evidence-invalid")
    refused(service.put(path, b"x" * 30_000), 413, "too-large")
    refused(service.put(f"/v1/evidence/{new_id()}", canonical_json(evidence)), 422, "evidence-other-id")
    refused(service.put(path, canonical_json(evidence), **{"Sluice-SHA256": "0" * 64}), 422, "body-digest")


def test_evidence_before_its_shipments_closes_the_study_when_they_arrive(service):
    one, two = Package.of(2, withheld={"pixels-unchecked": 1}), Package.of(1)
    two.study = one.study
    evidence = evidence_for(one, two, duplicates=1)
    service.put(f"/v1/evidence/{evidence.evidence_id}", canonical_json(evidence))
    service.put(f"/v1/shipments/{one.id}", one.body())
    found = {study.study: study for study in service.client.studies(state="open")}
    assert one.study in found
    service.put(f"/v1/shipments/{two.id}", two.body())
    wait_complete(service, one.study)
    study = next(study for study in service.client.studies() if study.study == one.study)
    assert (study.instances, study.shipments, study.version) == (3, 2, 1)
    assert study.closed_by["rule"] == "released-and-quiet"


def test_late_instances_make_the_next_version_and_equal_ones_do_not(service):
    first = Package.of(1)
    service.deliver(first)
    wait_complete(service, first.study)
    late = Package.of(1, study=first.study)
    service.deliver(late)
    wait_complete(service, first.study, version=2)
    same = Package(first.instances, first.members, study=first.study)
    service.deliver(same)
    wait_complete(service, first.study, version=2)


def test_lists_are_paged_by_a_cursor_without_gaps(service):
    packages = [Package.of(1, project="paged") for _ in range(5)]
    for package in packages:
        service.put(f"/v1/shipments/{package.id}", package.body())
    seen, after = [], ""
    while after is not None:
        page = service.get(f"/v1/shipments?project=paged&limit=2{f'&after={after}' if after else ''}").json()
        seen += [item["id"] for item in page["items"]]
        after = page["next"]
    assert seen == sorted(package.id for package in packages)


def test_what_is_refused_leaves_no_value_of_the_request_in_answer_or_log(service):
    answer = service.put("/v1/shipments/Mueller%5EHans", b"Mueller^Hans")
    assert "Mueller" not in answer.text
    posted = service.client._http.post("/v1/batches", json={"project": "Mueller^Hans"}, headers=service.client._api)
    refused(posted, 422, "not-understood")
    assert "Mueller" not in posted.text
    assert "Mueller" not in (service.home / "service.log").read_text()


def test_health_and_metrics_tell_the_truth(service):
    assert service.get("/healthz").json()["ok"] is True
    ready = service.get("/readyz").json()
    assert {ready[part] for part in ("database", "schema", "store", "disk", "closer")} == {"ok"}
    assert (ready["ok"], ready["missing"]) == (True, ["worker:local"])  # nobody works here, and deliveries are taken
    text = service.get("/metrics").text
    assert "sluice_shipments " in text
    assert 'route="/v1/shipments/{shipment_id}",status="201"' in text


def test_the_service_ends_cleanly_on_sigterm_and_keeps_its_secrets_private(tmp_path):
    with running(tmp_path) as service:
        for name in ("token", "api-token", "keys/receipt.key"):
            assert (tmp_path / "research" / name).stat().st_mode & 0o777 == 0o600
        assert service.stop() == 0


def test_a_port_in_use_is_one_line_with_cause_and_remedy(service, tmp_path):
    command = [sys.executable, "-c", "import sys; from sluice.cli import main; main(sys.argv[1:])"]
    command += ["handoff", "serve", "--home", str(tmp_path), "--port", str(service.ready["port"]), "--no-worker"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "cannot be listened on" in done.stderr
    assert "--port" in done.stderr
