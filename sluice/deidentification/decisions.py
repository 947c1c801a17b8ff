"""How an attribute is decided, and what becomes of each row of Table E.1-1."""

from collections import Counter
from functools import lru_cache

from processors.deid.action import Action
from processors.deid.explain import WORDS
from processors.deid.inherit import shipped
from processors.deid.plan import Plans
from processors.deid.profile import Profile
from processors.deid.table_e1_1 import EDITION
from processors.deid.table_e1_1 import table as rows
from sluice.conformance.markdown import sections, table

_ANY_CLASS = "1.2.840.10008.5.1.4.1.1.2"
_NOWHERE = -1
"""A place that no IOD has, where an attribute has no Type: what is said there holds for Type 3 too."""


def decisions() -> str:
    """The order in which rules are asked, and the order in which a value is looked at."""
    return sections(
        "## How an attribute is decided",
        """
        Nothing passes because nobody thought of it. Each attribute, at the top and in every item of every sequence, is
        asked about in this order, and the first answer holds:
        """,
        """
        1. Private attributes, curves (50xx) and overlays (60xx), group lengths, and groups that belong to no data
           set are removed. Only `retain.safe_private` keeps listed numbers of known private creators.
        2. Patient ID and Patient's Name become the patient's pseudonym in this project.
        3. An attribute of Table E.1-1 has the action of its row, or what an option of the profile makes of it.
           Where the row leaves a choice (X/Z/D and the like), the attribute's Type in this very IOD decides: a
           dummy value for Type 1, none for Type 2, removal otherwise. Type 1 and Type 2 hold even where the row
           says X, so that the object stays valid.
        4. What the table does not list passes if it is technical: a number, a UID (replaced unless PS3.6 registers
           it), a date (as the profile says), a sequence of the IOD (item by item), a code of a public scheme (its
           meaning becomes the dictionary's), a coded string of known terms, or text of the profile's lists.
        5. Everything else is removed, or emptied where the IOD needs it.
        """,
        """
        A value that stays must also have the form that PS3.5 gives its VR: letters in a decimal string, or a text where
        numbers belong, are treated as if the attribute were denied. After all that, an independent scan looks in what
        came out for the identifying values of this very object; a hit withholds it.
        """,
        """
        Pixels pass byte by byte but for what is no pixel. Bits of a native sample above those that are stored become
        zero, or the sign of a signed value, where they say anything else: old overlays lie there (PS3.5 8.1.1). Pixel
        values stay, and the audit record counts it (`clear-unused-bits`). An image of which nobody knows which bits
        are its pixels is withheld. In compressed frames, comments and what lies behind an image are blanked.
        """,
    )


def every_row() -> str:
    """Each row of the table, with what becomes of it by each profile that de-identifies."""
    profiles = _profiles()
    return sections(
        "## Annex: every row of Table E.1-1",
        f"""
        Edition {EDITION}, where the attribute is of Type 3 or not in the IOD; Type 2 turns *remove* into *empty*,
        Type 1 both into *dummy*, or *clean items* for a sequence. The rows of patterns (private, curves, overlays)
        are removed.
        """,
        table(
            ("tag", "attribute", "code", *(profile.name for profile in profiles)),
            [
                (f"({tag >> 16:04X},{tag & 0xFFFF:04X})", row.name, row.code, *(_of(each, tag) for each in profiles))
                for tag, row in sorted(rows().items())
            ],
        ),
    )


def counted(profile: Profile) -> str:
    """How many rows have which action, most first."""
    counts = Counter(_of(profile, tag) for tag in rows())
    return ", ".join(f"{word} {count}" for word, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _of(profile: Profile, tag: int) -> str:
    rule = _plans(profile.name).of(_NOWHERE)[tag]
    by_option = f" ({rule.option.code})" if rule.option and rule.action is not Action.REMOVE else ""
    return WORDS[rule.action] + by_option


def _profiles() -> list[Profile]:
    return [profile for profile in map(Profile.load, shipped()) if not profile.identified]


@lru_cache(maxsize=8)
def _plans(name: str) -> Plans:
    return Plans(Profile.load(name), _ANY_CLASS)
