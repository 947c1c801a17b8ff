"""Labels through a real NiFi: images sent, labels imported, confirmed by receipt, and in the batch of a handoff.

Both sides speak TLS, and each knows the other by its certificate.

Invariant 4 for labels: nothing of the spreadsheet is in NiFi. That NiFi may forget them is a test of `tests/faults`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pydicom
import pytest

from handoff.contract.batch import LabelLine, read_batch
from handoff.schemas.batches import BatchRequest
from nifi.distribution import launch
from nifi.nar import Nar
from sluice.demo.sweep import sweep
from tests.builders import write_ct_series
from tests.label_import import import_labels, label_states
from tests.waiting import wait_for
from tests.whole_path import SLUICE, WholePath, push

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(1500)]

PATIENT = "MRN-4711-08"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, nar: Nar) -> Iterator[WholePath]:
    """One study went through, and then the labels of it."""
    folder = tmp_path_factory.mktemp("labels")
    with WholePath(folder / "home", tls=True) as path:
        path.up(nar)
        files = write_ct_series(folder / "source", slices=3, patient=PATIENT)
        push(path.dicom_port, files, folder / "list").finish()
        path.settle(3)
        path.files = files
        path.imported = import_labels(path, files, PATIENT, folder / "labels.csv")
        wait_for(lambda: label_states(path) == ["confirmed"], 180, lambda: f"label documents are {label_states(path)}")
        yield path


def test_good_lines_are_imported_and_the_others_listed_by_number_and_code(whole):
    assert whole.imported.returncode == 1, whole.imported.stderr
    said = json.loads(whole.imported.stdout)
    assert (said["rows"], said["imported"], said["values"]) == (6, 3, 5)
    assert said["lines"] == [
        {"line": 5, "reason": "key-unknown"},
        {"line": 6, "reason": "keys-disagree"},
        {"line": 7, "reason": "identifying-value"},
    ]


def test_labels_are_lines_of_the_batch_with_their_source(whole):
    with whole.client() as handoff:
        wait_for(lambda: list(handoff.studies(project="lung", state="complete")), 180, lambda: "no study closed")
        batch = handoff.form_batch(BatchRequest(project="lung", select="labelled"))
        assert batch.label_counts == {"radiology-2026": {"diameter_mm": 1, "grade": 2, "malignant": 2}}
        lines = [line for line in read_batch(Path(unquote(urlsplit(batch.uri).path))) if isinstance(line, LabelLine)]
        assert {(line.level, line.name, line.value) for line in lines} == {
            ("study", "grade", "benign"),
            ("study", "malignant", False),
            ("series", "diameter_mm", 12.5),
            ("instance", "grade", 2),
            ("instance", "malignant", True),
        }
        pseudonyms = whole.pseudonyms("lung")
        assert all({line.patient, line.study} <= pseudonyms for line in lines)
        [document] = handoff.labels("lung")
        assert handoff.label_document(document.id).pending == {}
        assert batch.provenance.labels == (document.id,)


def test_every_witness_agrees_on_the_labels_and_the_trace_names_them(whole):
    witnesses = whole.reconcile()
    assert (witnesses.returncode, "label documents: confirmed 1" in witnesses.stdout) == (0, True), witnesses.stdout
    with whole.client() as handoff:
        [document] = handoff.labels("lung")
        handoff.form_batch(BatchRequest(project="lung", select="labelled"))
    traced = whole.run([*SLUICE, "trace", document.id, "--json", "--home", str(whole.home)])
    assert traced.returncode == 0, traced.stderr
    told = json.loads(traced.stdout)
    assert told["witnesses"] == ["ledger", "handoff"], "asked over TLS, by the certificates that the environment names"
    assert any(edge["to"].startswith("batch:") for edge in told["edges"])


def test_nothing_of_the_spreadsheet_is_in_nifi(whole):
    nifi = launch.instance_folder(whole.home)
    values = [PATIENT, "MRN-0000", *(str(pydicom.dcmread(each).SOPInstanceUID) for each in whole.files)]
    result = sweep([nifi], values)
    assert result.files > 20
    assert result.clean, [hit.file.relative_to(nifi) for hit in result.hits]
