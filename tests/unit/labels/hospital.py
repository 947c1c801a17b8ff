"""A trusted home in which every standing of an object occurs, made by the real stations."""

import copy
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage, generate_uid

from handoff.contract.labels import Labels
from processors.delivery.flowfile import Reference
from processors.delivery.route import route
from processors.delivery.treat import treat
from processors.delivery.workers import Pool
from processors.delivery.workplace import Workplace
from processors.labels.importing import Order, Outcome, run
from processors.site import Site
from tests.unit.delivery.trusted_home import Clock, TrustedHome, ct, reference

RULES = """
version: 1
rules:
  - name: CT of the heart
    when: {modality: CT, series_words: heart}
    ship: [{destination: handoff, project: heart}]
  - name: all other CT
    when: {modality: CT}
    ship: [{destination: handoff, project: lung}]
"""


@dataclass
class Hospital:
    """The home, and the data sets that it received, by what became of them."""

    home: TrustedHome
    seen: dict[str, Dataset] = field(default_factory=dict)

    @classmethod
    def make(cls, root: Path, pool: Pool) -> "Hospital":
        hospital = cls(TrustedHome(root, pool, rules=RULES))
        hospital.fill()
        return hospital

    def copied(self, root: Path) -> "Hospital":
        """The same home at another place; nobody may write to this one meanwhile."""
        self.home.place.close()
        shutil.copytree(self.home.root, root, ignore=shutil.ignore_patterns("notify"))
        home = copy.copy(self.home)
        home.root, home.clock = root, Clock()
        home.place = Workplace(Site.load(root), home.clock)
        home.place.layout.prepare()
        return Hospital(home, self.seen)

    def fill(self) -> None:
        first, second = generate_uid(), generate_uid()
        self.send("slice", first, AccessionNumber="A-1001")
        self.send("other slice", first, self.seen["slice"].SeriesInstanceUID, AccessionNumber="A-1001")
        self.send("other study", second, AccessionNumber="A-1002")
        self.send("withheld", first, AccessionNumber="A-1001", NumberOfFrames=2)
        self.send("north", PatientID="HOSP-4712", IssuerOfPatientID="NORTH", AccessionNumber="A-2000")
        self.send("south", PatientID="HOSP-4712", IssuerOfPatientID="SOUTH", AccessionNumber="A-2000")
        self.send("held", PatientID="")
        self.send("unmatched", Modality="MR", SOPClassUID=MRImageStorage)
        self.send("heart", SeriesDescription="Heart", PatientID="HOSP-5")
        shared = generate_uid()
        self.send("shared", series=shared, PatientID="HOSP-6", AccessionNumber="A-6001")
        self.send("shared too", series=shared, PatientID="HOSP-6", AccessionNumber="A-6002")
        disputed = generate_uid()
        self.send("disputed", disputed, PatientID="HOSP-7")
        self.send("disputed too", disputed, PatientID="HOSP-8")
        self.deliver()
        self.send("in flight", PatientID="HOSP-9")
        announcer = self.home.announcer()
        route(self.home.place, reference(announcer.next(0)), "r")
        announcer.close()
        self.send("just received", PatientID="HOSP-10")

    def send(self, name: str, study: str = "", series: str = "", **changes: object) -> None:
        dataset = ct(study or generate_uid(), series or generate_uid(), **changes)
        self.seen[name] = dataset
        self.home.seal([dataset])

    def deliver(self) -> None:
        """Every announcement to its end."""
        announcer = self.home.announcer()
        while announcement := announcer.next(0):
            outcome = route(self.home.place, reference(announcement), "r")
            for entry in json.loads(outcome.contents or b"[]"):
                self._deliver(entry)
        announcer.close()

    def _deliver(self, entry: dict[str, str]) -> None:
        treated = treat(self.home.place, Reference.read(entry), self.home.pool)
        if treated.relationship == "success":
            packed = {**entry, **treated.attributes}
            [(project,)] = self.home.rows("SELECT project FROM shipments WHERE id = ?", entry["shipment.id"])
            assert self.home.confirm(packed, self.home.handoff.accept(packed, str(project))).relationship == "success"

    def run(self, file: Path, destination: str = "lung", source: str = "reader", **options: object) -> Outcome:
        return run(self.home.root, Order(file, destination, source, **options), lambda _done, _total: None)

    def documents(self, outcome: Outcome) -> list[Labels]:
        """What an import wrote into the landing."""
        assert outcome.recorded is not None
        files = [self.home.place.layout.labels_of(id_) for id_ in outcome.recorded.documents]
        return [Labels.model_validate_json(file.read_bytes()) for file in files]


def listed(outcome: Outcome) -> list[tuple[int, str]]:
    """Line and code of what was not imported."""
    return [(one.line, one.reason.value) for one in outcome.judgement.listed]
