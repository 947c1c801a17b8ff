"""The whole page."""

from pathlib import Path
from typing import Final

from processors.deid.keys import ProjectKeys
from processors.deid.marks import ENGINE_VERSION, method, temporal_information
from processors.deid.profile import Profile
from processors.deid.reasons import REASONS
from processors.deid.remedies import REMEDIES
from processors.deid.table_e1_1 import EDITION
from sluice.conformance.markdown import sections, table
from sluice.deidentification.decisions import decisions, every_row
from sluice.deidentification.kinds import kinds
from sluice.deidentification.looking import looking
from sluice.deidentification.shipped import shipped
from sluice.deidentification.switches import switches

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "deidentification.md"


def document() -> str:
    """As Markdown; the same on every machine."""
    chapters = (_head, decisions, kinds, looking, shipped, switches, _pseudonyms, _marks, _withheld, every_row)
    return "\n\n".join(chapter() for chapter in chapters) + "\n"


def _head() -> str:
    return sections(
        "# De-identification",
        f"""
        Made by `python -m sluice.deidentification` of the profiles, tables and rules that the engine itself goes
        by; a test fails when they differ. Engine {ENGINE_VERSION}, PS3.15 Table E.1-1 of edition {EDITION}. What is
        claimed by the standard's words is in the [conformance statement](conformance.md), annex D.
        """,
    )


def _pseudonyms() -> str:
    return sections(
        "## Pseudonyms",
        """
        All are keyed (HMAC-SHA-256 with a key for each project and purpose, derived from the site's key file): the same
        in any process and order, different in another project, and nothing leads back without the key. There is no
        default key, and without one nothing starts. A patient is a Patient ID and its issuer. UIDs become `2.25.` and a
        UUID of version 8, the same wherever the original stands, so that references hold within a project.
        """,
    )


def _marks() -> str:
    profile = Profile.load()
    nothing = bytes(32)
    lines = method(profile, ProjectKeys("project", "KEY/EPOCH", nothing, nothing, nothing, nothing)).split("\\")
    return sections(
        "## Marks",
        """
        Written into every object that passes; none names a time, a release or a build, so that an unchanged treatment
        gives unchanged bytes.
        """,
        table(
            ("attribute", "value"),
            [
                ("Patient Identity Removed (0012,0062)", "YES"),
                ("De-identification Method (0012,0063)", "; ".join(lines)),
                (
                    "De-identification Method Code Sequence (0012,0064)",
                    "113100 and each option that was on; 113101 where pixels were cleaned, 113103 where drawings were",
                ),
                (
                    "Longitudinal Temporal Information Modified (0028,0303)",
                    f"{temporal_information(profile)} by {profile.name}; UNMODIFIED with full dates, REMOVED without",
                ),
                ("File meta information, preamble", "our own; the preamble is zero (E.1.1 step 7)"),
            ],
        ),
    )


def _withheld() -> str:
    return sections(
        "## What is withheld",
        "Whole, and never partly cleaned. The code is in reports, manifests and counts; it says nothing of the object.",
        table(
            ("code", "why", "what helps"),
            [(f"`{reason.value}`", why, REMEDIES[reason]) for reason, why in REASONS.items()],
        ),
    )
