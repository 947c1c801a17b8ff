"""What does not fit is held with a reason code, and nothing is sent: an object is on the right patient or nowhere."""

from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from handoff.contract.canonical import canonical_json
from handoff.contract.returned import Acknowledgement
from ml.inference.segmentation import part10_bytes
from processors.delivery.flowfile import Reference
from processors.ledger import announcements, results
from processors.results.errors import ClaimInvalidError
from processors.results.reasons import REASONS, Reason
from processors.results.station import reidentify
from processors.vault.vault import Vault
from tests.unit.results.conftest import slices

TWO_PROJECTS = """
version: 1
rules:
  - name: to both
    ship:
      - {destination: handoff, project: lung, profile: research-default}
      - {destination: handoff, project: heart, profile: research-default}
"""


@pytest.fixture
def delivered(site):
    originals = slices(3)
    site.deliver(originals)
    return originals


def held(site, made, **changes) -> str:
    """The reason for which an object is held; nothing of it may be ready."""
    outcome, row = site.bring(made, **changes)
    assert (outcome.relationship, row.state) == ("held", "held")
    assert outcome.attributes == {"reason": row.reason}
    said = Acknowledgement.model_validate_json(outcome.contents)
    assert (said.outcome, said.reason) == ("held", row.reason)
    assert row.file is row.sop_instance_uid is row.due_at is None
    assert not list(site.home.place.layout.result(row.id).glob("returned*"))
    return row.reason


def refer(made: Dataset, uid: str, which: int = 0) -> Dataset:
    """Let one of the references name another instance."""
    made.ReferencedSeriesSequence[0].ReferencedInstanceSequence[which].ReferencedSOPInstanceUID = uid
    return made


def test_a_reference_to_what_this_site_never_made(site, delivered):
    assert held(site, refer(site.segmentation(delivered), generate_uid())) == "unknown-pseudonym"


def test_a_reference_to_an_original(site, delivered):
    made = refer(site.segmentation(delivered), delivered[0].SOPInstanceUID)
    assert held(site, made) == "unknown-pseudonym"


def test_a_reference_hidden_deep_inside(site, delivered):
    made = site.segmentation(delivered)
    groups = made.PerFrameFunctionalGroupsSequence[0]
    groups.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID = generate_uid()
    assert held(site, made) == "unknown-pseudonym"


def test_an_instance_that_was_not_delivered_to_that_run(site, delivered):
    """It is ours, and it was delivered to the project, but the run's batch does not have it."""
    assert held(site, site.segmentation(delivered), shipments=()) == "not-delivered"
    assert held(site, site.segmentation(delivered), shipments=("9" * 32,)) == "not-delivered"


def test_a_shipment_that_no_receipt_confirmed(site, delivered):
    site.home.place.ledger.execute("UPDATE shipments SET state = 'packaged'")
    assert held(site, site.segmentation(delivered)) == "not-delivered"


def test_an_instance_that_was_withheld_from_the_shipment(site, delivered):
    site.home.place.ledger.execute("UPDATE shipment_instances SET state = 'withheld'")
    assert held(site, site.segmentation(delivered)) == "not-delivered"


def test_images_of_two_studies_of_one_patient(site, delivered):
    other = slices(2)
    site.deliver(other)
    foreign = site.research(other)[0].SOPInstanceUID
    assert held(site, refer(site.segmentation(delivered), foreign)) == "two-studies"


def test_images_of_two_patients(site, delivered):
    other = slices(2, patient="HOSP-0815")
    site.deliver(other)
    foreign = site.research(other)[0].SOPInstanceUID
    assert held(site, refer(site.segmentation(delivered), foreign)) == "two-patients"


def test_an_object_that_says_it_is_of_another_study(site, delivered):
    other = slices(2)
    site.deliver(other)
    made = site.segmentation(delivered)
    made.StudyInstanceUID = site.research(other)[0].StudyInstanceUID
    assert held(site, made) == "study-of-object-disagrees"


def test_an_object_that_says_it_is_of_another_patient(site, delivered):
    made = site.segmentation(delivered)
    made.PatientID = "AAAABBBBCCCCDDDD"
    assert held(site, made) == "patient-of-object-disagrees"


