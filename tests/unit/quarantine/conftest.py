"""A home with one clean and one withheld CT slice, and accounts of two people."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import generate_uid

from processors.delivery.workers import Pool
from processors.quarantine.items import Item, waiting
from processors.quarantine.signed_in import accounts_of
from tests.unit.delivery.trusted_home import TrustedHome, ct, reference


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    pool = Pool(1, tmp_path_factory.mktemp("workers") / "workers.log")
    yield pool
    pool.close()


class Quarantined(TrustedHome):
    """What a hospital has after a series of which one slice was withheld."""

    def fill(self, **changes: object) -> None:
        """The second slice has a maker who is called like the patient, which the verifier finds."""
        study, series = generate_uid(), generate_uid()
        self.seal([ct(study, series), ct(study, series, **{"Manufacturer": "Testperson Imaging", **changes})])
        announced = self.announcer().next(0)
        assert announced is not None
        [entry] = self.route(reference(announced))
        sent = self.treat(entry)
        self.confirm(sent, self.handoff.accept(sent, "lung"))
        self.tokens = {name: accounts_of(self.place).add(name, self.clock(), "root") for name in ("ann", "bob")}

    @property
    def item(self) -> Item:
        [found] = waiting(self.place.ledger)
        return found

    def again(self) -> dict[str, str]:
        """What NiFi does with what was released."""
        announcer = self.announcer()
        while (announced := announcer.next(0)) is not None:
            if announced.kind == "delivery":
                [entry] = self.route(reference(announced))
                return entry
        raise AssertionError("nothing was announced")


@pytest.fixture
def home(tmp_path: Path, pool: Pool) -> Iterator[Quarantined]:
    home = Quarantined(tmp_path / "trusted", pool)
    yield home
    home.close()
