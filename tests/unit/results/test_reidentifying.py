"""An object of a result goes back to the patient and study that its images came from."""

import copy
import json

import numpy as np
import pytest
from pydicom.dataset import Dataset

from handoff.contract.returned import Acknowledgement
from ml.inference.segmentation import part10_bytes
from processors.delivery.workplace import Workplace
from processors.ledger import announcements, results
from processors.results.references import referenced_instances
from tests.unit.results.conftest import slices


@pytest.fixture
def delivered(site):
    originals = slices(3)
    site.deliver(originals)
    return originals


def test_it_belongs_to_the_original_patient_and_study(site, delivered):
    outcome, row = site.bring(site.segmentation(delivered))
    assert outcome.relationship == "success"
    returned, original = site.returned(row), delivered[0]
    for keyword in (
        "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime",
        "StudyID", "AccessionNumber", "ReferringPhysicianName", "FrameOfReferenceUID",
    ):  # fmt: skip
        assert returned[keyword].value == original[keyword].value, keyword
    assert returned.PatientIdentityRemoved == "NO"
    assert row.study_uid == original.StudyInstanceUID


def test_every_reference_leads_to_an_original(site, delivered):
    _, row = site.bring(site.segmentation(delivered))
    returned = site.returned(row)
    assert referenced_instances(returned) == {each.SOPInstanceUID for each in delivered}
    (series,) = returned.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == delivered[0].SeriesInstanceUID


def test_its_own_uids_are_new_and_pinned(site, delivered):
    made = site.segmentation(delivered)
    _, row = site.bring(made)
    returned = site.returned(row)
    assert returned.SOPInstanceUID == returned.file_meta.MediaStorageSOPInstanceUID == row.sop_instance_uid
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID"):
        assert returned[keyword].value not in {made[keyword].value, delivered[0][keyword].value}
    dimensions = {item.DimensionOrganizationUID for item in returned.DimensionIndexSequence}
    assert dimensions == {returned.DimensionOrganizationSequence[0].DimensionOrganizationUID}
    assert made.DimensionOrganizationSequence[0].DimensionOrganizationUID not in dimensions


def test_the_pixels_are_the_same_bytes(site, delivered):
    made = site.segmentation(delivered)
    _, row = site.bring(made)
    assert site.returned(row).PixelData == made.PixelData
    assert np.array_equal(site.returned(row).pixel_array, made.pixel_array)


def test_it_says_that_a_model_made_it_and_which(site, delivered):
    _, row = site.bring(site.segmentation(delivered))
    returned = site.returned(row)
    assert returned.SeriesDescription == "AI result lesion:3"
    assert returned.SegmentSequence[0].SegmentAlgorithmName == "lesion-unet"
    assert returned.ContributingEquipmentSequence[-1].Manufacturer == "Sluice"


def test_its_dates_are_those_of_the_day_on_which_it_came_back(site, delivered):
    """The run's own dates are shifted as its source's are; 1,000,000 s after 1970 is 12 January, 14:46:40 in Berlin."""
    _, row = site.bring(site.segmentation(delivered))
    returned = site.returned(row)
    assert (returned.ContentDate, returned.SeriesDate, returned.InstanceCreationDate) == ("19700112",) * 3
    assert returned.ContentTime == "144640"


def test_what_is_not_in_the_profile_is_dropped(site, delivered):
    made = site.segmentation(delivered)
    made.InstitutionName = "Research Institute"
    made.private_block(0x0011, "RESEARCH", create=True).add_new(1, "LO", "anything")
    made.SegmentSequence[0].private_block(0x0011, "RESEARCH", create=True).add_new(1, "LO", "anything")
    _, row = site.bring(made)
    assert row.state == "ready"
    returned = site.returned(row)
    assert "InstitutionName" not in returned
    assert not [element for element in returned.iterall() if element.tag.is_private]
    for keyword in ("DeidentificationMethod", "DeidentificationMethodCodeSequence"):
        assert keyword not in returned


def test_a_name_in_another_character_set_comes_back_as_it_was(site):
    originals = slices(3)
    for each in originals:
        each.SpecificCharacterSet = ["ISO 2022 IR 6", "ISO 2022 IR 87"]
        each.PatientName = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    site.deliver(originals)
    _, row = site.bring(site.segmentation(originals))
    assert str(site.returned(row).PatientName) == "Yamada^Tarou=山田^太郎=やまだ^たろう"


def test_the_originals_may_be_gone_by_then(site, delivered):
    for file in site.home.place.layout.deliveries.rglob("*.dcm"):
        file.unlink()
    _, row = site.bring(site.segmentation(delivered))
    assert row.state == "ready"


