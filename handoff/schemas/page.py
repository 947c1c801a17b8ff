"""A page of a list, and the cursor of the next one."""

from typing import Generic, TypeVar

from pydantic import Field

from handoff.contract.document import Document

Item = TypeVar("Item")


class Page(Document, Generic[Item]):
    """Some items, and where to go on."""

    items: tuple[Item, ...]
    next: str | None = Field(None, description="Give it as `after` to get the next page; null at the end.")
