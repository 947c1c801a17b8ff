"""The shipped profiles, and how to write one."""

from processors.deid.inherit import shipped as names
from processors.deid.profile import Profile
from sluice.conformance.markdown import name_of, sections, table
from sluice.deidentification.decisions import counted

_LISTS = {
    "technical_text": "text that devices write",
    "vocabulary_text": "text that passes word by word",
    "technical_bulk": "tables of numbers",
}


def shipped() -> str:
    """What each profile is for, and all that it says."""
    return sections(
        "## Profiles",
        """
        A profile is a YAML file with a name, a version that rises with every change, and a digest of all that it
        says, which stands in every object and every treatment. `sluice deid profiles` lists the shipped ones,
        `sluice deid diff OLD NEW` compares two, `sluice deid explain FILE --profile NAME` says what one would do to
        a file.
        """,
        """
        One of your own extends another and says what differs. Keys that it does not say are the parent's; a list is
        given anew, or as `add` and `drop`:
        """,
        """
        ```yaml
        extends: research-default
        name: thorax-trial
        version: 1
        retain: {patient_characteristics: true}
        vocabulary: {add: [pleura], drop: [brain]}
        ```
        """,
        *(_profile(Profile.load(name)) for name in names()),
    )


def _profile(profile: Profile) -> str:
    head = f"### {profile.name}, version {profile.version}"
    if profile.identified:
        return sections(head, profile.about, _digest(profile))
    options = ", ".join(f"{each.code} {each.meaning}" for each in profile.options) or "none"
    kinds = [*profile.passes.images, *profile.passes.annotations]
    forms = profile.junk_patient_id_forms
    return sections(
        head,
        profile.about,
        table(
            ("", ""),
            [
                ("digest", f"`{profile.digest}`"),
                ("options", options),
                ("rows of the table", counted(profile)),
                ("classes that pass", ", ".join(name_of(uid) for uid in kinds)),
                *((words, ", ".join(getattr(profile, key)) or "none") for key, words in _LISTS.items()),
                ("schemes whose codes pass", ", ".join(profile.coding_schemes)),
                (
                    "Patient IDs that are nobody's",
                    f"{len(profile.junk.words)} words, such as ANONYMOUS; what has one is held",
                ),
                ("forms of such IDs", "; ".join(f"`{each.form}`: {each.why}" for each in forms).replace("|", "\\|")),
            ],
        ),
    )


def _digest(profile: Profile) -> str:
    return f"Digest `{profile.digest}`."
