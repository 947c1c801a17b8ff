"""Which kinds of objects pass by which profile, and why."""

from pathlib import Path
from typing import Final

from sluice.conformance.markdown import sections, table

WITH_REPORTS: Final = Path(__file__).with_name("with-reports.yaml")
"""A profile that passes reports too, as the page shows it; tests treat every kind by it."""


WITH_DRAWINGS: Final = Path(__file__).with_name("with-presentation-states.yaml")
"""A profile that passes presentation states, as the page shows it."""


def kinds() -> str:
    """Each kind in a line."""
    return sections(
        "## Kinds of objects",
        "What a profile does not pass is withheld whole. Of each kind, by the shipped profiles:",
        table(
            ("kind", "release-strict", "research-default", "why"),
            [
                ("CT, MR, PET as measured; SEG; RTSTRUCT", "passes", "passes", "pixels that cannot show text, or none"),
                (
                    "US, CR, DX, MG, XA, RF, NM, secondary captures; of CT, MR and PET what is derived or a screen",
                    "withheld",
                    "cleaned (113101), else withheld",
                    "a detector finds most lines, not all: enough inside a project, too little for a release",
                ),
                (
                    "SR, KO",
                    "withheld",
                    "withheld",
                    "full of text and names; by a profile of your own, what measures, classifies or refers (113104)",
                ),
                (
                    "PR",
                    "withheld",
                    "withheld",
                    "drawn lines can be letters; by a profile of your own, how images are shown without them (113103)",
                ),
                ("PDF, CDA, STL and other documents", "withheld", "withheld", "what is inside is no DICOM"),
                ("waveforms, video, slides, RT plans and doses, private classes", "withheld", "withheld", "not built"),
            ],
        ),
        "Reports and key object selections pass by a profile such as this:",
        f"```yaml\n{WITH_REPORTS.read_text('utf-8').strip()}\n```",
        "Grayscale presentation states, without all that they draw, by one such as this:",
        f"```yaml\n{WITH_DRAWINGS.read_text('utf-8').strip()}\n```",
        "By `identified-passthrough`, which makes no package, everything stays as it came.",
    )
