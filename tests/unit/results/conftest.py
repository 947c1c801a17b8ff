"""A trusted home that delivered a CT study to the project lung, and runs that make objects of it."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from handoff.contract.canonical import canonical_json
from handoff.contract.returned import Claim, object_id
from ml.inference.segmentation import part10_bytes, segmentation_of
from processors.deid.engine import Engine, Treated
from processors.deid.profile import Profile
from processors.delivery.flowfile import Outcome, Reference
from processors.delivery.workers import Pool
from processors.ledger import results
from processors.ledger.results import ResultObject
from processors.results.station import reidentify
from tests.unit.delivery.trusted_home import TrustedHome, ct, part10, reference

SITE = "results: {lung: pacs}\ntime_zone: Europe/Berlin\n"
HANDOFF, BATCH = "ab" * 16, "cd" * 32


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """One worker process, started once."""
    pool = Pool(1, tmp_path_factory.mktemp("workers") / "workers.log")
    yield pool
    pool.close()


def slices(number: int, patient: str = "HOSP-4711", **changes: object) -> list[Dataset]:
    """Slices of one series of a new study, side by side along z."""
    study, series = generate_uid(), generate_uid()
    made = []
    for index in range(number):
        z = [-32.0, -32.0, 2.0 * index]
        made.append(ct(study, series, PatientID=patient, InstanceNumber=index + 1, ImagePositionPatient=z, **changes))
    return made


@dataclass
class Site:
    """The home, and hands that do the work of the research side and of the flow `return`."""

    home: TrustedHome
    shipments: list[str] = field(default_factory=list)
    made: int = 0
    made_of: list[Dataset] = field(default_factory=list)

    def deliver(self, datasets: list[Dataset], project: str = "lung") -> None:
        """Seal and deliver a series; its shipments become part of the run's batch."""
        self.home.seal(datasets)
        announcer = self.home.announcer()
        try:
            while (announced := announcer.next(0)) is not None:
                self.shipments += [each["shipment.id"] for each in self.home.deliver(reference(announced), project)]
        finally:
            announcer.close()

    def research(self, datasets: list[Dataset], project: str = "lung") -> list[Dataset]:
        """The slices as the research side has them."""
        engine = Engine(Profile.load(), self.home.place.keys.project(project))
        treated = [engine.treat(part10(each)) for each in datasets]
        return [dcmread(_file(each)) for each in treated if isinstance(each, Treated)]

    def segmentation(self, datasets: list[Dataset], project: str = "lung", key: str = "e" * 64) -> Dataset:
        """What inference makes of them: a mask of a few voxels."""
        sources = self.research(datasets, project)
        mask = np.zeros((len(sources), 16, 16), bool)
        mask[1, 4:9, 5:7] = True
        return segmentation_of(mask, sources, key, "lesion-unet")

    def claim(self, content: bytes, **changes: Any) -> Claim:
        """What the handoff says of an object; each has a path of its own."""
        self.made += 1
        path = f"segmentations/{self.made}.dcm"
        facts = {
            "id": object_id(HANDOFF, path),
            "handoff": HANDOFF,
            "path": path,
            "sha256": hashlib.sha256(content).hexdigest(),
            "size": len(content),
            "project": "lung",
            "batch": BATCH,
            "model": "lesion:3",
            "shipments": tuple(sorted(self.shipments)),
        }
        return Claim.model_validate({**facts, **changes})

    @property
    def inbox(self) -> Path:
        return self.home.place.layout.results_inbox

    def fetch(self, content: bytes, claim: Claim) -> None:
        """What InvokeHTTP and PutFile do."""
        (self.inbox / claim.id).write_bytes(canonical_json(claim) + b"\n" + content)

    def take(self, id_: str, n: int = 0) -> Outcome:
        """What ReidentifyDICOM does with a FlowFile."""
        return reidentify(self.home.place, Reference(id_, n, "result"), self.inbox)

    def bring(self, made: Dataset | bytes, **changes: Any) -> tuple[Outcome, ResultObject]:
        """Fetch an object and judge it."""
        content = made if isinstance(made, bytes) else part10_bytes(made)
        claim = self.claim(content, **changes)
        self.fetch(content, claim)
        outcome = self.take(claim.id)
        row = results.get(self.home.place.ledger, claim.id)
        assert row is not None
        return outcome, row

    def returned(self, row: ResultObject) -> Dataset:
        """The finished object."""
        assert row.file is not None
        return dcmread(self.home.place.layout.root / row.file)


def _file(treated: Treated) -> Any:
    return BytesIO(b"".join(bytes(chunk) for chunk in treated.chunks))


@pytest.fixture
def make_site(tmp_path: Path, pool: Pool) -> Iterator[Callable[..., Site]]:
    """Makes a site with the given rules or settings."""
    made: list[Site] = []

    def make(**settings: Any) -> Site:
        site = Site(TrustedHome(tmp_path / f"trusted{len(made)}", pool, **{"site": SITE, **settings}))
        made.append(site)
        return site

    yield make
    for site in made:
        site.home.close()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """A site that ships every CT to lung, and gets lung's results at the peer pacs."""
    return make_site()
