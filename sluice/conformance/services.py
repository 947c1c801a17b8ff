"""What RECEIVER serves beside storage: one chapter a SOP class, from what `processors.dicom.services` serves."""

from processors.dicom import services
from processors.dicom.services import SERVED
from sluice.conformance.markdown import name_of, sections, table

CHAPTERS: dict[str, str] = {}
"""What each service promises, by SOP class."""

STATUSES: dict[str, dict[int, str]] = {}
"""What each service answers beside `COMMON`, by SOP class."""

COMMON = {
    services.SUCCESS: "done, and durable",
    services.PROCESSING_FAILURE: "it could not be done now, or the data set cannot be read",
    services.UNRECOGNIZED_OPERATION: "the operation is not offered for this SOP class",
    services.RESOURCE_LIMITATION: f"the data set is longer than {services.MAXIMUM_DATA_SET_BYTES} bytes",
}
"""What every service may answer."""


def beside_storage() -> str:
    """All of them."""
    chapters = [_chapter(uid) for uid in SERVED]
    return sections(
        "#### 4.1.5 Services beside storage",
        "All are off by default. One request at a time; a data set is taken whole before it is looked at.",
        table(("status", "of every service"), [(f"{code:04X}", words) for code, words in COMMON.items()]),
        *(part for chapter in chapters for part in chapter),
    )


def _chapter(uid: str) -> list[str]:
    operations = ", ".join(operation.name.replace("_", "-") for operation in sorted(SERVED[uid]))
    parts = [f"##### {name_of(uid)}", f"{uid}; {operations}.", CHAPTERS[uid]]
    if uid in STATUSES:
        parts.append(table(("status", "meaning"), [(f"{code:04X}", words) for code, words in STATUSES[uid].items()]))
    return parts
