"""Answers that are kept for requests that may come again, by principal and Idempotency-Key."""

import secrets
import time
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from handoff.alive import Alive
from handoff.database.dialect import insert_if_absent
from handoff.database.engine import Database
from handoff.database.tables import IdempotentRequest
from handoff.errors import ConflictError, RefusedError

LEASE_SECONDS = 60.0
"""How long a key is of who works on it, of whom nothing is known; renewed while it works."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered."""

    status: int
    media_type: str
    body: str


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to answer a request."""

    owner: str
    key: str
    by: str


class KeptAnswers:
    """The table of answers; what several replicas share."""

    def __init__(self, database: Database, alive: Alive) -> None:
        self._database = database
        self._alive = alive

    def begin(self, owner: str, key: str, digest: str) -> Turn | Answer | None:
        """Take the key, or give the answer that it has; None while another request works on it.

        Args:
            owner: whose key it is.
            key: as it was sent.
            digest: of the whole request.

        Raises:
            RefusedError: the key is another request's.
            ConflictError: it was answered, and the answer could not be kept.
        """
        turn, now = Turn(owner, key, secrets.token_hex(8)), time.time()
        hand = {"by": turn.by, "service": self._alive.name}
        fresh = {"principal": owner, "key": key, "request_digest": digest, "body": hand, "at": now}
        with self._database.write() as session:
            insert_if_absent(session, IdempotentRequest, fresh)
            row = session.get(IdempotentRequest, (owner, key), with_for_update=True)
            if row is None:  # freed between the two
                return None
            if row.request_digest != digest:
                raise RefusedError(
                    "This Idempotency-Key was sent with another request.",
                    code="idempotency-key-reused",
                    remedy="Send a new key with a new request, and the same request with its own key.",
                )
            if row.status is not None:
                return _kept(row)
            if row.body["by"] != turn.by and row.at > now - LEASE_SECONDS and not self._is_left(row):
                return None
            row.body, row.at = hand, now
        return turn

    def renew(self, turn: Turn) -> None:
        """Keep the key while its request is worked on."""
        with self._database.write() as session:
            row = _own(session, turn)
            if row is not None:
                row.at = time.time()

    def keep(self, turn: Turn, status: int, answer: Answer | None) -> None:
        """Write down what was answered; without an answer only that it was, for it must not be stored."""
        with self._database.write() as session:
            row = _own(session, turn)
            if row is not None:
                row.status, row.at = status, time.time()
                row.body = {} if answer is None else {"media_type": answer.media_type, "text": answer.body}

    def free(self, turn: Turn) -> None:
        """Forget the key: nothing was done."""
        with self._database.write() as session:
            if _own(session, turn) is not None:
                mine = IdempotentRequest.principal == turn.owner, IdempotentRequest.key == turn.key
                session.execute(delete(IdempotentRequest).where(*mine))

    def _is_left(self, row: IdempotentRequest) -> bool:
        """Whether the service that worked on it is known to have ended."""
        return self._alive.is_dead(str(row.body.get("service", "")))


def _own(session: Session, turn: Turn) -> IdempotentRequest | None:
    """The row, while it is still this request's."""
    chosen = select(IdempotentRequest).where(
        IdempotentRequest.principal == turn.owner, IdempotentRequest.key == turn.key, IdempotentRequest.status.is_(None)
    )
    row = session.scalar(chosen.with_for_update())
    return row if row is not None and row.body.get("by") == turn.by else None


def _kept(row: IdempotentRequest) -> Answer:
    if not row.body or row.status is None:
        raise ConflictError(
            "This request was done, and its answer is not kept because it holds a secret.",
            code="answer-not-kept",
            remedy="List what it made; send a new key to do it once more.",
        )
    return Answer(row.status, str(row.body["media_type"]), str(row.body["text"]))
