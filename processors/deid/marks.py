"""The marks of what was really done (PS3.15 E.1.1 step 6, E.3.6; codes of PS3.16 CID 7050)."""

from pydicom import __version__ as pydicom_version

from processors.deid.codes import CODE_VALUE, MEANING, SCHEME
from processors.deid.keys import ProjectKeys
from processors.deid.options import BASIC_PROFILE, OF_SOME_INSTANCES, Option
from processors.deid.profile import Profile
from processors.deid.table_e1_1 import EDITION

ENGINE_VERSION = "3"
"""Rises with every change of the engine's output; a release or a build is never named."""

_TEMPORAL = {"full": "UNMODIFIED", "modified": "MODIFIED", "removed": "REMOVED"}


def method(profile: Profile, keys: ProjectKeys) -> str:
    """De-identification Method (0012,0063): values of at most 64 characters each."""
    return "\\".join(
        (
            f"Sluice de-identification engine {ENGINE_VERSION}",
            f"Profile {profile.name} {profile.version}",
            f"Profile SHA-256 {profile.digest[:32]}",
            f"PS3.15 Table E.1-1 {EDITION}",
            f"Key epoch {keys.epoch}",
        )
    )


def steps(profile: Profile, performed: tuple[Option, ...] = ()) -> tuple[Option, ...]:
    """The profile of the standard, each option that this profile makes the engine go by, and what was `performed`.

    In the order of their codes. What only some instances need, such as pixels cleaned, is performed on them alone.
    """
    everywhere = set(profile.options) - OF_SOME_INSTANCES
    return (BASIC_PROFILE, *sorted({*everywhere, *performed}, key=lambda option: option.code))


def temporal_information(profile: Profile) -> str:
    """Longitudinal Temporal Information Modified (0028,0303)."""
    return _TEMPORAL[profile.dates]


def treatment_facts(profile: Profile, keys: ProjectKeys) -> dict[str, str]:
    """What a treatment pins and a manifest says: everything that decides the engine's output, the key by its id."""
    return {
        "engine": ENGINE_VERSION,
        "profile": f"{profile.name} {profile.version}",
        "profile_digest": profile.digest,
        "table_e1_1_edition": EDITION,
        "dictionary": f"pydicom {pydicom_version}",
        "key_epoch": keys.epoch,
        "longitudinal_temporal_information": temporal_information(profile),
    }


def code_items(profile: Profile, performed: tuple[Option, ...] = ()) -> list[list[tuple[int, bytes, bytes]]]:
    """The items of De-identification Method Code Sequence (0012,0064): (tag, VR, value) each."""
    return [
        [
            (CODE_VALUE, b"SH", step.code.encode()),
            (SCHEME, b"SH", b"DCM"),
            (MEANING, b"LO", step.meaning.encode()),
        ]
        for step in steps(profile, performed)
    ]
