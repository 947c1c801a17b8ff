"""Labels outlive NiFi (invariant 3): imported while it is gone and wiped, they arrive once all the same."""

from pathlib import Path

import pytest

from handoff.client import HandoffClient
from handoff.schemas.batches import BatchRequest
from nifi import nar
from nifi.distribution import launch
from tests.builders import write_ct_series
from tests.label_import import import_labels, label_states
from tests.waiting import wait_for
from tests.whole_path import WholePath, push

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]


def test_labels_that_a_wiped_nifi_never_saw_reach_the_batch(tmp_path: Path) -> None:
    processors_nar = nar.build()
    with WholePath(tmp_path / "home") as path:
        path.up(processors_nar)
        files = write_ct_series(tmp_path / "source", slices=3, patient="MRN-4711-08")
        push(path.dicom_port, files, tmp_path / "list").finish()
        path.settle(3)
        path.kill_nifi()
        wait_for(lambda: launch.find(path.home) is None, 60, lambda: "NiFi survived SIGKILL")
        launch.wipe(path.home)
        assert import_labels(path, files, "MRN-4711-08", tmp_path / "labels.csv").returncode == 1
        assert label_states(path) == ["pending"]
        path.handoff.kill()
        path.deploy(processors_nar)
        wait_for(lambda: label_states(path) == ["seen"], 120, lambda: f"label documents are {label_states(path)}")
        path.handoff.start()
        wait_for(lambda: label_states(path) == ["confirmed"], 120, lambda: f"label documents are {label_states(path)}")
        with HandoffClient.of_home(f"http://127.0.0.1:{path.http_port}", path.home) as handoff:
            wait_for(lambda: list(handoff.studies(project="lung", state="complete")), 180, lambda: "no study closed")
            batch = handoff.form_batch(BatchRequest(project="lung", select="labelled"))
        assert batch.label_counts == {"radiology-2026": {"diameter_mm": 1, "grade": 2, "malignant": 2}}
        witnesses = path.reconcile()
        assert witnesses.returncode == 0, witnesses.stdout
