"""Ids by their first letters, for people who will not type 64 of them."""

from typing import Annotated

from fastapi import Query
from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

Starts = Annotated[
    str | None, Query(pattern=r"^[0-9a-f]{4,64}$", description="Only those whose id starts with these letters.")
]


def starting(starts: str | None, identifier: InstrumentedAttribute[str]) -> tuple[ColumnElement[bool], ...]:
    """The condition for ids of hexadecimal letters that start so; none without letters."""
    return () if starts is None else (identifier >= starts, identifier < f"{starts}g")
