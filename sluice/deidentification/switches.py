"""The options of PS3.15 E.3: which are offered, by which switch, what each retains and how each cleans."""

from typing import Final

from pydantic import BaseModel

from processors.deid import options
from processors.deid.ages import OLDEST_YEARS
from processors.deid.inherit import shipped
from processors.deid.options import OPTIONS, Option
from processors.deid.profile import Clean, Profile, Retain
from processors.deid.pseudonyms import FURTHEST_DAYS
from processors.deid.safe_private import safe_elements
from processors.deid.table_e1_1 import table as rows
from sluice.conformance.markdown import sections, table

MANNERS: Final = {
    options.PIXEL_DATA: """
        An image that can show text is looked at; one that a scanner measured is not, and nothing is claimed of it. The
        latter is CT, MR, PET or a segmentation whose second value of Image Type is PRIMARY, without colours beyond its
        IOD, capture, screen save, embedded overlay or the word of its sender on burned-in text. Of any other image, the
        boxes of the site's rules for its device are made black first, and what an ultrasound shows beside its
        calibrated regions; unused bits are cleared. Then a text detector (the extra `ocr`, whose models are in its
        wheel) looks at frames in tiles and at several sizes, through the window and over the whole range; what it finds
        is made black in every frame. It looks again, at negatives; what it finds in its last look withholds the image,
        and so does what looks together find if it is more than half of it. Where no detector is installed, only images
        pass for whose device a rule says that its boxes are all: `complete: true`.
        Compressed frames that changed are written in the same syntax where it is lossless, else the image as explicit
        little endian; others stay byte by byte. The mark stands in instances that were so cleaned, and in no other.
        """,
    options.VISUAL_FEATURES: """
        A step looks at whole series of CT and MR before any object of them is treated: in folders, and in the worker
        that makes a package, which is one series. Slices must make a regular volume. Where a cranial cavity lies in it,
        all in front of an oblique plane below the forehead and the outer ears become air; the written files are read
        again, and the series is withheld whole unless nothing of the face is left in them. Only then the mark is
        written, and Recognizable Visual Features is NO. A series whose header and geometry say that it is another part
        of the body passes, or is withheld (`not_heads: withhold`), and nothing is claimed of it. With this switch,
        whatever else has pixels or contours is withheld, such as PET, segmentations and captures: a head could be drawn
        from it, and the step does not know it. No shipped profile has this switch. Without it nothing is claimed of
        heads, and heads are recognizable. [faces.md](faces.md) says what was measured, and what is not claimed.
        """,
    options.GRAPHICS: """
        Of a presentation state, all that it draws goes whole: annotations with their texts, lines and compound
        graphics, layers and groups, and shutters, since lines and corners can be letters and nothing here reads them.
        Overlays and curves go from every object, with this switch or without. What stays is how images are shown: which
        ones, their area, window, tables, rotation and masks; label, description and creator are treated like anywhere
        else. Grayscale softcopy presentation states pass by a profile that lists their class, and it must have this
        switch; those of colours do not, since they need an ICC profile, which holds text and which nothing here
        rebuilds. The mark stands in presentation states alone. No shipped profile has the switch: without its drawings
        a state says less than the images that it is of.
        """,
    options.STRUCTURED_CONTENT: """
        Content items of text or of a name go whole, and so do items whose concept no public dictionary has. Numbers,
        public codes, dates (as `dates` says) and references stay, and are cleaned like anywhere else. What is a fact of
        the patient by its concept goes, or stays with `retain.patient_characteristics`; names, identifiers, birth date
        and age always go. Items that point at others by their place in the tree go too, since places change. Reports
        and key object selections pass by a profile that lists their class, and it must have this switch; no shipped one
        has it.
        """,
    options.DESCRIPTORS: """
        Text is taken word by word. A word stays if it is in the vocabulary: the meanings of the coded concepts of
        PS3.16 and the profile's own words. A word that is also part of a name in the same object goes, as do
        numbers of more than three digits and numbers in a row with only points, strokes or blanks between them.
        Sequences are cleaned item by item: public codes stay, with the dictionary's meaning, local ones are
        replaced. When no word is left, the row's action in the basic profile holds. Bulk values (OB) are never
        kept.
        """,
    options.FULL_DATES: """
        Dates and times stay as they are, dates that name only a month or a year too. The birth date is none of them.
        Binary time stamps go.
        """,
    options.MODIFIED_DATES: f"""
        All dates of a patient in a project move back by one number of whole days between 1 and {FURTHEST_DAYS},
        made of the patient's identity and the project's key: the same in every study, every process and every run.
        Times of day stay, so that intervals within a day and across midnight do too. A value that is no complete
        date has the row's action in the basic profile. Time zones and binary time stamps go. Dates of devices move
        with all others, whatever `retain.device_identity` says: a calibration on the day of the examination would
        tell by how much that day moved.
        """,
    options.PATIENT_CHARACTERISTICS: f"""
        Ages above {OLDEST_YEARS} years become one value, {OLDEST_YEARS + 1:03d}Y. Free text of these rows is
        cleaned like descriptors. The birth date is none of them.
        """,
    options.DEVICE_IDENTITY: """
        Text stays in its character set; sequences are cleaned but keep their codes, local ones too, which say which
        device it is; their meaning is the dictionary's, or goes. AE titles are cleaned like descriptors. Dates follow
        `dates`.
        """,
    options.UIDS: """
        What is a UID by PS3.5 9.1 stays; what is none is replaced all the same. UIDs that the table does not list stay
        too, so that what refers names what it refers to. Most UIDs tell when they were made, so that this needs `dates:
        full`; and research knows studies by their pseudonyms, so that no package is made by such a profile.
        """,
    options.SAFE_PRIVATE: """
        The numeric attributes of the list below stay, known by creator, group and element, with the creator's own
        element, where their value has the form of a number. Private Data Element Characteristics are not consulted.
        """,
    options.INSTITUTION_IDENTITY: """
        Text stays in its character set; sequences are cleaned but keep their codes, local ones too, whose meaning
        is the dictionary's, or goes. The scan still looks for people's names in it.
        """,
}
"""How each option that is offered does it (PS3.15 E.3 asks for the manner of each)."""

