"""What the documents name is there."""

import re
from pathlib import Path

import pytest

from sluice.cli import COMMANDS

ROOT = Path(__file__).parents[3]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text("utf-8")):
        if "://" not in target:
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_command_that_is_named_exists(document: Path) -> None:
    named = set(re.findall(r"`sluice ([a-z-]+)\b", document.read_text("utf-8")))
    assert named <= set(COMMANDS)


def test_every_path_in_the_architecture_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    for path in re.findall(r"`((?:processors|handoff|nifi|ml|sluice|tests)/[\w./]+)`", text):
        assert (ROOT / path).exists(), path


def test_the_glossary_is_sorted_and_has_each_word_once() -> None:
    rows = (ROOT / "docs" / "glossary.md").read_text("utf-8").splitlines()
    words = [row.split("|")[1].strip() for row in rows if row.startswith("| ")][1:]
    assert words == sorted(set(words))


def test_decisions_are_numbered_without_a_gap_and_dated() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(file.name[:4]) for file in decisions] == list(range(1, len(decisions) + 1))
    for file in decisions:
        assert re.search(r"^20\d\d-\d\d-\d\d$", file.read_text("utf-8"), re.MULTILINE), file.name
