"""The conformance statement says what the code does, and is the one that the code makes."""

import re
from importlib import import_module

import pytest
from click.testing import CliRunner

from processors.dicom import rejections
from processors.dicom.causes import CAUSES
from processors.dicom.fast.pdu import MAXIMUM_PDU_BYTES
from processors.dicom.services import SERVED
from sluice.cli import sluice
from sluice.conformance.services import CHAPTERS
from sluice.conformance.statement import DOCUMENT, statement


def test_the_document_is_what_the_code_says() -> None:
    assert DOCUMENT.read_text("utf-8") == statement(), (
        "run `python -m sluice.conformance` and commit docs/conformance.md"
    )


def test_the_command_prints_it() -> None:
    assert CliRunner().invoke(sluice, ["conformance"]).output == statement()


@pytest.mark.parametrize(
    ("module", "name", "value", "said"),
    [
        ("receiving", "MAXIMUM_PDU_BYTES", MAXIMUM_PDU_BYTES + 1, f"{MAXIMUM_PDU_BYTES + 1} bytes"),
        ("receiving", "IMPLEMENTATION_CLASS_UID", "2.25.7", "2.25.7"),
        ("receiving", "limits", lambda: "| `associations` | 7001 |", "| 7001 |"),
        (
            "receiving",
            "REJECTIONS",
            {"stopping": (1, 2, 1)},
            "rejected-permanent, service-provider (ACSE), no-reason-given",
        ),
        ("asking", "MAXIMUM_CONTEXTS", 127, "at most 127"),
    ],
)
def test_what_changes_in_the_code_changes_in_the_statement(
    monkeypatch: pytest.MonkeyPatch, module: str, name: str, value: object, said: str
) -> None:
    assert said not in statement()
    monkeypatch.setattr(import_module(f"sluice.conformance.{module}"), name, value)
    assert said in statement()


def test_every_refusal_of_a_store_is_there() -> None:
    from processors.dicom import status

    for code in (name for name in vars(status) if name.isupper()):
        assert f"| {getattr(status, code):04X} |" in statement()


def test_every_rejection_has_its_words_and_every_service_its_chapter() -> None:
    assert rejections.REJECTIONS.keys() <= CAUSES.keys()
    assert CHAPTERS.keys() == SERVED.keys()


def test_no_placeholder_is_left() -> None:
    assert not re.findall(r"\{\w+\}", statement())
