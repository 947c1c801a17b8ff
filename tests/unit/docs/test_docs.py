"""What the documents name is there."""

import ast
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


def test_every_document_can_be_found_from_the_readme() -> None:
    """By links alone; of decisions the folder is linked."""
    found: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        document = waiting.pop()
        for target in re.findall(r"\]\(([^)#]+\.md)[^)]*\)", document.read_text("utf-8")):
            if "://" not in target and (file := (document.parent / target).resolve()) not in found:
                found.add(file)
                waiting.append(file)
    assert not set((ROOT / "docs").glob("*.md")) - found


PACKAGES = sorted(
    file.parent
    for package in ("sluice", "nifi", "processors", "handoff", "ml")
    for file in (ROOT / package).rglob("__init__.py")
)
NAMED_BY_A_PATTERN = {"handoff/schemas", "handoff/database/migrations/versions"}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_every_package_opens_with_an_index_of_its_modules(package: Path) -> None:
    """Its docstring names each; the shells of NiFi have names of their own, which the canvas lists."""
    if str(package.relative_to(ROOT)) in NAMED_BY_A_PATTERN:
        return
    index = ast.get_docstring(ast.parse((package / "__init__.py").read_text("utf-8"))) or ""
    modules = {file.stem for file in package.glob("[a-z]*.py")}
    modules |= {file.parent.name for file in package.glob("*/[a-z]*.py") if (file.parent / "__init__.py").exists()}
    assert {name for name in modules if f"`{name}`" not in index} == set()
