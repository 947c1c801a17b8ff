"""The whole statement, in the order of PS3.2."""

from pathlib import Path
from typing import Final

from sluice.conformance import annexes, asking, deidentification, overview, receiving, services, setup

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "conformance.md"

_HEAD: Final = """\
# DICOM conformance statement

Made by `python -m sluice.conformance` of what the code itself goes by; a test fails when the two differ. `sluice
conformance` prints that of the version that is installed.
"""

CHAPTERS: Final = (
    overview.overview,
    overview.introduction,
    overview.model,
    lambda: "## 4. Application entities",
    receiving.association_policies,
    receiving.presentation_contexts,
    receiving.storage,
    services.beside_storage,
    receiving.troubles,
    asking.asking,
    setup.network,
    setup.configuration,
    setup.media,
    setup.character_sets,
    setup.security,
    annexes.annexes,
    deidentification.deidentification,
)


def statement() -> str:
    """As Markdown; the same on every machine."""
    return "\n\n".join([_HEAD.rstrip(), *(chapter() for chapter in CHAPTERS)]) + "\n"