REFUSALS: Final[dict[Option, str]] = {}
"""What is done instead of each option that is not offered."""

DEVIATIONS: Final = (
    ("Unlisted attributes", "denied by default, also where the table is silent"),
    ("Ages", f"above {OLDEST_YEARS} years one value, also when patient characteristics are retained"),
    ("Dates of devices", "follow the choice of dates, not Retain Device Identity"),
    ("Binary values in retained or cleaned rows", "removed, or a dummy: Frame Origin Timestamp, Certified Timestamp"),
    ("Timezone Offset From UTC", "kept with full dates alone"),
    ("Overlay planes, curves", "the whole groups 60xx and 50xx are removed, not the listed elements alone"),
    (
        "Retained coded strings",
        "a term that no standard defines is replaced: Modifying Device ID, Patient's Sex and the like",
    ),
    ("Retained text", "what names a person of the same object withholds the object"),
)
"""Where more is removed than the table asks for, and an option therefore retains less."""


def offered(option: Option) -> bool:
    """Whether a profile can turn it on."""
    group, _, switch = option.switch.partition(".")
    models: dict[str, type[BaseModel]] = {"retain": Retain, "clean": Clean}
    return option in options.DATES.values() or (group in models and switch in models[group].model_fields)


def switches() -> str:
    """All options in one table, then each that is offered with its rows."""
    profiles = [Profile.load(name) for name in shipped()]
    return sections(
        "## Options",
        """
        Each is a switch of its own in a profile. A mark is written for the basic profile and for each option that
        was on when the object was treated, and for no other; of pixels and of faces, only where they were cleaned.
        """,
        table(
            ("code", "option", "clause", "switch", *(profile.name for profile in profiles if not profile.identified)),
            [
                (
                    option.code,
                    option.meaning.removesuffix(" Option"),
                    option.clause,
                    f"`{option.switch}`" if offered(option) else "none",
                    *("on" if option in each.options else "off" for each in profiles if not each.identified),
                )
                for option in OPTIONS
            ],
        ),
        """
        What excludes what: dates are full, modified or removed, never two of these; `retain.uids` needs `dates:
        full`; dates of devices follow `dates`; an attribute that two options name is retained if either retains it;
        `identified` excludes every other word.
        """,
        *(_chapter(option) for option in OPTIONS),
        "### The safe private attributes",
        table(
            ("creator", "element", "VR", "meaning"),
            [
                (each.creator.decode(), f"({each.group:04X},xx{each.element:02X})", each.vr.decode(), each.meaning)
                for each in safe_elements()
            ],
        ),
    )


def _chapter(option: Option) -> str:
    head = f"### {option.code} {option.meaning}"
    if not offered(option):
        return sections(head, REFUSALS[option])
    kept, cleaned = (_names(option, letter) for letter in "KC")
    lists = [f"{word}: {names}." for word, names in (("Retained", kept), ("Cleaned", cleaned)) if names]
    return sections(head, MANNERS[option], *lists)


def _names(option: Option, letter: str) -> str:
    """The rows of an option's column; those of dates are too many to name, and are in the annex."""
    named = [row.name for row in rows().values() if row.options.get(option.column) == letter]
    return f"{len(named)} rows of the annex" if option in options.DATES.values() and named else ", ".join(named)
