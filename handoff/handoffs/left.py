"""What a run left besides its result: its output, and the files that its steps wrote for each other."""

from pathlib import Path

from handoff.backends.interface import Backend
from handoff.backends.make import make_backend
from handoff.database.engine import Database
from handoff.database.tables import Handoff, TargetPlace
from handoff.errors import NotFoundError, WithdrawnError
from handoff.handoffs.hold import place_of
from handoff.handoffs.shares import WAITS
from handoff.home import ResearchHome
from handoff.settings import Settings
from handoff.withdrawals.gate import is_withdrawn


class Left:
    """Looks for what runs left, at their targets."""

    def __init__(self, home: ResearchHome, settings: Settings, database: Database) -> None:
        self._home = home
        self._settings = settings
        self._database = database
        self._backends: dict[str, Backend] = {}

    def log(self, row: Handoff) -> Path | None:
        """The file that the run's output is in; None while there is none.

        Raises:
            NotFoundError: it is on another machine, or the target is not in handoff.yaml any more.
            WithdrawnError: something of the run's batch was withdrawn.
        """
        backend = self._backend(row)
        return None if backend is None else backend.logs(row.reference or row.key)

    def artifacts(self, row: Handoff) -> Path | None:
        """The folder of what the steps wrote for each other; None while there is none.

        Raises:
            NotFoundError: it is on another machine, or the target is not in handoff.yaml any more.
            WithdrawnError: something of the run's batch was withdrawn.
        """
        backend = self._backend(row)
        return None if backend is None else backend.artifacts(row.reference or row.key)

    def _backend(self, row: Handoff) -> Backend | None:
        """The engine that has the run; None before anything was sent."""
        self._require_here(row)
        if row.state in WAITS and not row.attempts:
            return None
        target = self._settings.targets.get(row.target)
        if target is None:
            raise NotFoundError("The target is no longer in handoff.yaml.", remedy="Put it there again.")
        if row.target not in self._backends:
            self._backends[row.target] = make_backend(self._home, row.target, target)
        return self._backends[row.target]

    def _require_here(self, row: Handoff) -> None:
        with self._database.read() as session:
            if is_withdrawn(session, row.batch_id):
                raise WithdrawnError("Something of the batch of this run was withdrawn.", code="batch-withdrawn")
            place = session.get(TargetPlace, row.target)
        if place is not None and place.place != place_of(self._home):
            message = "The run left this on another machine, where the target's worker is."
            raise NotFoundError(message, code="elsewhere", remedy="Look into the research home there, below runs/.")
