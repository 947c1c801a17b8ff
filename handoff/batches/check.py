"""Refuse a batch that no run could use, or whose two sides know of each other."""

from handoff.batches.worksheet import Worksheet
from handoff.errors import BatchError

_DANGLING = """
SELECT count(*) FROM instance WHERE annotation AND NOT EXISTS (
    SELECT 1 FROM reference JOIN instance image ON image.sop = reference.sop AND NOT image.annotation
    WHERE reference.id = instance.id
)"""
_UNRESOLVED = """
SELECT count(*) FROM reference WHERE NOT EXISTS (
    SELECT 1 FROM instance image WHERE image.sop = reference.sop AND NOT image.annotation
)"""
_LEAKS: dict[str, str] = {
    "the same content": "SELECT count(*) FROM (SELECT 1 FROM instance GROUP BY digest HAVING min(test) <> max(test))",
    "one instance": "SELECT count(*) FROM (SELECT 1 FROM instance GROUP BY sop HAVING min(test) <> max(test))",
    "one series": "SELECT count(*) FROM (SELECT 1 FROM instance GROUP BY series HAVING min(test) <> max(test))",
    "an annotation and its images": (
        "SELECT count(*) FROM instance truth JOIN reference ON reference.id = truth.id "
        "JOIN instance image ON image.sop = reference.sop AND image.test <> truth.test"
    ),
}
"""What may not be on both sides of the split, and how many of it are. One patient cannot: the side is the patient's."""


def check_sheet(sheet: Worksheet) -> int:
    """Look at a whole batch; returns how many references of annotations lead to nothing in it.

    Raises:
        BatchError: `batch-empty`, `epochs-mixed`, `dangling-references` or `split-leak`.
    """
    if not sheet.count("SELECT count(*) FROM (SELECT 1 FROM instance WHERE NOT annotation LIMIT 1)"):
        raise BatchError("The selection holds no instance.", code="batch-empty")
    _require_one_epoch(sheet)
    sheet.index()
    if sheet.count(_DANGLING):
        raise BatchError("An annotation refers to nothing in the batch.", code="dangling-references")
    if sheet.count("SELECT count(DISTINCT test) FROM instance") > 1:
        _require_apart(sheet)
    return sheet.count(_UNRESOLVED)


def _require_one_epoch(sheet: Worksheet) -> None:
    """One patient has another pseudonym in each key epoch, so that two of them would be on both sides of the split."""
    epochs = {str(treatment.get("key_epoch", "")) for _, treatment in sheet.members("treatment")}
    if len(epochs) > 1:
        named = ", ".join(sorted(epoch or "none" for epoch in epochs))
        raise BatchError(
            f"The selection mixes pseudonyms of {len(epochs)} key epochs: {named}.",
            code="epochs-mixed",
            remedy="Ask for one by key_epoch (--key-epoch); a patient would count as several.",
        )


def _require_apart(sheet: Worksheet) -> None:
    for what, question in _LEAKS.items():
        number = sheet.count(question)
        if number:
            message = f"Training would see what tests it: {what} on both sides of the split, {number} times."
            remedy = (
                "Two pseudonyms seem to stand for one patient, or two patients share UIDs; mend that at the source."
            )
            raise BatchError(message, code="split-leak", remedy=remedy)
