"""What identities become: keyed, the same in any process and order, and no way back without the key."""

import base64
import hmac
import re
import unicodedata
import uuid
from collections import OrderedDict

from pydicom._uid_dict import UID_dictionary

from processors.deid.keys import ProjectKeys

REGISTERED = frozenset(uid.encode() for uid in UID_dictionary)
"""UIDs of the PS3.6 registry: they name no instance, so they stay."""

_UID = re.compile(rb"(?=.{1,64}\Z)(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+")
DICOM_ROOT = b"1.2.840.10008."
FURTHEST_DAYS = 3650
_CACHED_UIDS = 65536


def pseudonymous_uid(keys: ProjectKeys, uid: str) -> str:
    """The UID that replaces `uid`: 2.25 and a UUID of version 8 (RFC 9562 5.8) made of an HMAC-SHA-256."""
    return _uid(keys.uid, uid.encode())


def _uid(key: bytes, uid: bytes) -> str:
    number = bytearray(hmac.digest(key, uid, "sha256")[:16])
    number[6] = number[6] & 0x0F | 0x80
    number[8] = number[8] & 0x3F | 0x80
    return f"2.25.{uuid.UUID(bytes=bytes(number)).int}"


def identity(patient_id: str, issuer: str = "") -> bytes:
    """The bytes that stand for one patient: issuer and ID, without outer blanks, in NFC."""
    parts = (unicodedata.normalize("NFC", part.strip(" \0")) for part in (issuer, patient_id))
    return "\x1f".join(parts).encode()


def _goes_under(keys: ProjectKeys, patient_id: str, issuer: str) -> bytes:
    """The identity whose pseudonym and dates a patient has: their own, or the one that theirs was joined to."""
    own = identity(patient_id, issuer)
    return next((kept for joined, kept in keys.joins if joined == own), own)


def patient_pseudonym(keys: ProjectKeys, patient_id: str, issuer: str = "") -> str:
    """The Patient ID and Patient's Name of a patient in a project: 16 characters of base32 (80 bits)."""
    digest = hmac.digest(keys.patient, _goes_under(keys, patient_id, issuer), "sha256")
    return base64.b32encode(digest[:10]).decode()


def shift_days(keys: ProjectKeys, patient_id: str, issuer: str = "") -> int:
    """By how many days all dates of a patient move: -3650 to -1."""
    digest = hmac.digest(keys.date, _goes_under(keys, patient_id, issuer), "sha256")
    return -1 - int.from_bytes(digest[:8], "big") % FURTHEST_DAYS


class UidMap:
    """Original to pseudonymous UIDs of one project, remembering the latest."""

    def __init__(self, keys: ProjectKeys) -> None:
        self._key = keys.uid
        self._known: OrderedDict[bytes, bytes] = OrderedDict()

    def __call__(self, uid: bytes) -> bytes:
        """The replacement of a UID without padding; registered UIDs and empty values stay."""
        found = self._known.get(uid)
        if found is None:
            found = uid if not uid or uid in REGISTERED else _uid(self._key, uid).encode()
            self._known[uid] = found
            if len(self._known) > _CACHED_UIDS:
                self._known.popitem(last=False)
        return found

    def retained(self, uid: bytes) -> bytes:
        """The UID itself where an option retains it (PS3.15 E.3.9); what is none has a pseudonym all the same."""
        return uid if _UID.fullmatch(uid) else self(uid)
