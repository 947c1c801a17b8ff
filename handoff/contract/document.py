"""What all documents of the contract have in common."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Document(BaseModel):
    """A message or a part of one: frozen, no unknown key, written by the names that stand in the JSON.

    An error of one tells where, and no value: it may be logged.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        serialize_by_alias=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )

    def plain(self) -> dict[str, Any]:
        """The document as JSON types, by the names that stand in the JSON."""
        return self.model_dump(mode="json", by_alias=True)