def test_it_is_private_and_the_handoff_is_told_codes_and_counts_only(site, delivered):
    outcome, row = site.bring(site.segmentation(delivered))
    assert (site.home.place.layout.root / row.file).stat().st_mode & 0o777 == 0o600
    said = Acknowledgement.model_validate_json(outcome.contents)
    assert said == Acknowledgement(sha256=row.sha256, size=row.size, outcome="accepted")
    attributes = {"delivery.id": row.id, "delivery.n": "0", "kind": "result", "destination": "pacs"}
    assert outcome.attributes == attributes
    assert delivered[0].PatientID not in json.dumps([outcome.attributes, outcome.contents.decode()])


def test_the_same_object_polled_again_is_made_once(site, delivered):
    outcome, row = site.bring(site.segmentation(delivered))
    content = (site.home.place.layout.root / row.file).read_bytes()
    again = site.take(row.id)
    assert again == outcome
    assert (site.home.place.layout.root / row.file).read_bytes() == content
    results.sent(site.home.place.ledger, row.id, 0, site.home.clock())
    assert site.take(row.id).relationship == "superseded"
    assert site.take(row.id).contents == outcome.contents


def test_made_again_from_the_start_it_is_the_same_bytes(site, delivered):
    """As after a crash between the file and the ledger."""
    _, row = site.bring(site.segmentation(delivered))
    path = site.home.place.layout.root / row.file
    content = path.read_bytes()
    path.unlink()
    site.home.place.ledger.execute("UPDATE results SET state = 'fetched', file = NULL WHERE id = ?", (row.id,))
    site.home.clock.now += 100_000
    assert site.take(row.id).relationship == "success"
    assert path.read_bytes() == content


def test_an_object_that_is_not_in_the_inbox_yet_is_waited_for(site):
    outcome = site.take("0" * 32)
    assert (outcome.relationship, outcome.attributes) == ("retry", {"reason": "not-here-yet"})
    assert results.of_state(site.home.place.ledger) == []


def test_after_nifi_was_wiped_the_ledger_announces_it_again(site, delivered):
    _, row = site.bring(site.segmentation(delivered))
    ledger = site.home.place.ledger
    announcements.start_anew(ledger)
    (announced,) = announcements.take(ledger, site.home.clock())
    assert (announced.id, announced.n, announced.kind) == (row.id, 1, "result")
    assert site.take(row.id).relationship == "superseded", "the poll's FlowFile, n = 0, has had its time"
    entries = site.home.route(_reference(announced))
    assert (
        entries[0] | {"delivery.id": row.id, "delivery.n": "1", "kind": "result", "destination": "pacs"} == entries[0]
    )
    assert site.take(row.id, 1).relationship == "success"


def _reference(announced):
    from tests.unit.delivery.trusted_home import reference

    return reference(announced)


def test_a_structured_report_of_allowed_kind_may_go_back_too(site, delivered):
    source = site.research(delivered)[0]
    report = Dataset()
    report.update({element.tag: element for element in source if element.keyword in {"PatientID", "StudyInstanceUID"}})
    report.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.33"
    report.SOPInstanceUID, report.SeriesInstanceUID = "2.25.1", "2.25.2"
    report.Modality = "SR"
    image = Dataset()
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = source.SOPClassUID, source.SOPInstanceUID
    item = Dataset()
    item.ValueType, item.RelationshipType, item.ReferencedSOPSequence = "IMAGE", "CONTAINS", [image]
    report.ContentSequence = [item]
    report.file_meta = source.file_meta.copy() if hasattr(source.file_meta, "copy") else source.file_meta
    report.file_meta.MediaStorageSOPClassUID = report.SOPClassUID
    report.file_meta.MediaStorageSOPInstanceUID = report.SOPInstanceUID
    _, row = site.bring(part10_bytes(report))
    assert row.state == "ready"
    assert site.returned(row).ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == (
        delivered[0].SOPInstanceUID
    )


def test_a_result_of_a_joined_identity_goes_back_to_the_patient_of_its_images(site):
    """They left under the identity that is kept; the list may have changed since."""
    merges = site.home.root / "merges.yaml"
    merges.write_text("patients: [{keep: {id: HOSP-0815}, join: [{id: HOSP-4711}]}]\n")
    own = slices(3)
    site.deliver(own)
    kept = copy.deepcopy(own)
    for each in kept:
        each.PatientID = "HOSP-0815"
    for joined in (True, False):
        if not joined:
            merges.unlink()
        outcome, row = site.bring(site.segmentation(kept, key="ef"[joined] * 64))
        assert outcome.relationship == "success"
        assert site.returned(row).PatientID == "HOSP-4711"


def test_a_run_under_the_pseudonyms_of_an_earlier_key_epoch_finds_its_patient(site, delivered):
    """The project began a new epoch while the run was on its way."""
    made = site.segmentation(delivered)
    place = site.home.place
    place.keys.begin_epoch("lung").save(place.site.key_file)
    place.close()
    site.home.place = Workplace(place.site, site.home.clock)
    assert site.home.place.keys.project("lung").epoch.endswith("/2")
    outcome, row = site.bring(made)
    assert outcome.relationship == "success"
    assert site.returned(row).PatientID == delivered[0].PatientID
    assert row.study_uid == delivered[0].StudyInstanceUID
