"""Both zones' lines as one; the shipment id is where they meet."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from sluice.tracing.line import Line, Thing
from sluice.tracing.research import MOST, asker, line_of
from sluice.tracing.trusted import TrustedSide


@dataclass(frozen=True, slots=True)
class Joined:
    """A line and who told it."""

    line: Line
    witnesses: tuple[str, ...]


def trace_line(
    home: Path,
    identifier: str,
    *,
    identified: bool = False,
    handoff_url: str | None = None,
    handoff_tls: ssl.SSLContext | None = None,
    limit: int = MOST,
) -> Joined:
    """The whole line of an id, as far as the zones that can be reached here know it.

    Args:
        home: the Sluice home; either zone may be missing.
        identifier: of an association, delivery, shipment, evidence message, label document, batch, handoff, run,
            model or returned object, or a pseudonymous study or instance UID; if identified, also an original one.
        identified: whether original UIDs and AE titles are told too.
        handoff_url: where to ask the handoff; by default where it was listening last, else its database is read.
        handoff_tls: whom that address is trusted by, where that is not the system's authorities.
        limit: of the research zone's things, the nearest ones; the line's `cut` says where there are more.

    Returns:
        An empty line if nobody knows the id.
    """
    trusted = TrustedSide(home / "trusted", identified)
    ask, told_by = asker(home, handoff_url, limit, handoff_tls)
    named = trusted.run_of(identifier) or next(
        (name for name in trusted.pseudonyms(identifier) if ask(name)), identifier
    )
    line = line_of(ask(named))
    here = trusted.line(named)
    here.merge(trusted.labels([named]))
    starts = line.starts | here.starts | set(here.of_kind("labels"))
    if not line.facts:
        for shipment in here.of_kind("shipment"):
            line.merge(line_of(ask(shipment.id)))
    line.merge(here)
    line.merge(trusted.shipments(thing.id for thing in line.of_kind("shipment")))
    line.merge(trusted.labels(thing.id for thing in line.of_kind("labels")))
    line.merge(trusted.evidence(thing.id for thing in line.of_kind("evidence")))
    line.merge(trusted.results(thing.id for thing in line.of_kind("handoff")))
    asked = Thing("result", identifier)
    line.starts = {asked} if asked in line.facts else starts
    known_here = bool(line.of_kind("association") or here.of_kind("labels"))
    return Joined(line, (*(("ledger",) if known_here else ()), *((told_by,) if told_by else ())))
