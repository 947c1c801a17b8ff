"""A site with rules, without processes: studies close at a word, engines end at a word, and the clock stands still."""

import secrets
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from handoff.database.engine import Database
from handoff.database.tables import Handoff, Instance, PipelineVersion, RuleFiring, Shipment, Study
from handoff.handoffs.states import State
from handoff.home import ResearchHome
from handoff.rules.keeper import RuleKeeper
from handoff.schemas.withdrawals import WithdrawalRequest
from handoff.settings import Settings
from handoff.store.make import open_store
from handoff.studies.close import close
from handoff.studies.judge import Complete
from handoff.withdrawals.ask import withdraw

NOON = 1_780_056_000.0
"""29 May 2026, 12:00 UTC."""
PREPARE = {"pipeline": "prepare"}
TRAIN = {"kind": "train", "pipeline": "train"}


def rule(trigger: str, then: dict[str, Any] | None = TRAIN, **facts: Any) -> dict[str, Any]:
    """A rule as handoff.yaml has it; facts of the trigger have their own names."""
    when = {name: facts.pop(name) for name in ("count", "cron", "zone", "name", "below", "above") if name in facts}
    return {"when": {"trigger": trigger, **when}, "prepare": PREPARE, "then": then, **facts}


class Site:
    """One project, `lungs`, with rules; `keeper()` makes as many replicas as a test likes."""

    def __init__(self, home: Path, database: Database, rules: dict[str, Any]) -> None:
        self.settings = Settings(home=home, projects={"lungs": {"rules": rules}})
        self.database = database
        self.now = NOON
        research = ResearchHome.of(home)
        research.make()
        self.store = open_store(self.settings, research)
        inputs = {name: {"type": "STRING"} for name in ("batch_uri", "handoff_key", "result_uri")}
        with database.write() as session:
            for name in ("prepare", "train"):
                facts = {"yaml_digest": "0" * 64, "code_digest": "0" * 64, "registered_at": 0.0, "local_too": True}
                session.add(PipelineVersion(id=name.ljust(64, "0"), name=name, inputs=inputs, **facts))

    def keeper(self, database: Database | None = None) -> RuleKeeper:
        """A replica's keeper; it runs only when a test lets it look."""
        return RuleKeeper(database or self.database, self.store, self.settings, clock=lambda: self.now)

    def look(self, keeper: RuleKeeper | None = None) -> None:
        """Let a replica do all that is to be done now."""
        keeper = keeper or self.keeper()
        while keeper.look():
            pass

    def close_study(self, uid: str, instances: int = 1, truth: str | None = None) -> None:
        """Instances of a study arrive in one shipment, and it closes; a study of that name gets its next version."""
        with self.database.write() as session:
            study = session.scalar(select(Study).where(Study.study_uid == uid))
            if study is None:
                facts = {"patient": f"P{uid}", "state": "open", "version": 0, "last_arrival_at": self.now}
                study = Study(project="lungs", study_uid=uid, **facts)
                session.add(study)
                session.flush()
            shipment = secrets.token_hex(16)
            facts = {"modality": "CT", "sha256": "0" * 64, "size": 1, "withheld": 0, "withheld_by": {}}
            facts |= {"treatment": {}, "receipt": {}, "received_at": self.now, "delivered": instances}
            place = {"project": "lungs", "study_id": study.id, "patient": study.patient, "series_uid": f"{uid}.1"}
            session.add(Shipment(id=shipment, **place, **facts))
            session.flush()
            for _ in range(instances):
                self._instance(session, study, shipment)
            session.flush()
            close(session, study, Complete({"rule": "test"}), self.settings, self.now)

    def _instance(self, session, study: Study, shipment: str) -> None:
        facts = {"size": 1, "revision": 1, "annotation": False, "references": [], "digest": secrets.token_hex(32)}
        uid = f"2.25.{secrets.randbits(100)}"
        session.add(Instance(shipment_id=shipment, study_id=study.id, sop_instance_uid=uid, sop_class_uid="1", **facts))

    def reopen(self, uid: str) -> None:
        """Something of a study came, and it is not closed yet."""
        with self.database.write() as session:
            session.scalars(select(Study).where(Study.study_uid == uid)).one().state = "open"

    def withdraw_first(self, uid: str) -> None:
        """The first shipment of a study is withdrawn."""
        with self.database.read() as session:
            of_study = select(Shipment.id).join(Study, Study.id == Shipment.study_id).where(Study.study_uid == uid)
            shipment = session.scalars(of_study).first()
        request = WithdrawalRequest(project="lungs", shipments=(shipment,), reason="consent-withdrawn")
        withdraw(self.database, request, "somebody")

    def run_again(self) -> None:
        """A person lets the newest run, which has ended, run once more."""
        with self.database.write() as session:
            newest = session.scalars(select(Handoff).order_by(Handoff.created_at.desc())).first()
            same = {column.key: getattr(newest, column.key) for column in Handoff.__table__.columns}
            fresh = {"id": secrets.token_hex(16), "key": secrets.token_hex(32), "created_at": newest.created_at + 1}
            session.add(Handoff(**{**same, **fresh, "state": State.ACCEPTED, "rerun_of": newest.id}))

    def end_runs(self, state: State = State.SUCCEEDED) -> None:
        """The engine ends all that runs."""
        with self.database.write() as session:
            for handoff in session.scalars(select(Handoff).where(Handoff.state == State.ACCEPTED)):
                handoff.state, handoff.ended_at = state, self.now
        self.now += 120

    def firings(self) -> list[tuple[str, str | None]]:
        """State and reason of each firing, in the order of its occasion."""
        with self.database.read() as session:
            return [(row.state, row.reason) for row in session.scalars(select(RuleFiring).order_by(RuleFiring.id))]

    def runs(self) -> dict[str, int]:
        """How many handoffs there are of each kind."""
        with self.database.read() as session:
            counted = select(Handoff.kind, func.count()).group_by(Handoff.kind)
            return {kind: number for kind, number in session.execute(counted)}  # noqa: C416
