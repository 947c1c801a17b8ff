"""Every cause is a sentence and a remedy, and nothing from outside can break out of its line."""

import re
from pathlib import Path

import pytest

from processors.dicom import causes
from processors.dicom.causes import CAUSES, explain

PACKAGE = Path(causes.__file__).parent


@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_is_a_sentence_with_its_facts_and_a_remedy(cause: str) -> None:
    facts = {"calling_ae": "CT1", "called_ae": "SLUICE", "address": "10.1.0.7", "peer": "ct1", "detail": "17"}
    for words in explain(cause, **facts):
        assert re.fullmatch(r"[A-Z0-9][^{}]*[.\d]", words), words


@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_has_words_when_nothing_is_known(cause: str) -> None:
    assert all("{" not in words for words in explain(cause))


def test_a_cause_of_a_later_version_is_shown_by_its_name() -> None:
    sentence, remedy = explain("from-the-future", calling_ae="CT1", address="10.1.0.7")
    assert (sentence, remedy) == ("CT1 at 10.1.0.7: from-the-future.", "Look at the receiver's log.")


def test_an_ae_title_can_neither_break_a_line_nor_steer_a_terminal() -> None:
    sentence, _ = explain("unknown-caller", calling_ae="\x1b[2J{detail}\nX", address="10.1.0.7")
    assert sentence.startswith("?[2J{detail}?X at 10.1.0.7")


def test_every_cause_that_the_receiver_names_has_its_row() -> None:
    named = set()
    for file in PACKAGE.rglob("*.py"):
        text = file.read_text("utf-8")
        named |= set(re.findall(r'(?:troubled|_tell|HandshakeError|_no)\([^()"]*"([a-z]+(?:-[a-z]+)+)"', text))
        named |= set(re.findall(r'Rejection\("([a-z-]+)"', text))
    assert len(named) > 10
    assert named <= set(CAUSES)