def test_an_object_under_the_uid_of_an_original(site, delivered):
    made = site.segmentation(delivered)
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = delivered[1].SOPInstanceUID
    assert held(site, made) == "known-sop-instance"


def test_an_object_under_the_pseudonym_of_an_original(site, delivered):
    made = site.segmentation(delivered)
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = site.research(delivered)[1].SOPInstanceUID
    assert held(site, made) == "known-sop-instance"


def test_an_object_under_the_uid_of_one_that_went_back_before(site, delivered):
    _, row = site.bring(site.segmentation(delivered))
    made = site.segmentation(delivered)
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = row.sop_instance_uid
    assert held(site, made) == "known-sop-instance"


def test_two_objects_of_runs_under_one_uid(site, delivered):
    """The second one is held, also when it is the same object under another path; the first may be judged again."""
    made = site.segmentation(delivered)
    outcome, row = site.bring(made)
    assert (outcome.relationship, row.state) == ("success", "ready")
    assert held(site, made) == "known-sop-instance"
    site.home.place.ledger.execute("UPDATE results SET state = 'fetched', due_at = 0 WHERE id = ?", (row.id,))
    assert site.take(row.id).relationship == "success"


@pytest.mark.parametrize(("patient", "reason"), [("HOSP-0815", "two-patients"), ("HOSP-4711", "two-studies")])
def test_references_that_name_the_series_or_study_of_others(site, delivered, patient, reason):
    """Every instance that it refers to is right, and what stands around them is another study's."""
    other = slices(2, patient=patient)
    site.deliver(other)
    foreign = site.research(other)[0]
    made = site.segmentation(delivered)
    made.ReferencedSeriesSequence[0].SeriesInstanceUID = foreign.SeriesInstanceUID
    assert held(site, made) == reason
    made = site.segmentation(delivered)
    around = Dataset()
    around.StudyInstanceUID = foreign.StudyInstanceUID
    around.ReferencedSeriesSequence = list(made.ReferencedSeriesSequence)
    made.SourceImageSequence = [around]
    assert held(site, made) == reason


def test_a_frame_of_reference_of_another_patient(site, delivered):
    other, second = slices(2, patient="HOSP-0815"), slices(2)
    site.deliver(other)
    site.deliver(second)
    made = site.segmentation(delivered)
    made.FrameOfReferenceUID = site.research(other)[0].FrameOfReferenceUID
    assert held(site, made) == "two-patients"
    made = site.segmentation(delivered)
    made.FrameOfReferenceUID = site.research(second)[0].FrameOfReferenceUID
    assert site.bring(made)[1].state == "ready"  # one patient's studies may share their frame of reference


