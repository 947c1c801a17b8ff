"""What somebody moves at MLflow is asked for here: an alias there becomes a promotion that waits for a person.

1. First it is read which version each alias stands for here, and whether MLflow was told of that. One that was not told
   yet is left alone: it stands there for what it stood for here before.
2. Then MLflow is asked. An alias that stands there for the version that was seen last is nothing new.
3. What is new is written down as seen, and asked for if it is another version than here, in one transaction. Nothing is
   asked for if the alias was moved here meanwhile; the next look sees what came of it.

So each move is asked for once, whoever looks and whatever is killed. The gate is asked as always; nobody but a person
approves. An alias or a version that is not ours is passed over.
"""

import hashlib
from dataclasses import dataclass

import structlog
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from handoff.access.principal import Principal
from handoff.database.dialect import insert_if_absent
from handoff.database.engine import Database
from handoff.database.tables import Alias, MirrorRow, ModelVersion, Promotion
from handoff.errors import ConflictError
from handoff.loop import Loop
from handoff.mirrors.interface import MirrorAwayError, MirrorRefusedError
from handoff.mirrors.mlflow import Mlflow
from handoff.mirrors.mlflow_api import MlflowApi
from handoff.mirrors.settings import MlflowMirror
from handoff.mirrors.tell_mlflow import MlflowTeller
from handoff.models.promote import APPROVED, MOVED_AT_MLFLOW, REFUSED, Promotions
from handoff.schemas.models import AliasName
from handoff.settings import Settings

log = structlog.get_logger("handoff.mirrors")
SEEN = "alias-seen"
"""The kind of the row that says which version an alias stood for at MLflow when it was seen last; 0 for none."""
_ALIAS: TypeAdapter[str] = TypeAdapter(AliasName)
_WHO = Principal(MOVED_AT_MLFLOW, "operator")
"""May not approve, so what it asks for waits."""
_REASON = "The alias was moved at MLflow."


@dataclass(frozen=True, slots=True)
class _Here:
    """What an alias is here: the version, and the newest promotion that MLflow has to know of."""

    model_id: str | None
    promotions: tuple[str, ...]
    told: bool


class AliasesAtMlflow(Loop):
    """Looks at the aliases there, again and again."""

    def __init__(self, mirror: MlflowMirror, settings: Settings, database: Database, every_seconds: float) -> None:
        super().__init__("mlflow-aliases", every_seconds)
        self._database = database
        self._promotions = Promotions(database, settings)
        self._api = MlflowApi(mirror)
        self._mlflow = Mlflow(mirror, self._api)

    def look(self) -> bool:
        """Ask for what was moved there; False, for the next look is not due at once."""
        with self._database.read() as session:
            ours = set(session.scalars(select(ModelVersion.name).distinct()))
            asked = session.execute(select(Promotion.model, Promotion.alias).distinct()).all()
            before = {(model, alias): _here(session, model, alias) for model, alias in asked}  # (1)
        try:
            there = self._mlflow.aliases() if ours else {}  # (2)
            for model in sorted(ours & there.keys()):
                for alias, version in sorted(there[model].items()):
                    self._heed(model, alias, version, before.get((model, alias), _Here(None, (), told=True)))
        except (MirrorAwayError, MirrorRefusedError) as error:
            log.warning("mirror-away", mirror=MlflowTeller.name, code=error.code)
            return False
        for model, alias in sorted(before.keys() - {(name, alias) for name in there for alias in there[name]}):
            self._forget(model, alias)
        return False

    def stop(self) -> None:
        """End the loop, and let go of the connections."""
        super().stop()
        self._api.close()

    def _heed(self, model: str, alias: str, version: int, before: _Here) -> None:
        """Step (3)."""
        if not before.told or not _is_ours(alias):
            return
        with self._database.read() as session:
            if session.scalar(select(MirrorRow.wanted).where(*_of(model, alias))) == version:
                return
        try:
            meant = self._mlflow.model_of(model, version)
        except MirrorRefusedError as error:  # a matter of this one alone; the next look asks again
            log.warning("mirror-refused", mirror=MlflowTeller.name, kind=SEEN, id=f"{model}@{alias}", code=error.code)
            return
        with self._database.write() as session:
            seen = _seen(session, model, alias)
            if seen.wanted == version or _here(session, model, alias) != before:
                return
            seen.wanted = version
            if meant is None or meant == before.model_id or session.get(ModelVersion, meant) is None:
                return
            try:
                row = self._promotions.ask_within(session, _WHO, meant, alias, _REASON)
            except ConflictError as error:
                log.warning("moved-at-mlflow", model=meant, alias=alias, code=error.code)
                return
            log.info("moved-at-mlflow", model=meant, alias=alias, promotion=row.id, state=row.state)

    def _forget(self, model: str, alias: str) -> None:
        """An alias that is gone there; set again, it is a new wish."""
        with self._database.read() as session:
            if not session.scalar(select(MirrorRow.wanted).where(*_of(model, alias))):
                return
        with self._database.write() as session:
            _seen(session, model, alias).wanted = 0


def _here(session: Session, model: str, alias: str) -> _Here:
    standing = session.get(Alias, (model, alias), populate_existing=True)
    of_alias = select(Promotion.id).where(Promotion.model == model, Promotion.alias == alias)
    approved = of_alias.where(Promotion.state == APPROVED)
    put_back = of_alias.where(Promotion.state == REFUSED)
    newest = (session.scalar(one.order_by(Promotion.decided_at.desc()).limit(1)) for one in (approved, put_back))
    known = tuple(one for one in newest if one is not None)
    row = MirrorRow.mirror == MlflowTeller.name, MirrorRow.kind == "promotion", MirrorRow.state == "delivered"
    told = set(session.scalars(select(MirrorRow.subject).where(*row, MirrorRow.subject.in_(known))))
    return _Here(None if standing is None else standing.model_id, known, told == set(known))


def _seen(session: Session, model: str, alias: str) -> MirrorRow:
    """The row of an alias, locked."""
    facts = {"mirror": MlflowTeller.name, "kind": SEEN, "subject": _subject(model, alias)}
    insert_if_absent(session, MirrorRow, {**facts, "wanted": 0, "state": "seen", "due_at": 0.0, "attempts": 0})
    return session.scalars(select(MirrorRow).where(*_of(model, alias)).with_for_update()).one()


def _of(model: str, alias: str) -> tuple[ColumnElement[bool], ...]:
    return (
        MirrorRow.mirror == MlflowTeller.name,
        MirrorRow.kind == SEEN,
        MirrorRow.subject == _subject(model, alias),
    )


def _subject(model: str, alias: str) -> str:
    """Of a fixed length: both names together may be longer than a subject."""
    return hashlib.sha256(f"{model}@{alias}".encode()).hexdigest()


def _is_ours(alias: str) -> bool:
    """Whether an alias has a name that it may have here."""
    try:
        _ALIAS.validate_python(alias)
    except ValidationError:
        return False
    return True
