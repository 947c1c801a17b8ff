"""A delivery from its announcement to its receipt, without NiFi and with everything else."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

from pydicom.uid import generate_uid

from handoff.contract.evidence import Evidence
from handoff.contract.shipment import Manifest
from tests.unit.delivery.trusted_home import TrustedHome, ct, reference

TWO_PROJECTS = """
version: 1
rules:
  - name: both
    ship:
      - {destination: one, project: lung}
      - {destination: two, project: heart}
"""


def series(count: int, **changes: object) -> list:
    study, number = generate_uid(), generate_uid()
    return [ct(study, number, **changes) for _ in range(count)]


def test_a_delivery_arrives_whole_under_its_receipt_and_its_evidence_closes(home: TrustedHome) -> None:
    delivery = home.seal(series(5))
    home.end()
    announcer = home.announcer()

    first = announcer.next(0)
    assert (first.id, first.kind, first.n) == (delivery, "delivery", 1)
    [sent] = home.deliver(reference(first))

    second = announcer.next(0)
    assert second.kind == "evidence"
    [message] = home.route(reference(second))
    said = Evidence.model_validate_json(Path(message["package.path"]).read_bytes())
    assert [(s.id, s.delivered, s.withheld) for s in said.shipments] == [(sent["shipment.id"], 5, 0)]
    assert said.accounted() == said.total == 5
    assert home.confirm(message, home.handoff.accept(message, "lung")).relationship == "success"
    assert home.rows("SELECT state, due_at FROM deliveries") == [("terminal", None)]
    assert home.rows("SELECT state, due_at FROM evidence") == [("confirmed", None), ("confirmed", None)]
    assert announcer.next(0) is None


def test_a_package_keeps_the_contract_and_shows_nothing_of_the_original(home: TrustedHome) -> None:
    slices = series(3)
    home.seal(slices)
    [entry] = home.route(reference(home.announcer().next(0)))
    sent = home.treat(entry)

    with zipfile.ZipFile(sent["package.path"]) as package:
        assert package.testzip() is None
        manifest = Manifest.model_validate_json(package.read("manifest.json"))
        assert [info.filename for info in package.infolist()] == [
            *(instance.member for instance in manifest.instances),
            "manifest.json",
        ]
        content = b"".join(package.read(info) for info in package.infolist())
    assert [instance.sop_instance_uid for instance in manifest.instances] == sorted(
        instance.sop_instance_uid for instance in manifest.instances
    )
    for original in (
        "Testperson",
        "HOSP-4711",
        slices[0].StudyInstanceUID,
        slices[0].SOPInstanceUID,
        "FRONTDOOR",
        "SCANNER9",
    ):
        assert original.encode() not in content
    assert {"flow_release", "rules_digest"} <= manifest.treatment.keys()


def test_a_package_says_which_revision_each_instance_is_so_that_the_highest_wins(home: TrustedHome) -> None:
    home.seal(series(2), revision=3)
    [entry] = home.route(reference(home.announcer().next(0)))
    with zipfile.ZipFile(home.treat(entry)["package.path"]) as package:
        manifest = Manifest.model_validate_json(package.read("manifest.json"))
    assert [instance.revision for instance in manifest.instances] == [3, 3]


def test_the_vault_finds_the_original_of_every_instance_that_was_sent(home: TrustedHome) -> None:
    slices = series(2)
    home.seal(slices)
    [entry] = home.route(reference(home.announcer().next(0)))
    with zipfile.ZipFile(home.treat(entry)["package.path"]) as package:
        manifest = Manifest.model_validate_json(package.read("manifest.json"))
    found = {home.place.vault.original_of("lung", each.sop_instance_uid) for each in manifest.instances}
    assert found == {each.SOPInstanceUID for each in slices}


def test_one_bad_slice_is_withheld_and_the_rest_goes_on(home: TrustedHome) -> None:
    slices = series(40)
    slices[17].NumberOfFrames = 2
    home.seal(slices)
    home.end()
    announcer = home.announcer()
    [sent] = home.deliver(reference(announcer.next(0)))

    with zipfile.ZipFile(sent["package.path"]) as package:
        manifest = Manifest.model_validate_json(package.read("manifest.json"))
    assert len(manifest.instances) == 39
    assert sum(manifest.withheld.values()) == 1
    [message] = home.route(reference(announcer.next(0)))
    said = Evidence.model_validate_json(Path(message["package.path"]).read_bytes())
    assert (said.shipments[0].delivered, said.shipments[0].withheld, said.total) == (39, 1, 40)


def test_a_delivery_that_is_withheld_whole_ends_in_quarantine_and_its_evidence_says_so(home: TrustedHome) -> None:
    home.seal(series(3, NumberOfFrames=2))
    home.end()
    announcer = home.announcer()
    [entry] = home.route(reference(announcer.next(0)))

    from processors.delivery.flowfile import Reference
    from processors.delivery.treat import treat

    assert treat(home.place, Reference.read(entry), home.pool).relationship == "quarantine"
    assert home.rows("SELECT state, passed, withheld FROM shipments") == [("quarantined", 0, 3)]
    assert home.rows("SELECT state FROM deliveries") == [("terminal",)]
    [message] = home.route(reference(announcer.next(0)))
    said = Evidence.model_validate_json(Path(message["package.path"]).read_bytes())
    assert (said.shipments[0].delivered, said.shipments[0].withheld, said.total) == (0, 3, 3)


def test_two_projects_get_two_packages_with_different_pseudonyms_and_retention_waits_for_both(
    make_home: Callable[..., TrustedHome],
) -> None:
    home = make_home(rules=TWO_PROJECTS, site="retention: {originals_days: 0, packages: until-confirmed}")
    delivery = home.seal(series(2))
    folder = home.place.delivery_folder(delivery)
    entries = [home.treat(entry) for entry in home.route(reference(home.announcer().next(0)))]
    manifests = []
    for entry in entries:
        with zipfile.ZipFile(entry["package.path"]) as package:
            manifests.append(Manifest.model_validate_json(package.read("manifest.json")))

    assert [manifest.project for manifest in manifests] == ["lung", "heart"]
    assert manifests[0].patient != manifests[1].patient
    assert manifests[0].study_instance_uid != manifests[1].study_instance_uid
    home.confirm(entries[0], home.handoff.accept(entries[0], "lung"))
    assert not Path(entries[0]["package.path"]).exists()
    assert len(list(folder.glob("*.dcm"))) == 2
    home.confirm(entries[1], home.handoff.accept(entries[1], "heart"))
    assert not list(folder.glob("*.dcm"))
    assert (folder / "delivery.json").exists()


def test_nothing_that_goes_into_nifi_names_a_patient_or_an_original(home: TrustedHome) -> None:
    slices = series(2, StudyDescription="Thorax of Erika")
    home.seal(slices)
    home.end()
    announcer = home.announcer()
    announced = announcer.next(0)
    [routed] = home.route(reference(announced))
    treated = home.treat(routed)
    home.confirm(treated, home.handoff.accept(treated, "lung"))
    [message] = home.route(reference(announcer.next(0)))
    said = json.dumps([announced.attributes(), routed, treated, message])
    body = Path(message["package.path"]).read_text()
    for original in ("Testperson", "Erika", "HOSP", slices[0].StudyInstanceUID, slices[0].SOPInstanceUID, "SCANNER9"):
        assert original not in said
        assert original not in body
