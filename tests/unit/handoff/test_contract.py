"""What the zones say to each other."""

import json

import pytest
from pydantic import ValidationError

from handoff.contract.batch import BATCH_LINE, read_batch
from handoff.contract.canonical import canonical_digest, canonical_json
from handoff.contract.evidence import Evidence
from handoff.contract.export import SCHEMAS, schemas
from handoff.contract.receipt import Receipt
from handoff.contract.result import Result
from handoff.contract.shipment import Instance, Manifest

DIGEST = "ab" * 32
ID = "cd" * 16


def instance(uid: str = "1.2.3", **changes: object) -> dict[str, object]:
    return {
        "sop_instance_uid": uid,
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.2",
        "member": f"instances/{uid}.dcm",
        "digest": DIGEST,
        "size": 512,
        **changes,
    }


def manifest(**changes: object) -> dict[str, object]:
    return {
        "shipment_id": ID,
        "project": "lungs",
        "patient": "P0001",
        "study_instance_uid": "1.2",
        "series_instance_uid": "1.2.1",
        "modality": "CT",
        "instances": [instance()],
        **changes,
    }


def test_the_committed_schemas_are_those_of_the_models():
    committed = {file.name: file.read_text("utf-8") for file in SCHEMAS.glob("*.json")}
    assert committed == schemas(), "run: python -m handoff.contract.export"


def test_canonical_json_does_not_depend_on_the_order_of_keys():
    assert canonical_json({"b": 1, "a": [True, None, "ü"]}) == '{"a":[true,null,"ü"],"b":1}'.encode()
    assert canonical_digest({"b": 1, "a": 2}) == canonical_digest({"a": 2, "b": 1})


def test_canonical_json_refuses_what_json_cannot_say():
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(float("nan"))
    with pytest.raises(TypeError, match="set"):
        canonical_json({1, 2})


def test_a_manifest_survives_its_canonical_form():
    document = Manifest.model_validate(manifest(withheld={"pixels-unchecked": 2}))
    assert Manifest.model_validate_json(canonical_json(document)) == document
    assert json.loads(canonical_json(document))["schema"] == "sluice.package/1"


@pytest.mark.parametrize(
    "changes",
    [
        {"received_at": "2026-01-01"},
        {"shipment_id": "../../etc/passwd"},
        {"patient": "a b"},
        {"instances": []},
        {"instances": [instance(), instance()]},
        {"instances": [instance(member="instances/../x.dcm")]},
        {"instances": [instance("1.2.3", member="instances/1.2.4.dcm")]},
        {"instances": [instance(digest=DIGEST.upper())]},
        {"schema": "sluice.package/2"},
        {"withheld": {"Not a code": 1}},
    ],
)
def test_a_manifest_with_anything_outside_its_closed_shape_is_refused(changes):
    with pytest.raises(ValidationError):
        Manifest.model_validate(manifest(**changes))


def test_documents_are_frozen():
    with pytest.raises(ValidationError):
        Instance.model_validate(instance()).size = 3  # type: ignore[misc]


def test_evidence_accounts_for_delivered_withheld_held_duplicates_and_variants():
    shipments = [{"id": ID, "delivered": 5, "withheld": 2}]
    evidence = Evidence.model_validate(
        {
            "evidence_id": ID,
            "project": "lungs",
            "study_instance_uid": "1.2",
            "ending": "released",
            "shipments": shipments,
            "held": 1,
            "duplicates": 3,
            "variants": 1,
            "total": 12,
        }
    )
    assert evidence.accounted() == 5 + 2 + 1 + 3 + 1


def test_a_receipt_signs_sorted_keys_without_spaces():
    receipt = Receipt(kind="shipment", id=ID, sha256=DIGEST, size=7, project="lungs", key_id="0" * 16)
    assert receipt.signed_bytes().startswith(b'{"id":"cdcd')
    assert b" " not in receipt.signed_bytes()


def test_batch_lines_are_told_apart_by_their_kind(tmp_path):
    common = {"patient": "P1", "study": "1.2", "series": "1.3", "split": "train"}
    volume = {"kind": "volume", "uri": "file:///v.zarr", "digest": DIGEST, "spec_digest": DIGEST, **common}
    line = {"kind": "instance", "package": "file:///p.zip", "modality": "CT", **common, **instance()}
    line.pop("size")
    file = tmp_path / "batch.jsonl"
    file.write_bytes(canonical_json(line) + b"\n" + canonical_json(volume) + b"\n")
    assert [read.kind for read in read_batch(file)] == ["instance", "volume"]
    with pytest.raises(ValidationError):
        BATCH_LINE.validate_python({**volume, "kind": "instance"})


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../b", "a//b", "a\\b", "", "a/./b"])
def test_a_result_names_no_file_outside_its_folder(path):
    file = {"path": path, "sha256": DIGEST, "size": 1, "role": "report", "media_type": "text/plain"}
    with pytest.raises(ValidationError):
        Result.model_validate({"handoff_key": DIGEST, "kind": "infer", "files": [file], "spec_digest": DIGEST})


def test_a_training_result_names_its_model_among_its_files():
    file = {"path": "m.pt", "sha256": DIGEST, "size": 1, "role": "model", "media_type": "application/octet-stream"}
    document = {"handoff_key": DIGEST, "kind": "train", "files": [file], "spec_digest": DIGEST}
    assert Result.model_validate({**document, "model": {"name": "unet", "file": "m.pt"}}).model is not None
    with pytest.raises(ValidationError):
        Result.model_validate({**document, "model": {"name": "unet", "file": "other.pt"}})
    with pytest.raises(ValidationError):
        Result.model_validate(document)


def test_evidence_counts_no_shipment_twice():
    shipment = {"id": "a" * 32, "delivered": 2, "withheld": 0}
    facts = {"evidence_id": "b" * 32, "project": "lungs", "study_instance_uid": "1.2", "ending": "released"}
    with pytest.raises(ValidationError, match="twice"):
        Evidence.model_validate({**facts, "shipments": [shipment, shipment], "total": 4})
