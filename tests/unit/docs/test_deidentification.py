"""The page on de-identification says what the engine does, and is the one that the code makes."""

import pytest

from processors.deid.burned_in import Signatures
from processors.deid.inherit import shipped
from processors.deid.options import DATES, OPTIONS
from processors.deid.profile import Clean, Profile, Retain
from processors.deid.reasons import REASONS
from processors.deid.safe_private import safe_elements
from processors.deid.table_e1_1 import table
from sluice.conformance import deidentification
from sluice.deidentification import decisions
from sluice.deidentification.document import DOCUMENT, document
from sluice.deidentification.kinds import WITH_DRAWINGS, WITH_REPORTS
from sluice.deidentification.looking import DEVICE_RULES
from sluice.deidentification.switches import MANNERS, REFUSALS, offered


@pytest.fixture(scope="module")
def page() -> str:
    return document()


def test_the_document_is_what_the_code_says(page: str) -> None:
    assert DOCUMENT.read_text("utf-8") == page, (
        "run `python -m sluice.deidentification` and commit docs/deidentification.md"
    )


def test_every_option_has_its_manner_or_what_is_done_instead() -> None:
    """PS3.15 E.3: the manner of each is to be stated."""
    assert {option for option in OPTIONS if offered(option)} == set(MANNERS)
    assert {option for option in OPTIONS if not offered(option)} == set(REFUSALS)


def test_every_switch_of_a_profile_is_an_option() -> None:
    switches = {f"retain.{key}" for key in Retain.model_fields} | {f"clean.{key}" for key in Clean.model_fields}
    assert switches == {option.switch for option in OPTIONS if offered(option)} - {
        each.switch for each in DATES.values()
    }


def test_every_row_and_its_actions_are_there(page: str) -> None:
    for tag, row in table().items():
        assert f"\n| ({tag >> 16:04X},{tag & 0xFFFF:04X}) | {row.name} | {row.code} | " in page


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_profile_is_there_with_its_digest(page: str, name: str) -> None:
    profile = Profile.load(name)
    assert f"### {name}, version {profile.version}" in page
    assert profile.digest in page


def test_every_reason_and_every_safe_private_attribute_is_there(page: str) -> None:
    for reason, why in REASONS.items():
        assert f"| `{reason.value}` | {why} |" in page
    for each in safe_elements():
        assert f"({each.group:04X},xx{each.element:02X})" in page


def test_the_examples_of_the_page_can_be_used_as_they_stand(page: str) -> None:
    assert f"```yaml\n{WITH_REPORTS.read_text().strip()}\n```" in page
    assert Profile.load(WITH_REPORTS).clean.structured_content
    assert f"```yaml\n{WITH_DRAWINGS.read_text().strip()}\n```" in page
    assert Profile.load(WITH_DRAWINGS).clean.graphics
    assert f"```yaml\n{DEVICE_RULES.strip()}\n```" in page
    assert [rule.name for rule in Signatures.parse(DEVICE_RULES).rules if rule.complete] == ["scanner-dose-page"]


def test_what_changes_in_the_code_changes_in_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = Profile.load().model_copy(update={"retain": Retain(institution_identity=True)})
    strict = Profile.load("release-strict")
    monkeypatch.setattr(decisions, "_profiles", lambda: [strict, changed])
    monkeypatch.setattr(
        decisions,
        "_plans",
        lambda name: decisions.Plans({"research-default": changed}.get(name, strict), decisions._ANY_CLASS),
    )
    assert "| (0008,0080) | Institution Name | X/Z/D | remove | keep (113112) |" in decisions.every_row()


def test_the_conformance_statement_claims_what_is_offered_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    said = deidentification.deidentification()
    for option in OPTIONS:
        claimed = "yes" if offered(option) else "no"
        assert f"| {option.code} | {option.meaning} | {claimed} |" in said
    monkeypatch.setattr(deidentification, "offered", lambda _: False)
    assert "| yes |" not in deidentification.deidentification()
