"""Every code by which an object is refused is said in a sentence, with what helps, where people look for it."""

import ast
from pathlib import Path

import pytest

from processors.audit.treated import _OF_THE_PACKAGE
from processors.deid import reasons
from processors.deid.reasons import REASONS, Reason
from processors.deid.remedies import REMEDIES
from processors.quarantine.items import sentence

DOCUMENTS = Path(__file__).parents[3] / "docs"
PAGE = (DOCUMENTS / "deidentification.md").read_text("utf-8")
PACKAGE = Path(reasons.__file__).parent


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_has_a_sentence_and_a_remedy_in_the_page(reason: Reason) -> None:
    assert f"| `{reason.value}` | {REASONS[reason]} | {REMEDIES[reason]} |" in PAGE
    assert sentence(reason.value) == REASONS[reason]


def test_no_two_reasons_say_the_same() -> None:
    assert len(set(REASONS.values())) == len(Reason) == len(REMEDIES)
    assert all(text.endswith(".") for text in (*REASONS.values(), *REMEDIES.values()))


@pytest.mark.parametrize("code", sorted(_OF_THE_PACKAGE))
def test_a_reason_of_the_package_is_said_in_words_and_on_the_page_of_quarantine(code: str) -> None:
    assert sentence(code)
    assert f"`{code}`" in (DOCUMENTS / "quarantine.md").read_text("utf-8")


def test_the_code_withholds_by_nothing_but_reasons() -> None:
    """Each word that refuses is of the closed list: no bare text becomes a code."""
    bare = []
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if named and node.func.id in ("RejectedError", "Withheld", "Quarantined"):
                bare += [f"{file.name}:{node.lineno}" for each in node.args if isinstance(each, ast.Constant)]
    assert bare == []


def test_every_reason_is_given_somewhere() -> None:
    code = "".join(
        file.read_text("utf-8") for file in PACKAGE.rglob("*.py") if file.stem not in ("reasons", "remedies")
    )
    assert [reason.name for reason in Reason if f"Reason.{reason.name}" not in code] == []
