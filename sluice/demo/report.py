"""What the demo shows at the end: the counts that must close, why instances ended where they did, runs and seconds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.panel import Panel
from rich.table import Table

from sluice.demo.counts import Counts
from sluice.demo.narrate import Narrator
from sluice.demo.pacs import Returned
from sluice.demo.registry import Published
from sluice.demo.score import REQUIRED_DICE, REQUIRED_LEAD, Score
from sluice.demo.sent import Push
from sluice.demo.sweep import Sweep
from sluice.tracing.line import Line, Thing
from sluice.tracing.tree import draw_tree

MEANINGS = {
    "unsent": "the sender could not read the file",
    "sent": "offered to the receiver by C-STORE",
    "acknowledged": "answered with Success, so durable here",
    "refused": "answered with an error, so still the sender's",
    "handed_off": "in a package that the handoff signed for",
    "withheld": "not passed by de-identification",
    "held": "waits for a person, identity unclear",
    "duplicates": "here already, byte for byte",
    "variants": "other bytes, same content",
    "unmatched": "no rule says where to",
}
"""Every count of the demo, in the order in which it is shown."""


@dataclass(slots=True)
class Report:
    """All that one demo run found out."""

    home: Path
    push: Push | None = None
    counts: Counts | None = None
    gaps: list[str] = field(default_factory=list)
    batches: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    score: Score | None = None
    sweep: Sweep | None = None
    segmentations: list[Path] = field(default_factory=list)
    returned: Returned | None = None
    published: Published | None = None
    picture: Path | None = None
    trace: Line | None = None
    traced_to: list[Thing] = field(default_factory=list)
    urls: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def faults(self) -> list[str]:
        """Everything that makes this run a failure, in words; none when it is a success."""
        found = list(self.gaps)
        if self.counts is None:
            found.append("the instances were not counted")
        else:
            found.extend(self.counts.gaps())
        if {run["kind"] for run in self.runs} < {"prepare", "train", "infer"}:
            found.append("a run is missing")
        found.extend(self._told(run) for run in self.runs if run["state"] != "SUCCEEDED")
        if self.score is not None and not self.score.good:
            found.append(
                f"Dice {self.score.model:.2f} is not at least {REQUIRED_DICE} and "
                f"{REQUIRED_LEAD} above the threshold's {self.score.threshold.dice:.2f}"
            )
        if self.returned is not None and not self.returned.good:
            elsewhere = ", ".join(f"{said}: {number}" for said, number in self.returned.elsewhere.items())
            found.append(f"{self.returned.returned} of {self.returned.made} results are back in the PACS ({elsewhere})")
        if self.published is not None and not self.published.restored:
            found.append("what NiFi Registry gave back is not the release that was published")
        if self.sweep is not None and not self.sweep.clean:
            found.append(f"{len(self.sweep.hits)} files outside the trusted side hold identifying values")
        if self.trace is not None and not (self.trace.of_kind("association") and self.traced_to):
            found.append("the trace does not lead from an association to a segmentation")
        return found

    def _told(self, run: Mapping[str, Any]) -> str:
        log = self.home / "research" / "runs" / run["key"] / "log.txt"
        return f"{run['kind']} run {run['id']} is {run['state']} ({run['reason']}): {run['said']} ({log})"

    def as_json(self) -> dict[str, Any]:
        """The run as `--json` writes it; the keys are an interface."""
        counts = asdict(self.counts) if self.counts else {}
        reasons = counts.pop("reasons", {})
        elsewhere = counts.pop("elsewhere", 0)
        return {
            **counts,
            "elsewhere": elsewhere,
            "reasons": reasons,
            "sender": self.push.sender if self.push else "",
            "retries": self.push.retries if self.push else 0,
            "batches": self.batches,
            "runs": self.runs,
            "dice": self.score.model if self.score else None,
            "dice_of_patients": list(self.score.patients) if self.score else [],
            "threshold_dice": self.score.threshold.dice if self.score else None,
            "identifying_values_found": len(self.sweep.hits) if self.sweep else None,
            "segmentations": [str(file) for file in self.segmentations],
            "returned": self.returned.returned if self.returned else None,
            "returned_dice": self.returned.dice if self.returned else None,
            "registry": self.published.as_json() if self.published else None,
            "trace": self.trace.as_json() if self.trace else None,
            "picture": str(self.picture) if self.picture else None,
            "seconds": self.seconds,
            "urls": self.urls,
            "home": str(self.home),
            "faults": self.faults(),
        }


def show(report: Report, narrator: Narrator) -> None:
    """Print the tables."""
    if report.counts is not None:
        narrator.say(_counts_table(report.counts))
        narrator.say(_reasons_table(report.counts.reasons))
    if report.push is not None:
        narrator.say(
            f"Sender: {report.push.sender}, {report.push.associations} associations, "
            f"{report.push.retries} files sent again because no answer came."
        )
    if report.runs:
        narrator.say(_runs_table(report.batches, report.runs))
    if report.sweep is not None:
        narrator.say(_sweep_line(report.sweep))
    if report.score is not None:
        narrator.say(_score_line(report.score))
    if report.returned is not None:
        narrator.say(_returned_line(report.returned))
    if report.published is not None:
        narrator.say(str(report.published))
    if report.trace is not None:
        narrator.say(
            "\n[bold]One slice, from the association that brought it to the segmentation that was made of it[/]"
        )
        narrator.say(draw_tree(report.trace.without_files_but(report.traced_to)))
    narrator.say(_seconds_table(report.seconds))


def verdict(report: Report) -> Panel:
    """The last word."""
    faults = report.faults()
    if faults:
        return Panel("\n".join(faults), title="The demo failed", border_style="red", expand=False)
    lines = ["Every instance is accounted for, nothing identifying left the trusted side, and the runs succeeded."]
    if report.segmentations:
        lines.append(f"{len(report.segmentations)} segmentations: {report.segmentations[0].parent}")
    if report.picture:
        lines.append(f"Look: {report.picture}")
    lines.append(f"Everything is in {report.home}")
    return Panel("\n".join(lines), title="The demo succeeded", border_style="green", expand=False)


def _counts_table(counts: Counts) -> Table:
    table = Table(title="Instances", title_justify="left", caption=_sums(counts), caption_justify="left")
    table.add_column("where")
    table.add_column("count", justify="right")
    table.add_column("meaning", style="dim")
    for name, meaning in MEANINGS.items():
        table.add_row(name.replace("_", " "), str(getattr(counts, name)), meaning)
    if counts.elsewhere:
        table.add_row("elsewhere", str(counts.elsewhere), "in no known state", style="red")
    return table


def _sums(counts: Counts) -> str:
    return (
        f"sent {counts.sent} = {counts.acknowledged} acknowledged + {counts.refused} refused\n"
        f"acknowledged {counts.acknowledged} = {counts.handed_off} handed off + {counts.withheld} withheld + "
        f"{counts.held} held + {counts.duplicates} duplicates + {counts.variants} variants + "
        f"{counts.unmatched} unmatched" + "".join(f"\nBUT {gap}" for gap in counts.gaps())
    )


def _reasons_table(reasons: Mapping[str, Mapping[str, int]]) -> Table:
    table = Table(title="Reasons", title_justify="left")
    table.add_column("where")
    table.add_column("reason")
    table.add_column("count", justify="right")
    for state, found in reasons.items():
        for reason, number in found.items():
            table.add_row(state, reason, str(number))
    return table


def _runs_table(batches: Sequence[Mapping[str, Any]], runs: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title="Batches and runs", title_justify="left")
    for name in ("kind", "batch", "run", "state", "seconds"):
        table.add_column(name, justify="right" if name == "seconds" else "left")
    for run in runs:
        table.add_row(run["kind"], run["batch"][:12], run["id"][:12], run["state"], f"{run['seconds']:.0f}")
    instances = ", ".join(f"{batch['id'][:12]}: {batch['instances']} instances" for batch in batches)
    table.caption = f"Batches: {instances}"
    table.caption_justify = "left"
    return table


def _sweep_line(sweep: Sweep) -> str:
    colour = "green" if sweep.clean else "red"
    return (
        f"Identifying values: [bold {colour}]{len(sweep.hits)} hits[/] of {sweep.values} values in "
        f"{sweep.files} files, {sweep.bytes / 1e6:.0f} MB of NiFi and handoff "
        f"(search proven by {sweep.canaries_found} of {sweep.canaries_planted} canaries)"
        + "".join(f"\n  {hit.place}: {hit.file}" for hit in sweep.hits[:10])
    )


def _score_line(score: Score) -> str:
    colour = "green" if score.good else "red"
    patients = ", ".join(f"{value:.2f}" for value in score.patients)
    return (
        f"Unseen patients: [bold {colour}]Dice {score.model:.2f}[/] ({patients}); "
        f"best threshold with components, chosen with the truth in hand: {score.threshold.dice:.2f}"
    )


def _returned_line(returned: Returned) -> str:
    colour = "green" if returned.good else "red"
    counted = f"[bold {colour}]{returned.returned} of {returned.made} segmentations[/]"
    said = f"Back in the PACS: {counted} in the original studies"
    if returned.dice is None:
        return said
    return f"{said}; Dice {returned.dice:.2f} of what it gives back, in millimetres of the original series"


def _seconds_table(seconds: Mapping[str, float]) -> Table:
    table = Table(title="Seconds", title_justify="left")
    table.add_column("stage")
    table.add_column("seconds", justify="right")
    for stage, took in seconds.items():
        table.add_row(stage, f"{took:.1f}")
    table.add_row("total", f"{sum(seconds.values()):.1f}", style="bold")
    return table
