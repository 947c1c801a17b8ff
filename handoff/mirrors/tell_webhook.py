"""Tell a subscriber of results and promotions, by a signed POST, one after another in the order in which they happened.

A message has the same id and the same bytes each time that it is sent: a subscriber that took it, and whose answer was
lost, knows it again. Only the time of sending and the signature over it are new.
"""

import binascii
import hashlib
import time

from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.contract.canonical import canonical_json
from handoff.contract.webhook import (
    ID_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    PromotionNotice,
    RunNotice,
    WebhookMessage,
    read_secret,
    sign,
)
from handoff.database.engine import Database
from handoff.database.tables import Handoff, LineageEvent, ModelVersion, Promotion
from handoff.http_client import HttpClient
from handoff.lineage.log import subject_of
from handoff.mirrors.interface import EVENT, Change, MirrorAwayError
from handoff.mirrors.post import post
from handoff.mirrors.settings import Notice, Webhook


class WebhookTeller:
    """One subscriber."""

    ordered = True
    settle_seconds = 0.0

    def __init__(self, name: str, settings: Webhook) -> None:
        self.name = f"webhook-{name}"
        self.history, self.keeps_days = settings.history, settings.keeps_days
        self._settings = settings
        self._http = HttpClient(settings.url, settings.http_timeout_seconds, token_file=None, ca_file=settings.ca_file)

    def wants(self, event: LineageEvent) -> tuple[str, str] | None:
        """A row for each event that it subscribed to, of the projects that it may hear of."""
        notice = _notice(event)
        only = self._settings.projects
        if notice not in self._settings.events or (only is not None and event.facts["project"] not in only):
            return None
        return EVENT, str(event.id)

    def tell(self, database: Database, change: Change) -> str:
        """Sign and send."""
        with database.read() as session:
            event = session.get_one(LineageEvent, int(change.subject))
            body = canonical_json(message_of(session, event))
        sent = _message_id(event)
        now = int(time.time())
        signature = sign(self._keys(), sent, now, body)
        headers = {ID_HEADER: sent, TIMESTAMP_HEADER: str(now), SIGNATURE_HEADER: signature}
        post(self._http, self._settings.url, body, headers)
        return sent

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def _keys(self) -> list[bytes]:
        """Read anew for each message, so that a secret is replaced without a restart."""
        try:
            lines = self._settings.secret_file.read_text("ascii").split()
            keys = [read_secret(line) for line in lines]
        except (OSError, ValueError, binascii.Error) as error:
            raise MirrorAwayError("secret-unreadable") from error
        if not keys:
            raise MirrorAwayError("secret-unreadable")
        return keys


def message_of(session: Session, event: LineageEvent) -> WebhookMessage:
    """What an event is told as."""
    notice, project = _notice(event), event.facts["project"]
    identifier = subject_of(event)
    if notice == "promotion":
        return WebhookMessage(
            type=notice, sequence=event.id, project=project, promotion=_promotion(session, identifier)
        )
    assert notice is not None
    return WebhookMessage(type=notice, sequence=event.id, project=project, run=_run(session, identifier, event))


def _notice(event: LineageEvent) -> Notice | None:
    match event.event:
        case "handoff-ended":
            return "result" if event.facts["state"] == "SUCCEEDED" else "failure"
        case "promotion-approved":
            return "promotion"
        case _:
            return None


def _run(session: Session, handoff_id: str, event: LineageEvent) -> RunNotice:
    row = session.get_one(Handoff, handoff_id)
    made = session.scalar(select(ModelVersion.id).where(ModelVersion.handoff_id == handoff_id))
    return RunNotice(
        handoff=row.id,
        key=row.key,
        kind=row.kind,
        state=event.facts["state"],
        reason=row.reason,
        batch=row.batch_id,
        model=row.model_id,
        made_model=made,
        spec_digest=row.spec_digest,
        metrics=row.metrics,
    )


def _promotion(session: Session, promotion_id: str) -> PromotionNotice:
    row = session.get_one(Promotion, promotion_id)
    return PromotionNotice(promotion=row.id, model=row.model, alias=row.alias, version=row.model_id, before=row.before)


def _message_id(event: LineageEvent) -> str:
    """The same for an event whenever it is sent; of another database another, for a subject's id is random."""
    said = f"sluice.webhook/1\n{event.id}\n{event.event}\n{event.subject}".encode()
    return f"msg_{hashlib.sha256(said).hexdigest()[:32]}"
