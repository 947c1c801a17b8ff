"""A batch that was pulled to a laptop is a dataset of torch in three lines."""

import hashlib
from pathlib import Path

import pytest
import torch

from handoff.contract.batch import InstanceLine, LabelLine
from handoff.contract.canonical import canonical_json
from handoff.contract.shipment import member_name
from ml.datasets.batch import data_set_offset
from ml.datasets.pulled import LOCAL, PulledBatch
from ml.errors import BatchError
from tests.builders import write_ct_series
from tests.integration.handoff.packages import make_zip


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two patients with two slices each; the first one's study has a label, and its patient another of that name."""
    lines: list[InstanceLine | LabelLine] = []
    for patient, split in (("P1", "train"), ("P2", "test")):
        members = {}
        for number, file in enumerate(write_ct_series(tmp_path / patient, slices=2, patient=patient), 1):
            part10 = file.read_bytes()
            uid = f"1.2.{patient[1:]}.{number}"
            members[member_name(uid)] = part10
            digest = hashlib.sha256(part10[data_set_offset(part10) :]).hexdigest()
            place = {"patient": patient, "study": f"1.2.{patient[1:]}", "series": f"1.3.{patient[1:]}"}
            about = {"member": member_name(uid), "digest": digest, "sop_instance_uid": uid, "modality": "CT"}
            package = (tmp_path / f"{patient}.zip").as_uri()
            lines.append(
                InstanceLine.model_validate(
                    {"package": package, "sop_class_uid": "1.2", "split": split, **place, **about}
                )
            )
        (tmp_path / f"{patient}.zip").write_bytes(make_zip(members))
    said = {"patient": "P1", "source": "reader", "split": "train", "name": "lesion"}
    lines.append(LabelLine.model_validate({"level": "patient", "value": False, **said}))
    lines.append(LabelLine.model_validate({"level": "study", "study": "1.2.1", "value": True, **said}))
    (tmp_path / LOCAL).write_bytes(b"".join(canonical_json(line) + b"\n" for line in lines))
    return tmp_path


def test_a_side_of_a_batch_is_its_images_in_hounsfield_units_with_what_is_known_of_them(folder):
    images = PulledBatch(folder, split="train")
    assert len(images) == 2
    image, facts = images[1]
    assert (image.shape, image.dtype) == ((1, 64, 64), torch.float32)
    assert image.unique().tolist() == [2 - 1024]  # the builder's slice 2, with its rescale intercept
    assert (facts["patient"], facts["labels"]) == ("P1", {"lesion": True})


def test_a_loader_reads_both_sides(folder):
    loader = torch.utils.data.DataLoader(PulledBatch(folder), batch_size=None)
    assert [facts["patient"] for _, facts in loader] == ["P1", "P1", "P2", "P2"]


def test_an_image_that_is_not_the_one_of_the_batch_is_refused(folder):
    (folder / "P1.zip").write_bytes((folder / "P2.zip").read_bytes().replace(b"1.2.2.", b"1.2.1."))
    with pytest.raises(BatchError):
        PulledBatch(folder)[0]


def test_a_folder_that_nothing_was_pulled_to_says_how(tmp_path):
    with pytest.raises(BatchError, match="sluice batch pull"):
        PulledBatch(tmp_path)
