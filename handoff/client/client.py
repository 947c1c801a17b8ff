"""The client: every part of the API as one class."""

from pathlib import Path
from ssl import SSLContext
from typing import Self

from handoff.client.access import Access
from handoff.client.arrivals import Arrivals
from handoff.client.batches import Batches
from handoff.client.handoffs import Handoffs
from handoff.client.models import Models
from handoff.client.pipelines import Pipelines
from handoff.client.pull import Pull
from handoff.client.results import Results
from handoff.client.rules import Rules
from handoff.client.site import Site
from handoff.client.withdrawals import Withdrawals
from handoff.home import ResearchHome


class HandoffClient(Arrivals, Batches, Pull, Pipelines, Handoffs, Results, Models, Site, Rules, Withdrawals, Access):
    """Calls one handoff. Needs the API token, and the intake token only to deliver."""

    @classmethod
    def of_home(cls, url: str, home: Path, tls: SSLContext | None = None) -> Self:
        """A client with the tokens of a home on this machine; `tls` as for the class."""
        research = ResearchHome.of(home)
        api, intake = (file.read_text("ascii").strip() for file in (research.api_token, research.intake_token))
        return cls(url, api, intake, tls=tls)

    @classmethod
    def of_service(cls, home: Path) -> Self:
        """A client of the service that runs on a home of this machine, wherever it listens.

        Raises:
            FileNotFoundError: no service ever listened there.
        """
        return cls.of_home(ResearchHome.of(home).url.read_text("ascii").strip(), home)