def test_what_is_deflated_is_never_inflated(site, delivered):
    made = site.segmentation(delivered)
    made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    content = part10_bytes(made)
    assert held(site, content[: len(content) // 2] + b"\xff" * 64) == "transfer-syntax-not-allowed"


def test_an_object_of_another_project(make_site):
    site = make_site(rules=TWO_PROJECTS)
    originals = slices(3)
    site.home.seal(originals)
    announcer = site.home.announcer()
    routed = site.home.route(_reference(announcer.next(0)))
    for entry, project in zip(routed, ("lung", "heart"), strict=True):
        treated = site.home.treat(entry)
        assert site.home.confirm(treated, site.home.handoff.accept(treated, project)).relationship == "success"
    announcer.close()
    of_lung = site.home.rows("SELECT id FROM shipments WHERE project = 'lung'")
    site.shipments = [str(row[0]) for row in of_lung]
    assert held(site, site.segmentation(originals, "heart")) == "mixed-project"
    everything = tuple(str(row[0]) for row in site.home.rows("SELECT id FROM shipments"))
    assert held(site, site.segmentation(originals, "lung"), shipments=everything) == "mixed-project"


def _reference(announced) -> Reference:
    return Reference.read(announced.attributes())


def test_a_kind_of_object_that_is_not_taken_back(site, delivered):
    image = site.research(delivered)[0]
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    assert held(site, part10_bytes(image)) == "class-not-allowed"


def test_an_object_without_references(site, delivered):
    made = site.segmentation(delivered)
    for keyword in ("ReferencedSeriesSequence", "SourceImageSequence"):
        if keyword in made:
            delattr(made, keyword)
    for groups in made.PerFrameFunctionalGroupsSequence:
        del groups.DerivationImageSequence
    assert held(site, made) == "no-references"


@pytest.mark.parametrize(
    "spoil",
    [lambda content: b"no DICOM at all", lambda content: content[:-40], lambda content: content[:200] + b"\xff" * 400],
    ids=["text", "cut", "noise"],
)
def test_what_is_no_well_formed_object(site, delivered, spoil):
    assert held(site, spoil(part10_bytes(site.segmentation(delivered)))) == "malformed"


def test_other_bytes_than_the_handoff_recorded(site, delivered):
    content = part10_bytes(site.segmentation(delivered))
    assert held(site, content, sha256="0" * 64) == "digest-mismatch"


def test_an_encoding_that_is_not_taken_back(site, delivered):
    made = site.segmentation(delivered)
    made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    assert held(site, part10_bytes(made)) == "transfer-syntax-not-allowed"


def test_a_project_without_a_destination(make_site):
    site = make_site(site="")
    originals = slices(3)
    site.deliver(originals)
    assert held(site, site.segmentation(originals)) == "no-destination"


def test_a_study_of_which_nothing_is_known_any_more(site, delivered, monkeypatch):
    monkeypatch.setattr(Vault, "study_facts", lambda *_: None)
    assert held(site, site.segmentation(delivered)) == "original-gone"


def test_a_study_that_came_with_two_identities_since(site, delivered):
    study = delivered[0].StudyInstanceUID
    site.home.place.vault.identify("lung", "SOMEBODY-ELSE", "", study)
    assert held(site, site.segmentation(delivered)) == "identity-held"


def test_what_the_scan_of_the_finished_object_finds(site, delivered, monkeypatch):
    """A bug in the writer: the profile lets an attribute through that the research side can fill."""
    made = site.segmentation(delivered)
    made.ContentDescription = made.PatientID
    assert held(site, made) == "verify-hit"


def test_a_claim_about_another_object_is_not_taken_at_all(site, delivered):
    content = part10_bytes(site.segmentation(delivered))
    claim = site.claim(content)
    (site.inbox / ("7" * 32)).write_bytes(canonical_json(claim) + b"\n" + content)
    for name in ("7" * 32, claim.id):
        (site.inbox / name).write_bytes(canonical_json(claim.model_copy(update={"id": "7" * 32})) + b"\n" + content)
        with pytest.raises(ClaimInvalidError):
            reidentify(site.home.place, Reference(name, 0, "result"), site.inbox)
    assert results.of_state(site.home.place.ledger) == []


def test_held_is_a_state_of_the_ledger_that_nothing_announces(site, delivered):
    held(site, refer(site.segmentation(delivered), generate_uid()))
    ledger = site.home.place.ledger
    announcements.start_anew(ledger)
    assert announcements.take(ledger, site.home.clock() + 1e9) == []


def test_a_person_may_have_it_judged_again_or_end_it(make_site):
    site = make_site(site="")
    originals = slices(3)
    site.deliver(originals)
    made = site.segmentation(originals)
    _, row = site.bring(made)
    ledger = site.home.place.ledger
    object.__setattr__(site.home.place, "site", site.home.place.site.model_copy(update={"results": {"*": "pacs"}}))
    assert results.release(ledger, row.id, site.home.clock())
    (announced,) = announcements.take(ledger, site.home.clock())
    assert site.take(row.id, announced.n).relationship == "success"
    assert results.get(ledger, row.id).destination == "pacs"
    _, second = site.bring(refer(site.segmentation(originals, key="f" * 64), generate_uid()))
    assert results.close(ledger, second.id, "not needed", site.home.clock())
    assert site.take(second.id).relationship == "superseded"


def test_every_reason_has_a_sentence():
    assert set(REASONS) == set(Reason)


def test_the_page_for_the_pacs_explains_every_reason():
    page = (Path(__file__).parents[3] / "docs" / "results.md").read_text("utf-8")
    for reason, sentence in REASONS.items():
        assert f"| `{reason.value}` | {sentence} | " in page
