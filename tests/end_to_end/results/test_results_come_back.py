"""Results come back into a real PACS: into the original study of the original patient, once, or not at all.

The PACS is Debian's Orthanc; NiFi, receiver and handoff are real. Inference is a registered pipeline that writes, by
`ml.inference`, what the annotation says, so that the overlap with the truth must be nearly complete.
"""

import contextlib
import hashlib
import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest

from handoff.client import HandoffClient
from handoff.contract.returned import object_id
from handoff.schemas.batches import BatchRequest
from handoff.schemas.handoffs import HandoffView
from nifi import nar
from nifi.distribution import launch
from sluice.demo.pacs import in_patient_millimetres
from sluice.demo.people import identifying_values
from sluice.demo.studies import Study, write_study
from sluice.demo.sweep import sweep
from tests.orthanc import Orthanc, write_peers
from tests.waiting import wait_for
from tests.whole_path import SLUICE, WholePath

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(1500)]

PIPELINE = Path(__file__).with_name("truth_pipeline.py")
SEEDS = (101, 102)
"""One scanner that compresses by RLE, and one that does not."""
PACS = "PACSNORD7734"
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"


class Hospital:
    """A whole path with a PACS, and two studies that went through it."""

    def __init__(self, folder: Path) -> None:
        self.pacs = Orthanc(folder / "pacs", ae_title=PACS)
        self.path = WholePath(folder / "home", site="results: {lung: pacs}\ntime_zone: Europe/Berlin\n")
        write_peers(self.path.trusted, self.pacs)
        self.studies = [write_study(folder / "modality" / str(seed), seed) for seed in SEEDS]
        self.files = [file for study in self.studies for file in study.files]
        self.nar = nar.build()
        self.handoff: HandoffClient | None = None

    def up(self, folder: Path) -> None:
        """Start everything; the PACS has the originals, as a hospital's would."""
        self.pacs.start()
        self.pacs.add(self.images)
        self.path.up(self.nar)
        titles = ["-aet", "MODALITY", "-aec", "SLUICE"]
        sender = ["dcmsend", *titles, "127.0.0.1", str(self.path.dicom_port), *map(str, self.files)]
        subprocess.run(sender, check=True, capture_output=True, timeout=180)
        self.path.settle(len(self.files))
        self.handoff = HandoffClient.of_home(f"http://127.0.0.1:{self.path.http_port}", self.path.home)
        compiled = folder / "truth.yaml"
        subprocess.run([sys.executable, str(PIPELINE), str(compiled)], check=True)
        code = hashlib.sha256(PIPELINE.read_bytes()).hexdigest()
        self.handoff.register_pipeline("truth", compiled.read_text(), code)
        wait_for(lambda: len(list(self.handoff.studies("lung", "complete"))) == len(SEEDS), 180)
        self.batch = self.handoff.form_batch(BatchRequest(project="lung", select="annotated")).id
        self.run("prepare")
        assert self.run("train").made_model == "truth:1"

    def down(self) -> None:
        with contextlib.ExitStack() as ending:
            ending.callback(self.pacs.__exit__)
            ending.callback(self.path.__exit__)
            if self.handoff is not None:
                ending.callback(self.handoff.__exit__, None, None, None)

    @property
    def images(self) -> list[Path]:
        return [file for study in self.studies for file in study.files if not file.name.startswith("SEG")]

    def run(self, kind: str, **parameters: str) -> HandoffView:
        """One run, awaited."""
        model = "truth:1" if kind == "infer" else None
        asked: Any = {"kind": kind, **parameters}
        view = self.handoff.hand_off(
            kind=asked["kind"], batch=self.batch, pipeline="truth", parameters=asked, model=model
        )
        view = self.handoff.wait(view.id, 300)
        assert view.state == "SUCCEEDED", self.handoff.logs(view.id)
        return view

    def objects(self, view: HandoffView) -> dict[str, Any]:
        """The ledger's rows of a run's objects, by their paths."""
        rows = self.path.ledger("SELECT * FROM results WHERE handoff_id = ?", view.id)
        return {row["path"]: dict(row) for row in rows}

    def states(self, view: HandoffView) -> list[str]:
        return sorted(row["state"] for row in self.objects(view).values())

    def wait_for_states(self, view: HandoffView, *states: str, seconds: float = 300) -> None:
        wait_for(lambda: self.states(view) == sorted(states), seconds, lambda: f"{self.objects(view)}")

    def in_pacs(self, study: Study) -> list[pydicom.Dataset]:
        """The segmentations that the PACS has in an original study, as it gives them back."""
        found = []
        for uid in self.pacs.sop_instance_uids(study.study_uid):
            dataset = pydicom.dcmread(BytesIO(self.pacs.file(uid)))
            if dataset.SOPClassUID == SEGMENTATION:
                found.append(dataset)
        return found

    def sent_once(self, view: HandoffView) -> None:
        """Every object of a run is in the PACS, and no other UID came of it."""
        rows = self.objects(view).values()
        assert {row["state"] for row in rows} == {"sent"}
        everything = [uid for study in self.studies for uid in self.pacs.sop_instance_uids(study.study_uid)]
        assert [everything.count(row["sop_instance_uid"]) for row in rows] == [1] * len(SEEDS)
        pinned = {row[0] for row in self.path.ledger("SELECT sop_instance_uid FROM results WHERE state = 'sent'")}
        originals = {uid for study in self.studies for uid in study.instance_uids}
        assert set(everything) == pinned | originals


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hospital")
    hospital = Hospital(folder)
    try:
        hospital.up(folder)
        yield hospital
    finally:
        hospital.down()


