"""Which SOP classes are storage (PS3.4 annex B, PS3.6 annex A)."""

from functools import lru_cache
from typing import Final

STANDARD_ROOT: Final = "1.2.840.10008."
_STORAGE_ROOT: Final = "1.2.840.10008.5.1.4.1.1."
_NAMED_STORAGE_BUT_NOT: Final = ("Storage Commitment", "Media Storage Directory", "Storage Service Class")


@lru_cache(maxsize=1024)
def is_storage(sop_class_uid: str) -> bool:
    """Whether instances of this class are stored by C-STORE.

    Private classes and those that a later edition adds below the storage root are: their bytes are kept, and
    de-identification withholds what it does not know.
    """
    from pydicom._uid_dict import UID_dictionary

    if not sop_class_uid.startswith(STANDARD_ROOT):
        return True
    name, kind, *_ = UID_dictionary.get(sop_class_uid, ("", "", "", "", ""))
    if not name:
        return sop_class_uid.startswith(_STORAGE_ROOT)
    return kind == "SOP Class" and "Storage" in name and not name.startswith(_NAMED_STORAGE_BUT_NOT)
