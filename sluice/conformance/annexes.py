"""The long lists, and what is stated elsewhere (PS3.2: annexes)."""

from pydicom._uid_dict import UID_dictionary

from processors.dicom.sop_class import is_storage
from sluice.conformance.markdown import sections, table


def annexes() -> str:
    """Classes, syntaxes, attributes of our own."""
    return sections(
        "## Annex A. Storage classes",
        """
        Those that PS3.6 names, retired ones among them. Others below 1.2.840.10008.5.1.4.1.1, which later editions
        may add, and private classes are taken too.
        """,
        table(("SOP class", "UID"), [(_name(uid), uid) for uid in _of_kind("SOP Class") if is_storage(uid)]),
        "## Annex B. Transfer syntaxes",
        "Those that PS3.6 names; private ones are taken too.",
        table(("transfer syntax", "UID"), [(_name(uid), uid) for uid in _of_kind("Transfer Syntax")]),
        "## Annex C. Extensions, specialisations, private attributes",
        "None. No private attribute, SOP class or transfer syntax of our own is used on the network.",
    )


def _of_kind(kind: str) -> list[str]:
    return [uid for uid, entry in UID_dictionary.items() if entry[1] == kind]


def _name(uid: str) -> str:
    name, _, _, retired, *_ = UID_dictionary[uid]
    return f"{name} (retired)" if retired == "Retired" and "etired" not in name else name
