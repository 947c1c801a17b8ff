"""What the handoff knows: asked over HTTP where it runs, else read from its database."""

import ssl
from collections.abc import Callable
from pathlib import Path

import httpx

from handoff.client import HandoffClient, ProblemError
from handoff.errors import NotFoundError
from handoff.home import ResearchHome
from handoff.schemas.trace import Trace
from sluice.tracing.line import Line, Thing

Ask = Callable[[str], Trace | None]

MOST = 10_000
"""Things of the research zone that a line has at most: what the handoff gives at once."""
URL_FILE = "url"
"""Beside the handoff's database: where it was listening last."""
_PATIENCE_SECONDS = 20.0
"""For a handoff that listens but is busy; where nobody listens that is known at once."""


def asker(home: Path, url: str | None = None, limit: int = MOST, tls: ssl.SSLContext | None = None) -> tuple[Ask, str]:
    """How to ask the handoff of a home, and how that is called among the witnesses.

    Args:
        home: the Sluice home.
        url: of the handoff; None means where it was listening last.
        limit: of things that it tells, the nearest ones.
        tls: whom its address is trusted by, where that is not the system's authorities.
    """
    research = ResearchHome.of(home)
    noted = research.root / URL_FILE
    url = url or (noted.read_text("ascii").strip() if noted.exists() else None)
    if url and research.api_token.exists() and _answers(url, tls):
        return _over_http(url, home, limit, tls), "handoff"
    if research.database.exists():
        return _from_database(research.database, limit), "handoff's database"
    return lambda _: None, ""


def line_of(found: Trace | None) -> Line:
    """A trace of the handoff as a line."""
    line = Line()
    if found is None:
        return line
    for node in found.nodes:
        line.add(Thing(node.kind, node.id), **node.facts)
    for edge in found.edges:
        line.lead(Thing.named(edge.source), Thing.named(edge.target))
    line.starts.add(Thing.named(found.start))
    line.cut |= {(Thing.named(cut.node), cut.kind) for cut in found.cut}
    return line


def _answers(url: str, tls: ssl.SSLContext | None) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=_PATIENCE_SECONDS, trust_env=False, verify=tls or True).is_success
    except httpx.HTTPError:
        return False


def _over_http(url: str, home: Path, limit: int, tls: ssl.SSLContext | None) -> Ask:
    def ask(identifier: str) -> Trace | None:
        with HandoffClient.of_home(url, home, tls) as client:
            try:
                return client.trace(identifier, limit)
            except ProblemError as error:
                if error.status == httpx.codes.NOT_FOUND:
                    return None
                raise

    return ask


def _from_database(file: Path, limit: int) -> Ask:
    from handoff.database.engine import Database
    from handoff.lineage.trace import trace

    def ask(identifier: str) -> Trace | None:
        database = Database(f"sqlite:///{file}")
        try:
            with database.read() as session:
                return trace(session, identifier, limit)
        except NotFoundError:
            return None
        finally:
            database.close()

    return ask
