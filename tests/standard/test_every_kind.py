"""Related objects of several patients, of every kind: no value survives, what belongs together stays so.

Each shipped profile has the cleaner of pixels; what it is given to look with finds no text, since the planted values
are in headers. `tests/unit/deid/burned_in` has lines in pixels.
"""

from functools import lru_cache

import pytest
from pydicom.dataset import Dataset

from processors.deid import Engine, Profile, Treated
from processors.deid.burned_in import PixelCleaner
from processors.deid.errors import IdentifiedProfileError
from processors.deid.inherit import shipped
from sluice.deidentification.kinds import WITH_REPORTS
from tests.standard.corpus import KEY, SYNTAXES, dataset, encoded, nested, read
from tests.standard.kinds import KINDS, PEOPLE, Person, objects
from tests.standard.search import found
from tests.unit.deid.burned_in.builders import Knows

MEASURED = {"ct", "ct second slice", "mr", "pet", "enhanced ct", "enhanced mr", "seg", "rtstruct"}
SHOWING = {"us", "us multi-frame", "sc", "dx"}
REPORTS = {"sr", "ko"}
NEVER = {"pr": "kind-unsupported", "pdf": "kind-unsupported"}
"""Drawings and documents, which nothing here looks into."""

PASSES = {
    "research-default": MEASURED | SHOWING,
    "release-strict": MEASURED,
    "with-reports": MEASURED | SHOWING | REPORTS,
}
DEPTHS = (1, 12, 40)
OBJECTS = {person.patient_id: objects(person) for person in PEOPLE}
NAMES = pytest.mark.parametrize("name", PASSES)
WHO = pytest.mark.parametrize("person", PEOPLE, ids=["first", "second"])


@pytest.fixture(scope="module")
def engine():
    """Engines by the name of a profile; `with-reports` is the example of docs/deidentification.md."""

    @lru_cache
    def made(name: str) -> Engine:
        profile = Profile.load(WITH_REPORTS if name == "with-reports" else name)
        return Engine(profile, KEY.project("test"), PixelCleaner(Knows(())))

    return made


@lru_cache
def treated(by: Engine, person: Person, syntax: str = "explicit") -> dict[str, object]:
    return {kind: by.treat(encoded(made, syntax)) for kind, made in OBJECTS[person.patient_id].items()}


def outputs(by: Engine, person: Person, syntax: str = "explicit") -> dict[str, bytes]:
    """What passes of a person's objects, by kind."""
    results = treated(by, person, syntax)
    return {kind: b"".join(result.chunks) for kind, result in results.items() if isinstance(result, Treated)}


@WHO
def test_the_search_finds_every_value_in_the_originals(person):
    """The check itself: what names the person is found where nothing was done."""
    for kind, made in OBJECTS[person.patient_id].items():
        assert found(encoded(made), person.values()) == person.values(), kind


@pytest.mark.parametrize("syntax", SYNTAXES)
@WHO
@NAMES
def test_no_value_of_a_person_is_in_any_output(engine, name, person, syntax):
    for kind, file in outputs(engine(name), person, syntax).items():
        assert not found(file, person.values()), kind


@pytest.mark.parametrize("depth", DEPTHS)
@NAMES
def test_no_value_of_a_person_is_in_any_output_however_deep_it_was(engine, name, depth):
    person = PEOPLE[1]
    passed = set()
    for kind, made in objects(person).items():
        text = dataset(PatientName=f"{person.family}^{person.given}", PatientComments=" ".join(person.values()))
        result = engine(name).treat(encoded(nested(made, text, depth)))
        if isinstance(result, Treated):
            passed.add(kind)
            assert not found(b"".join(result.chunks), person.values()), kind
    assert passed == PASSES[name]


@WHO
@NAMES
def test_exactly_the_kinds_that_a_profile_passes_do_and_the_rest_is_withheld_with_its_code(engine, name, person):
    results = treated(engine(name), person)
    assert {kind for kind, result in results.items() if isinstance(result, Treated)} == PASSES[name]
    refused = {kind: result.reason for kind, result in results.items() if kind not in PASSES[name]}
    assert refused == {
        **dict.fromkeys(SHOWING - PASSES[name], "pixels-unchecked"),
        **dict.fromkeys(REPORTS - PASSES[name], "kind-unsupported"),
        **NEVER,
    }


