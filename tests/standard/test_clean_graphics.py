"""PS3.15 E.3.3: a presentation state passes without all that it draws, and shows its images as it did."""

import shutil
import subprocess

import pytest
from pydicom.dataset import Dataset

from processors.deid import Engine, Profile
from processors.deid.explain import explain
from processors.deid.profile import Clean
from sluice.deidentification.kinds import WITH_DRAWINGS
from tests.standard.corpus import KEY, SYNTAXES, code, ct, dataset, encoded, items, nested, read, treated
from tests.standard.kinds import PEOPLE, Person, objects, of, pr
from tests.standard.search import found

PROFILE = Profile.load(WITH_DRAWINGS)
BY = Engine(PROFILE, KEY.project("test"))
WHO = pytest.mark.parametrize("person", PEOPLE, ids=["first", "second"])
LETTERS = [11.5, 13.25, 17.125, 19.0625, 23.03125, 29.015625]
"""Corners of a polyline that could be an L; no other number of the object is one of them."""


def drawn(person: Person) -> Dataset:
    """A presentation state that says the patient in every way it can, beside all that says how images are shown."""
    made = pr(person)
    image = dataset(ReferencedSOPClassUID=ct().SOPClassUID, ReferencedSOPInstanceUID="1.2.840.99999.1.1.1")
    made.ReferencedSeriesSequence = items(
        dataset(SeriesInstanceUID="1.2.840.99999.1.1", ReferencedImageSequence=items(image))
    )
    corners = dataset(GraphicData=LETTERS, GraphicDimensions=2, NumberOfGraphicPoints=3, GraphicType="POLYLINE",
                      GraphicAnnotationUnits="PIXEL", GraphicFilled="N")  # fmt: skip
    text = dataset(UnformattedTextValue=f"{person.family} {person.patient_id}", AnchorPoint=[1, 1],
                   AnchorPointVisibility="N", AnchorPointAnnotationUnits="PIXEL")  # fmt: skip
    ruler = dataset(CompoundGraphicType="RULER", GraphicData=LETTERS, CompoundGraphicUnits="PIXEL",
                    GraphicDimensions=2, NumberOfGraphicPoints=3, CompoundGraphicInstanceID=1)  # fmt: skip
    made.GraphicAnnotationSequence = items(
        dataset(GraphicLayer="LAYER", TextObjectSequence=items(text), GraphicObjectSequence=items(corners),
                CompoundGraphicSequence=items(ruler)),
        dataset(GraphicLayer="LAYER", ReferencedImageSequence=items(
            dataset(ReferencedSOPClassUID=ct().SOPClassUID, ReferencedSOPInstanceUID="1.2.840.99999.1.1.1")
        ), GraphicObjectSequence=items(corners)),
    )  # fmt: skip
    made.GraphicGroupSequence = items(
        dataset(GraphicGroupID=1, GraphicGroupLabel=person.given, GraphicGroupDescription=person.family)
    )
    made.ShutterShape = "POLYGONAL"
    made.VerticesOfThePolygonalShutter, made.ShutterPresentationValue = [4711, 4712, 4713, 4714, 4715, 4716], 0
    made.add_new(0x60000010, "US", 16)
    made.add_new(0x60000022, "LO", person.family)
    made.add_new(0x60001001, "CS", "LAYER")
    made.add_new(0x60003000, "OW", person.patient_id.encode().ljust(32, b"\0"))
    made.add_new(0x50000022, "LO", person.family)
    made.ContentCreatorIdentificationCodeSequence = items(
        dataset(PersonIdentificationCodeSequence=items(code("1", "99LOCAL", person.physician)),
                InstitutionName=person.institution)
    )  # fmt: skip
    made.DisplayedAreaSelectionSequence = items(
        dataset(DisplayedAreaTopLeftHandCorner=[1, 1], DisplayedAreaBottomRightHandCorner=[16, 16],
                PresentationSizeMode="SCALE TO FIT", PresentationPixelAspectRatio=[1, 1])
    )  # fmt: skip
    made.SoftcopyVOILUTSequence = items(
        dataset(WindowCenter=40, WindowWidth=400, WindowCenterWidthExplanation=f"for {person.family}")
    )
    made.ImageRotation, made.ImageHorizontalFlip = 90, "N"
    made.RescaleIntercept, made.RescaleSlope, made.RescaleType = -1024, 1, "HU"
    return of(person, made)


def passed(person: Person, syntax: str = "explicit") -> bytes:
    return b"".join(treated(encoded(drawn(person), syntax), BY).chunks)


@pytest.mark.parametrize("syntax", SYNTAXES)
@WHO
def test_nothing_of_a_person_is_left_however_it_was_drawn(person: Person, syntax: str) -> None:
    made = drawn(person)
    assert found(encoded(made, syntax), person.values()) == person.values()
    assert not found(passed(person, syntax), person.values())


