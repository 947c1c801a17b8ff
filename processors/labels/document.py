"""The documents that cross: pseudonyms, names and values, in an order that tells nothing of the spreadsheet's."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handoff.contract.canonical import canonical_digest, canonical_json
from handoff.contract.labels import MOST_ROWS, Labels, LabelValue
from processors.labels.resolve import Target
from processors.ledger.label_documents import LabelDocument

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Written:
    """A document as it is sent, byte by byte, and its row of the ledger."""

    row: LabelDocument
    body: bytes


def rows_of(taken: Mapping[Target, Mapping[str, LabelValue]]) -> Rows:
    """The rows of an import, sorted by their pseudonyms."""
    return [
        {
            "level": target.level,
            "patient": target.patient,
            "study": target.study,
            "series": target.series,
            "sop_instance_uid": target.instance,
            "labels": dict(labels),
        }
        for target, labels in sorted(taken.items(), key=lambda item: tuple(part or "" for part in item[0]))
    ]


def content_of(rows: Rows) -> str:
    """Digest of all rows of an import: the same import has the same one."""
    return canonical_digest(rows)


def documents(rows: Rows, *, destination: str, project: str, source: str, revision: int) -> list[Written]:
    """Write an import as documents of one revision, each checked against the contract."""
    content = content_of(rows)
    made = []
    for start in range(0, len(rows), MOST_ROWS):
        said = Labels.model_validate(
            {
                "labels_id": secrets.token_hex(16),
                "project": project,
                "source": source,
                "revision": revision,
                "rows": rows[start : start + MOST_ROWS],
            }
        )
        body = canonical_json(said)
        row = LabelDocument(
            id=said.labels_id,
            project=project,
            destination=destination,
            source=source,
            revision=revision,
            content=content,
            rows=len(said.rows),
            sha256=hashlib.sha256(body).hexdigest(),
            size=len(body),
        )
        made.append(Written(row, body))
    return made
