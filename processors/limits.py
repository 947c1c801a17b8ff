"""Every limit of the receiver, with its unit and its default: one table, from which docs and messages are made.

They are set under `limits` in the trusted home's `sluice.yaml`, or by `sluice receive --limit NAME=VALUE`, which wins.
What a single peer may send is limited in the peers file.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from processors.units import Bytes, BytesPerSecond, Seconds, in_bytes, in_seconds, or_off

_OPTIONAL_BYTES = Annotated[Bytes | None, BeforeValidator(or_off)]
_Count = Annotated[int, Field(ge=1)]
_OPTIONAL_COUNT = Annotated[_Count | None, BeforeValidator(or_off)]


def _of(default: Any, unit: str, description: str) -> Any:
    return Field(default, description=description, json_schema_extra={"unit": unit})


class ReceiverLimits(BaseModel):
    """What bounds a receiver. Seconds, bytes, bytes a second, or counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # How many, how long
    associations: _Count = _of(
        500, "count", "Open at one time on each port, of HTTP too; more are rejected for the moment."
    )
    request: Seconds = _of(
        30.0, "s", "From the connection to a whole A-ASSOCIATE-RQ, or head of an upload; and for the peer to close."
    )
    handshake: Seconds = _of(20.0, "s", "A whole TLS handshake.")
    silence: Seconds = _of(3600.0, "s", "Without a byte between two messages of an association; then A-ABORT.")
    silence_inside: Seconds = _of(60.0, "s", "Without a byte inside a message; then A-ABORT. By HTTP: for each 64 KiB.")
    pace: BytesPerSecond = _of(1000, "B/s", "Least pace inside a message, while we wait for it; then A-ABORT.")
    pace_over: Seconds = _of(120.0, "s", "Waiting over which the pace is measured.")
    vanished: Seconds = _of(120.0, "s", "After which a peer that no longer answers on TCP is given up.")
    stop_grace: Seconds = _of(20.0, "s", "For objects on their way when the receiver is told to end.")
    # Pressure
    reserve: _OPTIONAL_BYTES = _of(None, "B", "Free disk below which objects are refused; `off`: `reserve_mb` says it.")
    descriptors: _Count = _of(64, "count", "Free file descriptors below which associations are rejected.")
    backlog_bytes: _OPTIONAL_BYTES = _of(None, "B", "Unconfirmed in the landing, beyond which objects are refused.")
    backlog_objects: _OPTIONAL_COUNT = _of(None, "count", "The same, in objects.")
    backlog_deliveries: _OPTIONAL_COUNT = _of(None, "count", "Deliveries that nobody has picked up yet.")
    ledger_queue: _Count = _of(50_000, "count", "Rows in memory that wait for the ledger, of about 3 kB each.")
    relief: float = Field(
        0.1,
        ge=0,
        le=0.9,
        description="Part of a limit by which it must be better before pressure is over.",
        json_schema_extra={"unit": "part"},
    )
    hold: Seconds = _of(10.0, "s", "Shortest time that pressure lasts.")
    look: Seconds = _of(1.0, "s", "Between two looks at disk and descriptors; at the landing's backlog five of it.")

    @classmethod
    def of(cls, settings: Iterable[str], base: "ReceiverLimits | None" = None) -> Self:
        """`base` with settings such as `silence=30 min` on top.

        Raises:
            ValueError: one is none, or its value is impossible; the message names it.
        """
        given: dict[str, object] = dict((base or cls()).model_dump(exclude_unset=True))
        for setting in settings:
            name, equals, value = setting.partition("=")
            if not equals:
                message = f"{setting!r} is not NAME=VALUE"
                raise ValueError(message)
            given[name.strip()] = value.strip()
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            name, why = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
            known = f"; there are {', '.join(cls.model_fields)}" if first["type"] == "extra_forbidden" else ""
            message = f"{name}: {why}{known}"
            raise ValueError(message) from error

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Name, value with its unit, and what it is of each, in order."""
        for name, field in type(self).model_fields.items():
            extra: Any = field.json_schema_extra
            yield name, in_words(getattr(self, name), extra["unit"]), str(field.description)


def in_words(value: float | None, unit: str) -> str:
    """A value of a limit, as it may be written."""
    if value is None:
        return "off"
    match unit:
        case "s":
            return in_seconds(value)
        case "B":
            return in_bytes(value)
        case "B/s":
            return f"{in_bytes(value)}/s"
    return f"{value:g}"


_HEAD: Final = "| limit | default | what it bounds |\n|---|---|---|\n"


def table() -> str:
    """The table of the documentation."""
    rows = (f"| `{name}` | {value} | {what} |\n" for name, value, what in ReceiverLimits().rows())
    return _HEAD + "".join(rows)