@pytest.mark.parametrize("depth", [1, 12, 40])
def test_nothing_is_left_however_deep_it_was(depth: int) -> None:
    person = PEOPLE[1]
    inner = drawn(person)
    deep = nested(drawn(person), dataset(GraphicAnnotationSequence=inner.GraphicAnnotationSequence), depth)
    assert not found(b"".join(treated(encoded(deep), BY).chunks), person.values())


DRAWN = """
    GraphicAnnotationSequence GraphicLayerSequence GraphicGroupSequence TextObjectSequence GraphicObjectSequence
    CompoundGraphicSequence GraphicData AnchorPoint UnformattedTextValue ShutterShape VerticesOfThePolygonalShutter
    ShutterPresentationValue
""".split()  # noqa: SIM905


@WHO
def test_no_line_is_left_that_could_be_a_letter(person: Person) -> None:
    clean = read(passed(person))
    assert [
        each.keyword for each in clean.iterall() if each.keyword in DRAWN or each.tag.group in (0x5000, 0x6000)
    ] == []
    numbers = {float(one) for each in clean.iterall() if each.VR in ("FL", "FD", "DS", "IS", "US", "SL")
               for one in (each.value if each.VM > 1 else [each.value]) if one not in (None, "")}  # fmt: skip
    assert numbers.isdisjoint({*LETTERS, 4711, 4712, 4713})


def test_how_images_are_shown_stays() -> None:
    before, after = drawn(PEOPLE[0]), read(passed(PEOPLE[0]))
    for keyword in ("ImageRotation", "ImageHorizontalFlip", "PresentationLUTShape", "RescaleIntercept", "RescaleSlope",
                    "RescaleType", "ContentLabel", "DisplayedAreaSelectionSequence"):  # fmt: skip
        assert after[keyword].value == before[keyword].value, keyword
    voi = after.SoftcopyVOILUTSequence[0]
    assert (voi.WindowCenter, voi.WindowWidth) == (40, 400)
    assert after.ContentDescription == ""
    assert "Quittenbaum" not in str(after)


def test_a_state_names_the_images_that_it_did() -> None:
    slices, state = objects(PEOPLE[0]), read(passed(PEOPLE[0]))
    image = read(b"".join(treated(encoded(slices["ct"]), BY).chunks))
    of_series = state.ReferencedSeriesSequence[0]
    assert of_series.SeriesInstanceUID == image.SeriesInstanceUID
    assert [each.ReferencedSOPInstanceUID for each in of_series.ReferencedImageSequence] == [image.SOPInstanceUID]
    assert treated(encoded(drawn(PEOPLE[0])), BY).references == (image.SOPInstanceUID,)
    assert state.StudyInstanceUID == image.StudyInstanceUID
    assert state.PatientID == image.PatientID


def marks(file: bytes) -> set[str]:
    return {item.CodeValue for item in read(file).DeidentificationMethodCodeSequence}


def test_the_mark_stands_where_the_step_ran_and_nowhere_else() -> None:
    result = treated(encoded(drawn(PEOPLE[0])), BY)
    assert "113103" in marks(b"".join(result.chunks))
    assert result.performed == ("113103",)
    image = treated(encoded(ct()), BY)
    assert "113103" not in marks(b"".join(image.chunks))
    assert image.performed == ()


def test_a_profile_that_passes_states_without_the_switch_is_refused() -> None:
    said = PROFILE.model_dump() | {"clean": Clean().model_dump()}
    with pytest.raises(ValueError, match=r"clean\.graphics"):
        Profile.model_validate(said)


def test_what_would_happen_to_drawings_is_explained() -> None:
    explanation = explain(encoded(drawn(PEOPLE[0])), PROFILE)
    assert explanation.reason is None
    said = {each.path: each for each in explanation.decisions}
    for path in ("GraphicAnnotationSequence", "GraphicLayerSequence", "VerticesOfThePolygonalShutter"):
        assert said[path].action == "remove"
        assert "113103 Clean Graphics Option" in said[path].why
    assert said["DisplayedAreaSelectionSequence"].action == "clean items"


def errors(file: bytes, folder) -> list[str]:
    written = folder / "state.dcm"
    written.write_bytes(file)
    done = subprocess.run(["dciodvfy", str(written)], capture_output=True, text=True, check=False)
    return sorted(line for line in (done.stderr + done.stdout).splitlines() if line.startswith("Error"))


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_dciodvfy_finds_no_new_error(tmp_path) -> None:
    before = errors(encoded(drawn(PEOPLE[0])), tmp_path)
    assert [line for line in errors(passed(PEOPLE[0]), tmp_path) if line not in before] == []
