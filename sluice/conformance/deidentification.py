"""What is claimed of PS3.15 annex E, and what E.1.3 asks a claimant to state."""

from processors.deid.inherit import shipped
from processors.deid.marks import code_items
from processors.deid.options import BASIC_PROFILE, OPTIONS
from processors.deid.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from processors.deid.profile import Profile
from processors.deid.table_e1_1 import EDITION
from sluice.conformance.markdown import name_of, sections, table
from sluice.deidentification.switches import DEVIATIONS, offered


def deidentification() -> str:
    """The claim, and each statement that E.1.3 asks for."""
    profiles = [profile for profile in map(Profile.load, shipped()) if not profile.identified]
    return sections(
        "## Annex D. De-identification (PS3.15 E.1.3)",
        f"""
        What leaves the trusted zone is de-identified. It concerns no association of this statement: objects are kept
        and sent to archives as they came. Claimed, as a de-identifier, is the {BASIC_PROFILE.meaning}, Table E.1-1 of
        edition {EDITION}, for the SOP classes below, with the options that a profile turns on. A re-identifier is not
        claimed. [deidentification.md](deidentification.md) has each row of the table and the manner of each option.
        """,
        "### D.1 Profile and options",
        table(
            ("code", "option", "claimed", *(profile.name for profile in profiles)),
            [
                (
                    option.code,
                    option.meaning,
                    "yes" if offered(option) else "no",
                    *("on" if option in profile.options else "off" for profile in profiles),
                )
                for option in (*OPTIONS,)
            ],
        ),
        "### D.2 SOP classes",
        "Objects of every other class are withheld whole, private ones and DICOMDIR among them.",
        table(("SOP class", "UID"), [(name_of(uid), uid) for uid in sorted(_classes(profiles))]),
        "### D.3 What E.1.3 asks for",
        table(("statement", "here"), _statements(profiles)),
        "### D.4 Where it is stricter than the table",
        table(("what", "how"), DEVIATIONS),
    )


def _classes(profiles: list[Profile]) -> set[str]:
    return {uid for profile in profiles for uid in profile.classes}


def _statements(profiles: list[Profile]) -> list[tuple[str, str]]:
    """What is asked, and the answer."""
    default = profiles[-1]
    codes = ", ".join(value.decode() for item in code_items(default) for tag, _, value in item if tag == 0x00080100)
    version = IMPLEMENTATION_VERSION_NAME.decode()
    return [
        (
            "Attributes removed",
            "the rows with X, private attributes, curves, overlays, and all that is neither listed nor technical",
        ),
        ("Patient ID, Patient's Name", "a keyed pseudonym"),
        ("UIDs", "2.25 and a keyed UUID of version 8"),
        ("Dummy values of Type 1", "text REMOVED, numbers 0, dates 19000101; sequences: their items, cleaned"),
        (
            "Attributes inserted",
            f"Patient Identity Removed, De-identification Method, its codes ({codes} by {default.name}), time mark",
        ),
        (
            "File meta information and preamble",
            f"replaced; Implementation Class UID {IMPLEMENTATION_CLASS_UID.decode()}, version name {version}",
        ),
        ("Referential integrity", _INTEGRITY),
        ("Encrypted Attributes Sequence", "not written; the trusted zone's vault has what leads back"),
        ("Digital signatures", "removed"),
        ("Pixel data", "as it was where no text or face was removed; comments in JPEG and JPEG 2000 are blanked"),
        ("Burned-in text", "what may show it and was not cleaned is withheld"),
        ("Recognizable visual features", _FACES),
        ("Restrictions", "what is not understood to its last byte, or has no usable Patient ID, is withheld"),
    ]


_FACES = (
    "nothing claimed, unless a profile's clean.visual_features is on: heads in regular series of CT and MR without "
    "face and outer ears, looked for anew in what was written; all else that can show a head is withheld"
)
_INTEGRITY = (
    "kept within a project and key epoch, whatever the order, process or day: each UID that names an instance, series, "
    "study or frame of reference has one replacement"
)
