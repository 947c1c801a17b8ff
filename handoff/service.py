"""Everything a request may need, wired in one place and given to the app as its state."""

from dataclasses import dataclass

from sqlalchemy import select

from handoff.access.audit import AuditTrail
from handoff.access.authenticate import Authentication
from handoff.access.home_tokens import record_tokens
from handoff.access.openid.openid import Openid
from handoff.access.run_tokens import ENGINE_SECONDS, RunTokens
from handoff.access.sign_in import SignIn
from handoff.access.tokens import Tokens
from handoff.alive import Alive
from handoff.batches.worksheet import sweep_worksheets
from handoff.bulk.beside import BulkBeside
from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from handoff.database.open import open_database
from handoff.database.tables import EvidenceMessage, LabelDocument, Shipment
from handoff.drain import Drain
from handoff.errors import StartError
from handoff.evidence import EvidenceAdmission, evidence_admission
from handoff.handoffs.gone import GoneTargets
from handoff.home import ResearchHome
from handoff.labels.admit import LabelAdmission, label_admission
from handoff.operations.retention import Remover
from handoff.receipts import ReceiptSigner
from handoff.rules.check import require_possible
from handoff.rules.keeper import RuleKeeper
from handoff.settings import Settings
from handoff.shipments.admit import ShipmentAdmission
from handoff.shipments.unadmitted import sweep_unadmitted
from handoff.store import Store
from handoff.store.make import open_store
from handoff.studies.close import StudyCloser
from handoff.telemetry.metrics import DatabaseMetrics, RequestMetrics
from handoff.telemetry.spans import Spans, open_spans
from handoff.withdrawals.withdrawer import Withdrawer

_KEEP_SECONDS = 30.0
"""Longest wait for packages that are being kept when the service ends."""


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of a running handoff."""

    settings: Settings
    home: ResearchHome
    database: Database
    store: Store
    alive: Alive
    signer: ReceiptSigner
    tokens: Tokens
    run_tokens: RunTokens
    authentication: Authentication
    openid: Openid | None
    sign_in: SignIn
    trail: AuditTrail
    shipments: ShipmentAdmission
    evidence: EvidenceAdmission
    labels: LabelAdmission
    closer: StudyCloser
    rules: RuleKeeper
    withdrawer: Withdrawer
    remover: Remover
    gone: GoneTargets
    drain: Drain
    bulk: BulkBeside
    metrics: RequestMetrics
    spans: Spans

    @classmethod
    def open(cls, settings: Settings) -> "Service":
        """Make the home if it is new, migrate the database, sweep dead part files.

        Raises:
            StartError: the home, its key or its database cannot be used, or a rule can never start a run.
        """
        require_possible(settings)
        home = ResearchHome.of(settings.home)
        home.make()
        database = open_database(settings, home)
        upgrade(database)
        _require_key(database, home)
        signer = ReceiptSigner.load(home.receipt_key)
        record_tokens(database, home)
        store = open_store(settings, home)
        store.spool.sweep()
        sweep_unadmitted(database, store)
        sweep_worksheets(store.spool.folder)
        tokens = Tokens(database)
        openid = None if settings.openid is None else Openid(settings.openid, settings.pages.url)
        metrics = RequestMetrics()
        metrics.registry.register(DatabaseMetrics(database))
        return cls(
            settings=settings,
            home=home,
            database=database,
            store=store,
            alive=Alive(home),
            signer=signer,
            tokens=tokens,
            run_tokens=RunTokens.of_home(database, home, ENGINE_SECONDS),
            authentication=Authentication(tokens, *([openid] if openid else [])),
            openid=openid,
            sign_in=SignIn.of(settings.pages, openid, database, tokens),
            trail=AuditTrail(database),
            shipments=ShipmentAdmission(database, store, signer, settings),
            evidence=evidence_admission(database, signer, settings),
            labels=label_admission(database, signer),
            closer=StudyCloser(database, settings),
            rules=RuleKeeper(database, store, settings),
            withdrawer=Withdrawer(database, home, store, signer),
            remover=Remover(database, home, settings.retention),
            gone=GoneTargets(database, settings),
            drain=Drain(settings.stop_seconds),
            bulk=BulkBeside(),
            metrics=metrics,
            spans=open_spans("sluice-handoff", settings.traces_to),
        )

    def close(self) -> None:
        """Let what is being kept come to its end, stop the loops and let go of the database."""
        self.drain.wait(_KEEP_SECONDS)
        self.bulk.stop()
        self.closer.stop()
        self.rules.stop()
        self.withdrawer.stop()
        self.remover.stop()
        self.gone.stop()
        if self.openid is not None:
            self.openid.close()
        self.spans.close()
        self.alive.end()
        self.database.close()


def _require_key(database: Database, home: ResearchHome) -> None:
    """Make no second key in silence: nobody would believe its receipts, and every delivery would be sent for ever."""
    if home.receipt_key.exists():
        return
    with database.read() as session:
        signed = [session.scalar(select(kind.id).limit(1)) for kind in (Shipment, EvidenceMessage, LabelDocument)]
    if any(signed):
        message = f"{home.receipt_key} is gone, though receipts were signed with it."
        remedy = "Restore it from a backup; or put 32 random bytes there, mode 0600, and pin the new public key."
        raise StartError(message, code="receipt-key", remedy=remedy)