@pytest.fixture(scope="module")
def inferred(hospital):
    """The first inference, whose results are back."""
    view = hospital.run("infer")
    hospital.wait_for_states(view, "sent", "sent")
    return view


def test_the_segmentation_is_in_the_original_study_of_the_original_patient(hospital, inferred):
    for study in hospital.studies:
        (segmentation,) = hospital.in_pacs(study)
        original = pydicom.dcmread(study.files[0], stop_before_pixels=True)
        for keyword in ("PatientID", "PatientName", "PatientBirthDate", "StudyInstanceUID", "AccessionNumber"):
            assert segmentation[keyword].value == original[keyword].value, keyword
        assert segmentation.FrameOfReferenceUID == original.FrameOfReferenceUID
        assert segmentation.PatientIdentityRemoved == "NO"
        assert segmentation.SeriesDescription == "AI result truth:1"
    (one,) = hospital.pacs.find("Study", {"StudyInstanceUID": hospital.studies[0].study_uid})
    assert len(one["Series"]) == 2, "the CT and the segmentation are one study"


def test_its_overlap_with_the_truth_is_nearly_complete_in_millimetres_of_the_original_series(hospital, inferred):
    for study in hospital.studies:
        (segmentation,) = hospital.in_pacs(study)
        found, truth = in_patient_millimetres(study, segmentation), study.phantom.truth
        assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.99


def test_the_handoff_and_the_trace_know_that_it_is_back(hospital, inferred):
    (path, row), *_ = hospital.objects(inferred).items()

    def told() -> dict[str, Any]:
        nodes = hospital.handoff.trace(inferred.id).nodes
        return next(node.facts for node in nodes if node.id == f"{inferred.id}/{path}")

    wait_for(lambda: told()["acknowledged"] == "accepted", 180)
    assert told()["object"] == object_id(inferred.id, path)
    command = [*SLUICE, "trace", row["id"], "--json", "--home", str(hospital.path.home)]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert "pacs" in json.dumps(said)
    assert hospital.path.reconcile().returncode == 0


def test_nothing_of_a_patient_and_no_word_of_the_pacs_came_into_nifi(hospital, inferred):
    nifi = launch.instance_folder(hospital.path.home)
    found = sweep([nifi], [*identifying_values(), PACS])
    assert found.files > 20
    assert found.clean, [hit.file.relative_to(nifi) for hit in found.hits]


@pytest.mark.parametrize(("spoil", "reason"), [("stranger", "unknown-pseudonym"), ("known", "known-sop-instance")])
def test_what_does_not_fit_is_held_and_not_sent_and_the_handoff_is_told(hospital, inferred, spoil, reason):
    before = hospital.pacs.sop_instance_uids()
    view = hospital.run("infer", spoil=spoil)
    hospital.wait_for_states(view, "held", "held")
    assert {row["reason"] for row in hospital.objects(view).values()} == {reason}

    def told() -> bool:
        nodes = hospital.handoff.trace(view.id).nodes
        files = [node.facts for node in nodes if node.kind == "file" and node.id.startswith(view.id)]
        return [(one["acknowledged"], one["held_because"]) for one in files] == [("held", reason)] * len(SEEDS)

    wait_for(told, 180)
    assert hospital.pacs.sop_instance_uids() == before


def test_a_pacs_that_is_down_gets_it_later_and_once(hospital, inferred):
    hospital.pacs.kill()
    view = hospital.run("infer", take="down")
    tried = "SELECT 1 FROM results WHERE handoff_id = ? AND attempts > 0"
    wait_for(lambda: len(hospital.path.ledger(tried, view.id)) == 2, 180)
    assert set(hospital.states(view)) == {"ready"}
    hospital.pacs.start()
    hospital.wait_for_states(view, "sent", "sent")
    hospital.sent_once(view)


@pytest.mark.faults
def test_a_full_pacs_and_a_wiped_nifi_only_delay_it(hospital, inferred):
    """A700 first; then NiFi loses all that it held; then another run ends; then the PACS has room again.

    What was kept is announced again by the ledger, what was not fetched yet is listed by the handoff; each comes once.
    """
    hospital.pacs.refuse_stores()
    kept = hospital.run("infer", take="full")
    tried = "SELECT 1 FROM results WHERE handoff_id = ? AND attempts > 0"
    wait_for(lambda: len(hospital.path.ledger(tried, kept.id)) == 2, 180)
    assert set(hospital.states(kept)) == {"ready"}
    hospital.path.kill_nifi()
    wait_for(lambda: launch.find(hospital.path.home) is None)
    launch.wipe(hospital.path.home)
    unknown = hospital.run("infer", take="wiped")
    assert hospital.objects(unknown) == {}
    hospital.pacs.refuse_stores(yes=False)
    hospital.path.deploy(hospital.nar)
    for view in (kept, unknown):
        hospital.wait_for_states(view, "sent", "sent")
    for view in (kept, unknown):
        hospital.sent_once(view)
