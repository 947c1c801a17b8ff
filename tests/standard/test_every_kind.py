"""Related objects of several patients, of every kind: no value survives, what belongs together stays so."""

import pytest
from pydicom.dataset import Dataset

from processors.deid import Treated
from tests.standard.corpus import SYNTAXES, encoded, engine, read
from tests.standard.kinds import KINDS, PASSING, PEOPLE, objects
from tests.standard.search import found

ENGINE = engine()
OBJECTS = {person.patient_id: objects(person) for person in PEOPLE}


def outputs(person, syntax: str = "explicit") -> dict[str, bytes]:
    """What passes of a person's objects, by kind."""
    results = {kind: ENGINE.treat(encoded(made, syntax)) for kind, made in OBJECTS[person.patient_id].items()}
    return {kind: b"".join(result.chunks) for kind, result in results.items() if isinstance(result, Treated)}


@pytest.mark.parametrize("person", PEOPLE, ids=["first", "second"])
def test_the_search_finds_every_value_in_the_originals(person):
    """The check itself: what names the person is found where nothing was done."""
    for kind, made in OBJECTS[person.patient_id].items():
        assert found(encoded(made), person.values()) == person.values(), kind


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("person", PEOPLE, ids=["first", "second"])
def test_no_value_of_a_person_is_in_any_output(person, syntax):
    passed = outputs(person, syntax)
    assert set(passed) >= set(PASSING)
    for kind, file in passed.items():
        assert not found(file, person.values()), kind


def uids(made: Dataset) -> set[str]:
    """UIDs of instances, series and studies that a dataset names."""
    keywords = ("ReferencedSOPInstanceUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "UID")
    return {str(each.value) for each in made.iterall() if each.keyword in keywords and each.value}


def test_what_was_named_before_is_named_after_and_nobody_is_named_by_another():
    people = []
    for person in PEOPLE:
        before, after = OBJECTS[person.patient_id], {kind: read(file) for kind, file in outputs(person).items()}
        known = {
            str(made.SOPInstanceUID): str(after[kind].SOPInstanceUID) for kind, made in before.items() if kind in after
        }
        for kind, made in after.items():
            named = {known[uid] for uid in uids(before[kind]) if uid in known}
            assert named <= uids(made), kind
            assert made.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID
        assert len({made.PatientID for made in after.values()}) == 1
        assert len({made.StudyInstanceUID for made in after.values()}) == 1
        people.append(set().union(*(uids(made) for made in after.values())))
    assert people[0].isdisjoint(people[1])


KEPT = """
    SOPClassUID Modality Rows Columns BitsAllocated BitsStored HighBit PixelRepresentation PhotometricInterpretation
    SamplesPerPixel ImageType PixelSpacing SliceThickness ImagePositionPatient ImageOrientationPatient KVP RescaleSlope
    RescaleIntercept RepetitionTime EchoTime ScanningSequence SequenceVariant MRAcquisitionType Units DecayCorrection
    CorrectedImage SeriesType RadionuclideHalfLife NumberOfFrames DimensionIndexPointer DimensionIndexValues StackID
    InStackPositionNumber PixelPresentation VolumetricProperties VolumeBasedCalculationTechnique SegmentationType
    SegmentNumber SegmentAlgorithmType ReferencedSegmentNumber CodeValue CodingSchemeDesignator ContourData
    ContourGeometricType NumberOfContourPoints ROINumber ReferencedROINumber ROIDisplayColor InstanceNumber SeriesNumber
    AcquisitionDuration Manufacturer PixelData RescaleType LossyImageCompression PatientPosition StudyTime
"""


@pytest.mark.parametrize("kind", PASSING)
def test_no_technical_value_is_lost(kind):
    person = PEOPLE[0]
    before, after = OBJECTS[person.patient_id][kind], read(outputs(person)[kind])
    del after[0x00120064]
    keywords = KEPT.split()

    def values(made: Dataset) -> list[tuple[str, str]]:
        return [(each.keyword, str(each.value)) for each in made.iterall() if each.keyword in keywords]

    lost = [pair for pair in values(before) if pair not in values(after)]
    assert not lost


def test_every_kind_that_is_asked_for_is_built():
    assert len(KINDS) == 16
