"""Everything a request may need, wired in one place and given to the app as its state."""

from dataclasses import dataclass

from handoff.access.tokens import Tokens, record_tokens
from handoff.database.dialect import sqlite_url
from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from handoff.evidence import EvidenceAdmission
from handoff.home import ResearchHome
from handoff.receipts import ReceiptSigner
from handoff.settings import Settings
from handoff.shipments.admit import ShipmentAdmission
from handoff.store import FolderStore
from handoff.studies.close import StudyCloser


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of a running handoff."""

    settings: Settings
    home: ResearchHome
    database: Database
    store: FolderStore
    signer: ReceiptSigner
    tokens: Tokens
    shipments: ShipmentAdmission
    evidence: EvidenceAdmission
    closer: StudyCloser

    @classmethod
    def open(cls, settings: Settings) -> "Service":
        """Make the home if it is new, migrate the database, sweep dead part files.

        Raises:
            StartError: the home, its key or its database cannot be used.
        """
        home = ResearchHome.of(settings.home)
        home.make()
        signer = ReceiptSigner.load(home.receipt_key)
        database = Database(settings.database_url or sqlite_url(home.database))
        upgrade(database)
        record_tokens(database, home)
        store = FolderStore(home.store)
        store.sweep()
        return cls(
            settings=settings,
            home=home,
            database=database,
            store=store,
            signer=signer,
            tokens=Tokens(database),
            shipments=ShipmentAdmission(database, store, signer, settings),
            evidence=EvidenceAdmission(database, signer, settings),
            closer=StudyCloser(database, settings),
        )

    def close(self) -> None:
        """Stop the loop and let go of the database."""
        self.closer.stop()
        self.database.close()
