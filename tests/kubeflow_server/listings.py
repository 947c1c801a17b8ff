"""Pages of a list: a token stands for the first row of the next page and for the filter and order of the first."""

import base64
import binascii
import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from tests.kubeflow_server import filters
from tests.kubeflow_server.database import Database
from tests.kubeflow_server.errors import invalid

_DEFAULT_SIZE, _LARGEST = 20, 200


@dataclass(frozen=True)
class Listing:
    """A table that can be listed, its key, and the columns behind the API's field names."""

    table: str
    key: str
    columns: dict[str, str]

    def page(self, database: Database, query: dict[str, str], **only: str) -> tuple[list[sqlite3.Row], int, str]:
        """The rows of a page, how many there are on all pages, and the token of the next.

        Raises:
            ApiError: page size, token, order or filter cannot be meant so.
        """
        size, order = _size(query.get("page_size", "")), self._order(query)
        conditions, values = filters.where(order["filter"], self.columns)
        for column, value in only.items():
            conditions.append(f"{column} = ?")
            values.append(value)
        matching = " AND ".join(["1", *conditions])
        total = database.rows(f"SELECT count(*) FROM {self.table} WHERE {matching}", *values)[0][0]
        if "from" in order:
            least = "<=" if order["desc"] else ">="
            matching += f" AND ({order['column']}, {self.key}) {least} (?, ?)"
            values += order["from"]
        way = "DESC" if order["desc"] else "ASC"
        rows = database.rows(
            f"SELECT * FROM {self.table} WHERE {matching}"
            f" ORDER BY {order['column']} {way}, {self.key} {way} LIMIT {size + 1}",
            *values,
        )
        if len(rows) <= size:
            return rows, total, ""
        first = rows[size]
        token = {**order, "from": [first[order["column"]], first[self.key]]}
        return rows[:size], total, base64.b64encode(json.dumps(token).encode()).decode()

    def _order(self, query: dict[str, str]) -> dict[str, Any]:
        asked = query.get("sort_by", "")
        words = asked.lower().split()
        if len(words) > 2 or words[1:] not in ([], ["asc"], ["desc"]):
            raise invalid(f'Received invalid sort by format "{asked}"')
        name = words[0] if words else "created_at"
        if name not in self.columns:
            raise invalid(f'Invalid sorting field: "{name}"')
        order = {"column": self.columns[name], "desc": words[1:] == ["desc"], "filter": query.get("filter", "")}
        token = query.get("page_token", "")
        if not token:
            return order
        try:
            found: dict[str, Any] = json.loads(base64.b64decode(token, validate=True))
        except (binascii.Error, ValueError) as error:
            raise invalid("Invalid package token") from error
        if any(query.get(field) and found[part] != order[part] for field, part in _REPEATED):
            raise invalid("page token does not match the supplied sort by and/or filtering criteria")
        return found


_REPEATED = (("sort_by", "column"), ("sort_by", "desc"), ("filter", "filter"))


def _size(text: str) -> int:
    try:
        size = int(text or 0)
    except ValueError as error:
        raise invalid(f"type mismatch, parameter: page_size, error: {text!r:.20}") from error
    if size < 0:
        raise invalid(f"The page size should be greater than 0. Got {size}")
    return min(size or _DEFAULT_SIZE, _LARGEST)
