"""PS3.15 E.1.1 (5), E.3.9: every UID of an instance is replaced, consistently, and references keep resolving."""

import re

import pytest
from pydicom.datadict import keyword_for_tag
from pydicom.uid import UID

from processors.deid.engine import pseudonymous_uid
from tests.standard.corpus import (
    KEY,
    cleaned,
    ct,
    dataset,
    encoded,
    engine,
    items,
    mr,
    output,
    read,
    related,
    seg,
    treated,
)

UNLISTED = [0x00200242, 0x00209312, 0x0018991E, 0x300A0675, 0x00083012, 0x00081167, 0x00280304]
"""UIDs of instances that Table E.1-1 forgets."""


def test_references_between_ct_seg_and_rtstruct_resolve():
    first, second, segmentation, structures = (cleaned(each) for each in related())
    instances = {first.SOPInstanceUID, second.SOPInstanceUID}
    assert first.StudyInstanceUID == segmentation.StudyInstanceUID == structures.StudyInstanceUID
    assert first.FrameOfReferenceUID == segmentation.FrameOfReferenceUID == structures.FrameOfReferenceUID
    referenced = segmentation.ReferencedSeriesSequence[0]
    assert referenced.SeriesInstanceUID == first.SeriesInstanceUID
    assert {each.ReferencedSOPInstanceUID for each in referenced.ReferencedInstanceSequence} == instances
    frames = segmentation.PerFrameFunctionalGroupsSequence
    sources = {each.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID for each in frames}
    assert sources == instances
    frame = structures.ReferencedFrameOfReferenceSequence[0]
    assert frame.FrameOfReferenceUID == first.FrameOfReferenceUID
    study = frame.RTReferencedStudySequence[0]
    assert study.ReferencedSOPInstanceUID == first.StudyInstanceUID
    assert study.RTReferencedSeriesSequence[0].SeriesInstanceUID == first.SeriesInstanceUID
    contour = structures.ROIContourSequence[0].ContourSequence[0].ContourImageSequence[0]
    assert contour.ReferencedSOPInstanceUID == first.SOPInstanceUID


def test_an_annotation_names_what_it_refers_to():
    slices = [ct(1), ct(2)]
    result = treated(seg(slices))
    assert result.is_annotation
    assert set(result.references) == {treated(each).sop_instance_uid for each in slices}
    assert not treated(slices[0]).is_annotation


@pytest.mark.parametrize("tag", UNLISTED, ids=keyword_for_tag)
def test_a_uid_that_the_table_forgets_is_replaced_too(tag):
    made = ct()
    made.add_new(tag, "UI", "1.2.3.777.1")
    assert b"1.2.3.777.1" not in output(made)


def test_registered_uids_stay():
    made = ct()
    made.ReferencedImageSequence = items(
        dataset(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.4", ReferencedSOPInstanceUID="1.2.3.777")
    )
    clean = cleaned(made)
    assert clean.SOPClassUID == made.SOPClassUID
    assert clean.ReferencedImageSequence[0].ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.4"
    assert clean.file_meta.TransferSyntaxUID == made.file_meta.TransferSyntaxUID


def test_every_value_of_a_multivalued_uid_is_replaced():
    made = ct()
    made.IrradiationEventUID = ["1.2.3.777.1", "1.2.3.777.2"]
    clean = cleaned(made).IrradiationEventUID
    assert [str(each) for each in clean] == [pseudonymous_uid(KEY.project("test"), f"1.2.3.777.{n}") for n in (1, 2)]


def test_a_new_uid_is_a_uuid_of_version_8_under_2_25():
    """PS3.5 B.2; RFC 9562 5.8: version and variant bits."""
    for number in range(200):
        uid = pseudonymous_uid(KEY.project("test"), f"1.2.3.{number}")
        assert UID(uid).is_valid
        assert re.fullmatch(r"2\.25\.(0|[1-9][0-9]*)", uid)
        assert len(uid) <= 44
        value = int(uid[5:])
        assert value >> 76 & 0xF == 8
        assert value >> 62 & 0x3 == 2


def test_file_meta_names_the_same_instance_as_the_data_set():
    clean = cleaned(mr())
    assert clean.file_meta.MediaStorageSOPInstanceUID == clean.SOPInstanceUID
    assert clean.file_meta.MediaStorageSOPClassUID == clean.SOPClassUID


def test_the_uid_map_tells_the_vault_what_became_of_study_series_instance_and_frame_of_reference():
    made = ct()
    mapped = dict(treated(made).uid_map)
    originals = {made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID, made.FrameOfReferenceUID}
    assert set(mapped) == {str(each) for each in originals}
    assert mapped[made.SOPInstanceUID] == treated(made).sop_instance_uid


def test_another_project_or_key_gives_other_uids():
    made = ct()
    here, there = treated(made, engine("here")), treated(made, engine("there"))
    assert here.sop_instance_uid != there.sop_instance_uid
    assert here.patient_id != there.patient_id


def test_uids_are_replaced_in_every_encoding():
    made = seg([ct()])
    kinds = [read(output(encoded(made, syntax))) for syntax in ("explicit", "implicit", "big endian", "deflated")]
    assert len({each.SOPInstanceUID for each in kinds}) == 1
    assert len({each.ReferencedSeriesSequence[0].SeriesInstanceUID for each in kinds}) == 1
