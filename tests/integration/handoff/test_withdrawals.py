"""A withdrawal through the running service, and a batch that is pulled from it."""

import base64
import json
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from handoff.client import ProblemError
from handoff.contract.withdrawal import SignedCertificate
from handoff.schemas.batches import BatchRequest
from tests.integration.handoff.packages import Package, new_id
from tests.integration.handoff.running import annotated_study, batch_of, hand_off, wait_complete
from tests.waiting import wait_for

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def service(working):
    """One service for all of these: two homes cannot share a database with one key."""
    return working


def withdraw(service, *packages: Package, project: str = "lungs"):
    body = {"project": project, "shipments": [package.id for package in packages], "reason": "consent-withdrawn"}
    return service.client._post("/v1/withdrawals", body)


def ended(service, withdrawal: str) -> SignedCertificate:
    """The certificate, awaited."""
    path = f"/v1/withdrawals/{withdrawal}/certificate"
    wait_for(lambda: service.get(path).status_code == 200, 120)
    return SignedCertificate.model_validate_json(service.get(path).content)


def test_a_withdrawal_ends_what_runs_purges_every_copy_and_is_certified(working):
    images = annotated_study(working, patient="P-goes")
    batch = batch_of(working, {"studies": [images.study]})
    run = hand_off(working, batch, spoil="held")
    wait_for(lambda: working.client.handoff(run.id).state == "RUNNING", 120)
    packages = [shipment.id for shipment in working.client.shipments() if shipment.study == images.study]
    body = {"project": "lungs", "shipments": packages, "reason": "consent-withdrawn"}
    answer = working.client._post("/v1/withdrawals", body)
    assert answer.status_code == 201, answer.text
    withdrawal = answer.json()["id"]
    signed = ended(working, withdrawal)
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(working.ready["receipt_public_key"]))
    key.verify(base64.b64decode(signed.signature), signed.certificate.signed_bytes())
    said = signed.certificate
    assert (said.batches, said.handoffs_ended, said.remains) == ((batch,), (run.id,), ())
    assert sorted(copy.kind for copy in said.purged) == ["batch", "package", "package", "result", "run"]
    assert working.client.handoff(run.id).state == "CANCELED"
    assert not (working.home / "research" / "runs" / run.key).exists()
    with pytest.raises(ProblemError, match="batch-withdrawn"):
        hand_off(working, batch, spec="two")
    again = working.client._post("/v1/withdrawals", body)
    assert (again.status_code, again.json()["id"]) == (200, withdrawal)
    listed = working.get("/v1/withdrawals").json()["items"]
    assert [(item["id"], item["state"], item["shipments"]) for item in listed] == [(withdrawal, "purged", 2)]


def test_a_withdrawn_shipment_is_gone_for_ever_also_before_it_came(service):
    here, never = Package.of(1), Package.of(1)
    service.deliver(here)
    assert withdraw(service, here, never).status_code == 201
    for package in (here, never):
        answer = service.put(f"/v1/shipments/{package.id}", package.body())
        assert (answer.status_code, answer.json()["code"]) == (410, "withdrawn")


def test_a_withdrawal_beside_an_upload_of_the_same_shipment_leaves_it_purged_or_refused(service):
    """Whichever was first, the package is not there in the end."""
    packages = [Package.of(2, size=1 << 18) for _ in range(6)]
    answers = {}

    def send(package: Package) -> None:
        answers[package.id] = service.put(f"/v1/shipments/{package.id}", package.body()).status_code

    senders = [threading.Thread(target=send, args=(package,)) for package in packages]
    for sender in senders:
        sender.start()
    withdrawal = withdraw(service, *packages).json()["id"]
    for sender in senders:
        sender.join()
    assert set(answers.values()) <= {201, 410}
    ended(service, withdrawal)
    digests = {shipment.sha256 for shipment in service.client.shipments() if shipment.id in answers}
    assert not [file for file in service.stored() if file.stem in digests]


