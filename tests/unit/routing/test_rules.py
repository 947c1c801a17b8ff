"""Rules are data: checked as a whole, explained by name, and asked in order."""

from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage, MRImageStorage

from processors.routing.decide import Decision, decide
from processors.routing.errors import RulesError
from processors.routing.facts import Facts
from processors.routing.rules import Rules

CT = Facts.of(
    "FRONTDOOR",
    "SCANNER9",
    CTImageStorage,
    {"Modality": "CT", "StationName": "CT-North", "StudyDescription": "Thorax^LOW dose", "SeriesDescription": "Lung"},
)
MR = Facts.of("FRONTDOOR", "SCANNER8", MRImageStorage, {"Modality": "MR"})


def rules(tmp_path: Path, text: str) -> Rules:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    return Rules.load(path)


def when(tmp_path: Path, condition: str) -> Rules:
    return rules(tmp_path, f"version: 1\nrules:\n  - {{name: it, when: {condition}, ship: [{{project: lung}}]}}\n")


def projects(decision: Decision) -> list[str]:
    return [target.project for target in decision.targets]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("{}", True),
        ("{called_ae: FRONTDOOR}", True),
        ("{called_ae: frontdoor}", False),
        ("{calling_ae: [SCANNER1, SCANNER9]}", True),
        ("{modality: [MR, CT]}", True),
        ("{modality: MR}", False),
        ("{sop_class: CTImageStorage}", True),
        ("{sop_class: 1.2.840.10008.5.1.4.1.1.2}", True),
        ("{sop_class: [MRImageStorage]}", False),
        ("{station: ct-north}", True),
        ("{study_words: thorax}", True),
        ("{study_words: [head, low dose]}", True),
        ("{study_words: thor}", False),
        ("{series_words: LUNG}", True),
        ("{modality: CT, series_words: bone}", False),
    ],
)
def test_a_condition_holds_when_each_of_its_keys_does(tmp_path: Path, condition: str, holds: bool) -> None:
    assert bool(decide(when(tmp_path, condition), [CT]).targets) is holds


def test_the_first_rule_that_holds_decides_unless_it_continues(tmp_path: Path) -> None:
    found = rules(
        tmp_path,
        """
rules:
  - {name: archive, ship: [{project: all}], continue: true}
  - {name: mr, when: {modality: MR}, ship: [{project: brain}]}
  - {name: ct, when: {modality: CT}, ship: [{project: lung}, {project: heart}]}
  - {name: rest, ship: [{project: rest}]}
""",
    )
    assert projects(decide(found, [CT])) == ["all", "lung", "heart"]
    assert decide(found, [CT]).rules == ("archive", "ct")
    assert projects(decide(found, [MR])) == ["all", "brain"]


def test_two_rules_with_the_same_target_ship_once(tmp_path: Path) -> None:
    found = rules(tmp_path, "rules: [{name: a, ship: [{project: p}], continue: true}, {name: b, ship: [{project: p}]}]")
    assert projects(decide(found, [CT])) == ["p"]


def test_without_a_rule_that_holds_a_delivery_is_unmatched(tmp_path: Path) -> None:
    assert decide(when(tmp_path, "{modality: US}"), [CT]).reason == "unmatched"


def test_instances_that_rules_would_part_are_mixed_and_the_rules_are_named(tmp_path: Path) -> None:
    decision = decide(when(tmp_path, "{modality: CT}"), [CT, MR])
    assert (decision.targets, decision.reason, decision.rules) == ((), "mixed", ("it",))


def test_comments_and_layout_do_not_change_the_digest(tmp_path: Path) -> None:
    first = when(tmp_path, "{modality: CT}").digest
    assert (
        rules(tmp_path, "# new\nrules:\n- name: it\n  when: {modality: [CT]}\n  ship:\n  - project: lung\n").digest
        == first
    )
    assert when(tmp_path, "{modality: MR}").digest != first


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rules: [}", "is no YAML at line 1, column 9"),
        ("", "the file"),
        ("rules: []", "rules"),
        ("version: 2\nrules: [{name: a, ship: [{project: p}]}]", "version"),
        ("rules: [{name: a, ship: [{project: p}], wehn: {}}]", r"rules\.0\.wehn \(rule 'a'\)"),
        ("rules: [{name: a, ship: [{project: P/..}]}]", r"rules\.0\.ship\.0\.project \(rule 'a'\)"),
        ("rules: [{name: a, when: {sop_class: CTStorage}, ship: [{project: p}]}]", "neither a SOP class keyword"),
        ("rules: [{name: a, ship: [{project: p}]}, {name: a, ship: [{project: q}]}]", "two rules are called 'a'"),
        ("rules: [{ship: [{project: p}]}]", r"rules\.0\.name"),
        ("rules: [nonsense]", r"rules\.0"),
    ],
)
def test_a_faulty_file_names_the_line_or_the_key(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(RulesError, match=says):
        rules(tmp_path, text)


def test_a_missing_file_says_so_and_how_to_mend_it(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="cannot be read") as caught:
        Rules.load(tmp_path / "rules.yaml")
    assert caught.value.remedy


def test_facts_show_no_value_when_printed() -> None:
    assert "Thorax" not in repr(CT)
