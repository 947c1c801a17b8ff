"""One import from the file to the ledger: read, resolve, judge, make durable; or only say what would happen."""

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from processors.deid.keys import KeyFile
from processors.delivery.workplace import Workplace
from processors.labels.document import rows_of
from processors.labels.errors import DestinationError, NothingReceivedError, SourceError
from processors.labels.judge import Judgement, judge
from processors.labels.objects import Objects
from processors.labels.record import Recorded, record
from processors.labels.resolve import Resolver
from processors.labels.sheet import read_sheet
from processors.labels.vocabulary import Vocabulary
from processors.landing.layout import Layout
from processors.ledger.schema import connect
from processors.routing.rules import Rules, Target
from processors.site import Site
from processors.vault import Vault

_SOURCE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asks for."""

    file: Path
    destination: str
    source: str
    vocabulary: Path | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it. Nothing of it names a patient."""

    judgement: Judgement
    project: str
    source: str
    dry_run: bool
    recorded: Recorded | None
    """None when there was nothing to record, or it was a dry run."""

    def to_json(self) -> dict[str, Any]:
        """For scripts: counts, and each listed line by number and code."""
        judged, recorded = self.judgement, self.recorded
        return {
            "project": self.project,
            "source": self.source,
            "dry_run": self.dry_run,
            "rows": judged.lines,
            "imported": judged.imported,
            "values": sum(map(len, judged.taken.values())),
            "listed": judged.by_reason(),
            "lines": [{"line": one.line, "reason": one.reason.value} for one in judged.listed],
            "revision": recorded.revision if recorded else None,
            "documents": list(recorded.documents) if recorded else [],
            "unchanged": recorded.unchanged if recorded else False,
        }

    def sentence(self) -> str:
        """For people."""
        judged = self.judgement
        verb = "would be imported" if self.dry_run else "imported"
        values = sum(map(len, judged.taken.values()))
        said = f"{judged.lines} rows, {judged.imported} {verb} ({values} labels), {len(judged.listed)} listed"
        if self.recorded is None:
            return f"{said}."
        if self.recorded.unchanged:
            return f"{said}; revision {self.recorded.revision} of {self.source} says exactly this already."
        return f"{said}; revision {self.recorded.revision} of {self.source} is on its way to {self.project}."


def run(home: Path, order: Order, advance: Callable[[int, int], None]) -> Outcome:
    """Import, or try it.

    Args:
        home: The trusted home.
        order: What to import, and where to.
        advance: Told how many more lines were looked at, and of how many.

    Raises:
        LabelsError: nothing could be done.
    """
    if not _SOURCE.fullmatch(order.source):
        raise SourceError("The source is no plain word.")
    site = Site.load(home)
    target = _target(Rules.load(site.rules), order.destination)
    vocabulary = Vocabulary.load(order.vocabulary) if order.vocabulary else Vocabulary()
    sheet = read_sheet(order.file)
    layout = Layout(site.landing)
    if not site.ledger.is_file() or not layout.deliveries.is_dir():
        raise NothingReceivedError(f"There is no landing and ledger in {home}.")
    keys = KeyFile.load(site.key_file)
    project = keys.project(target.project)
    with closing(connect(site.ledger)) as ledger, Vault.open(site.vault, keys) as vault:
        objects = Objects(ledger, vault, target.destination, target.project, project.epoch)
        place = Workplace(site)

        def allowed(patient_id: str, issuer: str) -> bool:
            return not place.not_consented({(patient_id, issuer)}, target.project)

        resolver = Resolver(objects, project, allowed)
        judgement = judge(sheet, resolver, objects, vocabulary, lambda done: advance(done, len(sheet.lines)))
        place.close()
        recorded = None
        if judgement.taken and not order.dry_run:
            recorded = record(
                layout,
                ledger,
                rows_of(judgement.taken),
                destination=target.destination,
                project=target.project,
                source=order.source,
            )
    return Outcome(judgement, target.project, order.source, order.dry_run, recorded)


def _target(rules: Rules, name: str) -> Target:
    """The one destination and project that a name means."""
    known = {(target.destination, target.project): target for rule in rules.rules for target in rule.ship}
    meant = [key for key in known if name in {*key, "/".join(key)}]
    if len(meant) != 1:
        choice = ", ".join(sorted("/".join(key) for key in known))
        problem = "Several destinations have this name" if meant else "The rules name no such destination"
        raise DestinationError(f"{problem}; there are: {choice}.")
    return known[meant[0]]