def test_a_withdrawal_of_what_another_project_has_is_not_there(service):
    other = Package.of(1, project="livers")
    service.deliver(other)
    assert withdraw(service, other).status_code == 404
    assert withdraw(service, other, project="livers").status_code == 201
    assert service.get(f"/v1/withdrawals/{new_id()}").status_code == 404


@pytest.fixture(scope="module")
def pulled(service, tmp_path_factory):
    """A batch of two patients, its packages large enough to be fetched in parts."""
    packages = [Package.of(3, size=1 << 19, patient=patient, project="pulls") for patient in ("P1", "P2")]
    for package in packages:
        service.deliver(package)
        wait_complete(service, package.study)
    batch = service.client.form_batch(BatchRequest(project="pulls", select="all"))
    return batch, packages, tmp_path_factory.mktemp("pulled")


def test_a_batch_comes_to_a_folder_with_every_digest_compared(service, pulled):
    batch, packages, folder = pulled
    lines = service.client.pull_batch(batch.id, folder)
    local = [json.loads(line) for line in lines.read_text().splitlines()]
    assert len(local) == 6
    for line in local:
        assert line["package"].startswith(folder.resolve().as_uri())
    assert len(list((folder / "packages").glob("*.zip"))) == len(packages)
    described = json.loads((folder / "croissant.json").read_text())
    assert described["identifier"] == batch.id


def test_a_pull_that_broke_off_goes_on_and_one_that_was_spoilt_begins_anew(service, pulled, tmp_path):
    batch, *_ = pulled
    whole = {shipment.sha256: None for shipment in service.client.shipments(project="pulls")}
    bodies = {name: service.get(f"/v1/batches/{batch.id}/packages/{name}").content for name in whole}
    first, second = sorted(whole)
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / f"{first}.zip.part").write_bytes(bodies[first][:1000])
    (folder / f"{second}.zip.part").write_bytes(b"spoilt" + bodies[second][6:2000])
    service.client.pull_batch(batch.id, tmp_path)
    assert {file.stem: file.read_bytes() for file in folder.iterdir()} == bodies


def test_a_download_goes_on_at_the_byte_that_was_asked_for(service, pulled):
    batch, *_ = pulled
    path = f"/v1/batches/{batch.id}/lines"
    headers = service.client._api
    whole = service.client._http.get(path, headers=headers)
    rest = service.client._http.get(path, headers={**headers, "Range": "bytes=100-"})
    assert (rest.status_code, rest.content) == (206, whole.content[100:])
    assert rest.headers["Content-Range"] == f"bytes 100-{len(whole.content) - 1}/{len(whole.content)}"
    beyond = service.client._http.get(path, headers={**headers, "Range": f"bytes={len(whole.content)}-"})
    assert beyond.status_code == 416


def test_who_pulled_a_batch_is_asked_to_delete_it_when_it_is_withdrawn(service, pulled, tmp_path):
    batch, packages, _ = pulled
    service.client.pull_batch(batch.id, tmp_path)
    said = ended(service, withdraw(service, packages[0], project="pulls").json()["id"]).certificate
    ((kind, reason, ends),) = {(copy.kind, copy.reason, copy.expires_on) for copy in said.remains}
    assert (kind, reason) == ("download", "downloaded")
    assert (ends - said.ended_on).days in {29, 30}
    with pytest.raises(ProblemError) as gone:
        service.client.pull_batch(batch.id, tmp_path)
    assert (gone.value.status, gone.value.code) == (410, "batch-withdrawn")


def test_a_prepared_batch_comes_with_its_volumes_and_lines_that_name_them_here(service, tmp_path):
    images = annotated_study(service, patient="P-prepared")
    batch = batch_of(service, {"studies": [images.study]})
    run = service.client.wait(hand_off(service, batch).id)
    assert run.state == "SUCCEEDED", run.reason
    lines = service.client.pull_batch(batch, tmp_path, prepared_by=run.id)
    volumes = [line for line in map(json.loads, lines.read_text().splitlines()) if line["kind"] == "volume"]
    assert len(volumes) == 1
    folder = Path(volumes[0]["uri"].removeprefix("file://"))
    assert (folder / "zarr.json").read_text() == volumes[0]["series"]
