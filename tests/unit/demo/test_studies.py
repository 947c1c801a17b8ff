"""The phantom's studies: DICOM as scanners write it, with everything in it that must not get out."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

from sluice.demo.people import PEOPLE, SCANNERS, UID_ROOT, identifying_values
from sluice.demo.phantom import TRAINING_SEEDS, UNSEEN_SEEDS
from sluice.demo.studies import SHUFFLED_SEED, Study, person_of, scanner_of, write_study


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return write_study(tmp_path_factory.mktemp("annotated"), SHUFFLED_SEED)


def test_slices_hold_the_phantom_in_their_rescaled_values(annotated: Study) -> None:
    slices = {ds.SOPInstanceUID: ds for ds in map(pydicom.dcmread, annotated.files[:-1])}
    for index, uid in enumerate(annotated.instance_uids):
        ds = slices[uid]
        hounsfield = ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
        assert np.array_equal(hounsfield, annotated.phantom.volume[index])


def test_one_series_is_shuffled_so_that_only_position_tells_the_order(annotated: Study) -> None:
    slices = [pydicom.dcmread(file) for file in annotated.files[:-1]]
    by_number = [float(ds.ImagePositionPatient[2]) for ds in sorted(slices, key=lambda ds: int(ds.InstanceNumber))]
    assert by_number != sorted(by_number)
    assert by_number != sorted(by_number, reverse=True)


def test_the_annotation_refers_to_every_slice_of_its_study(annotated: Study) -> None:
    segmentation = pydicom.dcmread(annotated.files[-1])
    items = segmentation.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert {item.ReferencedSOPInstanceUID for item in items} == set(annotated.instance_uids)
    assert segmentation.StudyInstanceUID == annotated.study_uid
    assert int(segmentation.pixel_array.sum()) == int(annotated.phantom.truth.sum())


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path, annotated: Study) -> None:
    again = write_study(tmp_path, SHUFFLED_SEED)
    for first, second in zip(annotated.files, again.files, strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_unseen_patients_are_never_annotated(tmp_path: Path) -> None:
    study = write_study(tmp_path, UNSEEN_SEEDS[0])
    assert not study.annotated
    assert all(pydicom.dcmread(file, stop_before_pixels=True).Modality == "CT" for file in study.files)


def test_headers_hold_telling_values_in_public_private_and_nested_elements(annotated: Study) -> None:
    ds = pydicom.dcmread(annotated.files[0])
    person, scanner = person_of(annotated.seed), scanner_of(annotated.seed)
    assert ds.PatientName == person.name
    assert ds.RequestAttributesSequence[0].RequestingPhysician == person.physician
    group, creator = scanner.private
    assert person.name.encode() in bytes(ds.private_block(group, creator)[0xF1].value)
    assert str(ds.StudyInstanceUID).startswith(UID_ROOT)


def test_nine_patients_train_and_three_others_are_unseen() -> None:
    training = {person_of(seed).patient_id for seed in TRAINING_SEEDS}
    unseen = {person_of(seed).patient_id for seed in UNSEEN_SEEDS}
    assert (len(training), len(unseen)) == (9, 3)
    assert not training & unseen
    assert len({scanner_of(seed).station for seed in TRAINING_SEEDS}) == len(SCANNERS)


def test_every_identifying_value_is_long_enough_to_be_no_accident() -> None:
    values = identifying_values()
    assert all(len(value) >= 6 for value in values)
    assert {person.patient_id for person in PEOPLE} <= set(values)
