"""What projects decide by themselves, what was noticed outside, and a person's word on a study."""

from collections.abc import Iterator

from handoff.client.connection import Connection, read
from handoff.client.place import at
from handoff.schemas.page import Page
from handoff.schemas.rules import FiringView, RuleView, SignalRequest, SignalView
from handoff.schemas.studies import StudyDetail


class Rules(Connection):
    """Rules of handoff.yaml, their firings, and signals; one study with its evidence."""

    def rules(self, project: str | None = None) -> Iterator[RuleView]:
        """Every rule: when it last fired, and why it does not now."""
        return self._pages(Page[RuleView], "/v1/rules", project=project)

    def firings(self, project: str, rule: str, state: str | None = None) -> Iterator[FiringView]:
        """What a rule did about each occasion, the newest first."""
        return self._pages(Page[FiringView], at("/v1/rules/{}/{}/firings", project, rule), state=state)

    def send_signal(self, signal: SignalRequest) -> SignalView:
        """Say what was noticed outside; the same signal again changes nothing."""
        return read(SignalView, self._post("/v1/signals", signal.plain()))

    def study(self, project: str, study: str) -> StudyDetail:
        """One study with every version, what closed it, and all evidence."""
        return read(StudyDetail, self._get(at("/v1/studies/{}/{}", project, study)))

    def close_study(self, project: str, study: str, reason: str) -> StudyDetail:
        """Close an open study upon what is here."""
        return read(StudyDetail, self._post(at("/v1/studies/{}/{}:close", project, study), {"reason": reason}))
