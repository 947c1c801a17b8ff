"""The thread that works at withdrawals until each has its certificate. One of a home at a time, by the lock of a file.

The service ends withdrawals; a worker has no key to sign with, and only removes the folders of its own home's runs.
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from handoff.database.engine import Database
from handoff.database.tables import Withdrawal
from handoff.errors import StoreDownError
from handoff.file_lock import FileLock
from handoff.handoffs.hold import place_of
from handoff.home import ResearchHome
from handoff.loop import Loop
from handoff.receipts import ReceiptSigner
from handoff.store import Store
from handoff.withdrawals.certificate import finish
from handoff.withdrawals.purge import Purge

log = structlog.get_logger("handoff.withdrawals")
_LONGEST_REST = 15.0


@dataclass(slots=True)
class _Rest:
    """When a withdrawal that could not end is looked at again: less and less often."""

    seconds: float = 0.0
    until: float = 0.0


class Withdrawer(Loop):
    """Looks for withdrawals that have not ended, until it is stopped."""

    def __init__(
        self,
        database: Database,
        home: ResearchHome,
        store: Store,
        signer: ReceiptSigner | None,
        period_seconds: float = 1.0,
    ) -> None:
        super().__init__("withdrawer", period_seconds)
        self._database = database
        self._home = home
        self._signer = signer
        self._shortest_rest = period_seconds
        self._purge = Purge(database, home, store, place_of(home))
        self._rests: dict[str, _Rest] = {}

    def look(self) -> bool:
        """One round; what could not be done waits for the next period."""
        self.round()
        return False

    def round(self) -> None:
        """Work once at every withdrawal that has not ended and whose time has come."""
        waiting = self._open()
        self._rests = {key: self._rests.get(key, _Rest()) for key in waiting}
        for withdrawal_id in waiting:
            rest = self._rests[withdrawal_id]
            if self._stopped.is_set() or time.monotonic() < rest.until:
                continue
            alone = self._alone()
            if alone is None:
                return
            with alone:
                self._work(withdrawal_id)
            rest.seconds = min(_LONGEST_REST, max(self._shortest_rest, 2 * rest.seconds))
            rest.until = time.monotonic() + rest.seconds

    def _work(self, withdrawal_id: str) -> None:
        try:
            self._purge.work(withdrawal_id)
            if self._signer is not None and finish(self._database, self._signer, withdrawal_id):
                log.info("withdrawn", withdrawal=withdrawal_id)
        except SQLAlchemyError as error:
            log.warning("withdrawing-failed", withdrawal=withdrawal_id, cause=type(error).__name__)
        except StoreDownError:
            log.warning("store-down", withdrawal=withdrawal_id)
        except Exception:  # the outermost loop: a bug in one withdrawal must not end the work at all
            log.exception("withdrawing-failed", withdrawal=withdrawal_id)

    def _open(self) -> list[str]:
        with self._database.read() as session:
            # All of them: those that wait long, for a home that is away, must not keep younger ones from their turn.
            chosen = select(Withdrawal.id).where(Withdrawal.ended_at.is_(None)).order_by(Withdrawal.asked_at)
            return list(session.scalars(chosen))

    def _alone(self) -> FileLock | None:
        """The home's lock; None while another process of the home has it, which then does the work."""
        return FileLock.take(self._home.root / "withdrawals.lock")


@contextlib.contextmanager
def withdrawing(database: Database, home: ResearchHome, store: Store) -> Iterator[None]:
    """Remove the folders of this home's withdrawn runs while the block runs; for a worker."""
    thread = Withdrawer(database, home, store, None)
    thread.start()
    try:
        yield
    finally:
        thread.stop()
