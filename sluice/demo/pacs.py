"""The demo's PACS: it has the originals of who will be inferred, and gets the results back into their studies."""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from ml.evaluation.dice import dice
from processors.ledger import results
from processors.ledger.results import ResultObject
from processors.ledger.schema import connect_readonly
from sluice.demo.narrate import Narrator
from sluice.demo.orthanc import Orthanc
from sluice.demo.processes import Crew
from sluice.demo.run_home import PROJECT, RunHome
from sluice.demo.studies import Study

PEER = "pacs"
PATIENCE_SECONDS = 90.0
"""How long results may take from the end of their run into the PACS."""
_LOOK_SECONDS = 0.25
_UNDER_WAY = frozenset({"fetched", "ready"})


@dataclass(frozen=True, slots=True)
class Returned:
    """What came back.

    Attributes:
        made: objects that inference made.
        returned: those that the PACS has in the original study.
        dice: mean over the unseen patients, of what the PACS gives back; None where the truth is not known.
        elsewhere: state and reason of those that did not come back, each with its count.
    """

    made: int
    returned: int
    dice: float | None
    elsewhere: dict[str, int] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether every object is where it belongs."""
        return self.returned == self.made


def start_pacs(run: RunHome, crew: Crew) -> Orthanc:
    """Start Orthanc on loopback and tell the trusted side of it.

    Raises:
        PartFailedError: it is not installed, or does not answer.
    """
    pacs = Orthanc(run.root / "pacs")
    part = crew.start("pacs", ["env", "TCP_NODELAY=1", *pacs.command])
    pacs.wait_ready()
    part.check()
    peer = f"{{ae_title: {pacs.ae_title}, host: 127.0.0.1, port: {pacs.port}, calling_ae_title: SLUICE}}"
    (run.trusted / "peers.yaml").write_text(f"peers:\n  {PEER}: {peer}\n")
    with (run.trusted / "sluice.yaml").open("a") as site:
        site.write(f"results: {{{PROJECT}: {PEER}}}\n")
    return pacs


def wait_for_return(run: RunHome, handoff: str, made: int, crew: Crew, narrator: Narrator) -> list[ResultObject]:
    """Wait until every object of a run has ended: in the PACS, or held. After a while, whatever there is by then."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with closing(connect_readonly(run.site.ledger)) as ledger:
        while True:
            found = results.of_handoffs(ledger, [handoff])
            ended = [row for row in found if row.state not in _UNDER_WAY]
            if len(ended) >= made or time.monotonic() > deadline:
                return found
            crew.check()
            narrator.progress(f"{len(ended)} of {made} results are back")
            time.sleep(_LOOK_SECONDS)


def look_back(pacs: Orthanc, rows: Sequence[ResultObject], made: int, studies: Sequence[Study]) -> Returned:
    """Ask the PACS what it has, and compare that with the truth."""
    back = [row for row in rows if row.sop_instance_uid in pacs.sop_instance_uids(row.study_uid or "-")]
    elsewhere: dict[str, int] = {}
    for row in rows:
        if row not in back:
            said = f"{row.state} {row.reason or ''}".strip()
            elsewhere[said] = elsewhere.get(said, 0) + 1
    if made > len(rows):
        elsewhere["not fetched"] = made - len(rows)
    by_study = {row.study_uid: row for row in back}
    scores = [_score(pacs, study, by_study.get(study.study_uid)) for study in studies]
    return Returned(made, len(back), float(np.mean(scores)) if scores else None, elsewhere)


def _score(pacs: Orthanc, study: Study, row: ResultObject | None) -> float:
    if row is None or row.sop_instance_uid is None:
        return 0.0
    segmentation = pydicom.dcmread(BytesIO(pacs.file(row.sop_instance_uid)))
    return dice(in_patient_millimetres(study, segmentation), study.phantom.truth)


def in_patient_millimetres(study: Study, segmentation: Dataset) -> NDArray[np.bool_]:
    """A segmentation's voxels in the grid of the original series, found by their place in the patient alone."""
    x0, y0, z0 = study.phantom.origin
    grid = study.phantom.spacing
    shared = segmentation.SharedFunctionalGroupsSequence[0]
    rows_apart, columns_apart = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    mask = np.zeros_like(study.phantom.truth)
    frames = segmentation.pixel_array.reshape(-1, segmentation.Rows, segmentation.Columns)
    for frame, groups in zip(frames, segmentation.PerFrameFunctionalGroupsSequence, strict=True):
        x, y, z = map(float, groups.PlanePositionSequence[0].ImagePositionPatient)
        rows, columns = np.nonzero(frame)
        k = round((z - z0) / grid.slices)
        j = np.rint((y + rows * rows_apart - y0) / grid.rows).astype(int)
        i = np.rint((x + columns * columns_apart - x0) / grid.columns).astype(int)
        mask[k, j, i] = True
    return mask