def test_what_can_show_text_is_withheld_where_nothing_can_look():
    by = Engine(Profile.load(), KEY.project("test"), PixelCleaner(None))
    results = treated(by, PEOPLE[0])
    assert {results[kind].reason for kind in SHOWING} == {"pixels-no-detector"}
    assert all(isinstance(results[kind], Treated) for kind in MEASURED)


def test_the_profile_for_archives_makes_no_engine():
    assert set(shipped()) == {*PASSES, "identified-passthrough"} - {"with-reports"}
    with pytest.raises(IdentifiedProfileError):
        Engine(Profile.load("identified-passthrough"), KEY.project("test"), PixelCleaner(Knows(())))


@NAMES
def test_only_cleaned_instances_are_marked_as_cleaned(engine, name):
    """113101 (PS3.15 E.3.1)."""
    for kind, file in outputs(engine(name), PEOPLE[0]).items():
        codes = {item.CodeValue for item in read(file).DeidentificationMethodCodeSequence}
        assert ("113101" in codes) == (kind in SHOWING), kind
        assert ("113104" in codes) == (name == "with-reports"), kind


def uids(made: Dataset) -> set[str]:
    """UIDs of instances, series and studies that a dataset names."""
    keywords = ("ReferencedSOPInstanceUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "UID")
    return {str(each.value) for each in made.iterall() if each.keyword in keywords and each.value}


@NAMES
def test_what_was_named_before_is_named_after_and_nobody_is_named_by_another(engine, name):
    people = []
    for person in PEOPLE:
        before = OBJECTS[person.patient_id]
        after = {kind: read(file) for kind, file in outputs(engine(name), person).items()}
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
    CorrectedImage SeriesType RadionuclideHalfLife NumberOfFrames DimensionIndexPointer DimensionIndexValues
    InStackPositionNumber PixelPresentation VolumetricProperties VolumeBasedCalculationTechnique SegmentationType
    SegmentNumber SegmentAlgorithmType ReferencedSegmentNumber CodeValue CodingSchemeDesignator ContourData
    ContourGeometricType NumberOfContourPoints ROINumber ReferencedROINumber ROIDisplayColor InstanceNumber SeriesNumber
    AcquisitionDuration Manufacturer RescaleType LossyImageCompression PatientPosition PlanarConfiguration
    PixelIntensityRelationship PixelIntensityRelationshipSign PresentationIntentType PresentationLUTShape
    ImageLaterality ViewPosition BodyPartExamined ConversionType FrameTime FrameIncrementPointer
    RegionSpatialFormat RegionDataType
    RegionLocationMinX0 RegionLocationMinY0 RegionLocationMaxX1 RegionLocationMaxY1 PhysicalDeltaX PhysicalDeltaY
    ValueType RelationshipType ContinuityOfContent NumericValue CompletionFlag VerificationFlag GraphicType
"""
OF_RESEARCH = "StackID StudyTime"
"""Kept where dates are and where labels of devices are."""

ALSO_PIXELS = MEASURED | {"sc", "dx"}
"""Of ultrasound, what stands beside its calibrated regions is masked."""

DROPPED = {"PNAME", "TEXT"}
"""Content items that go whole with their concepts, and local codes, are what cleaning is for."""


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name in PASSES for kind in sorted(PASSES[name])])
def test_no_technical_value_is_lost(engine, name, kind):
    person = PEOPLE[0]
    before, after = OBJECTS[person.patient_id][kind], read(outputs(engine(name), person)[kind])
    del after[0x00120064]
    keywords = KEPT.split() + (OF_RESEARCH.split() if name != "release-strict" else [])
    keywords += ["PixelData"] if kind in ALSO_PIXELS else []

    def values(made: Dataset) -> list[tuple[str, str]]:
        return [(each.keyword, str(each.value)) for each in made.iterall() if each.keyword in keywords]

    gone = {("ValueType", value) for value in DROPPED} | {
        ("RelationshipType", "HAS OBS CONTEXT"), ("CodingSchemeDesignator", "99LOCAL"), ("CodeValue", "P-1"),
        ("CodeValue", "121008"), ("CodeValue", "113012"),
    }  # fmt: skip
    lost = [pair for pair in values(before) if pair not in values(after) and pair not in gone]
    assert not lost


def test_every_kind_that_is_asked_for_is_built():
    assert len(KINDS) == 16
    assert set(KINDS) == MEASURED | SHOWING | REPORTS | set(NEVER)
