"""Who may send to the receiver, and what: the `sends` of a peer in the peers file, and `receiver` at its top.

```yaml
receiver:
  unknown_callers: reject            # reject | quarantine | accept
  called_ae_titles: [SLUICE]         # what we are called by; left away: anything
peers:
  ct1:
    sends:
      ae_titles: [CT1, CT1_CONSOLE]
      addresses: [10.20.1.0/24]
      tls: {names: [ct1.hospital]}
      tokens: [9f86d081...]            # SHA-256 of what it shows when it uploads by HTTP
      sop_classes: [CTImageStorage]
      transfer_syntaxes: [ExplicitVRLittleEndian, RLELossless]
      limits: {associations: 4, objects_per_second: 200, bytes_per_second: 100 MB, bytes_per_day: 500 GB}
      storage_commitment: {keep_days: 365}
      performed_steps: true
      project: lung
      quiet: ["2026-03-02T07:00/2026-03-02T16:30"]
```
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from processors.downtime import Downtimes

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
UnknownCallers = Literal["reject", "quarantine", "accept"]

_UNITS: Final = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE: Final = re.compile(r"(\d{1,15}(?:\.\d{1,15})?) ?(B|kB|MB|GB|TB)")
_UID: Final = re.compile(r"(?=.{1,64}$)(0|[1-9]\d*)(\.(0|[1-9]\d*))+")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")


def ae_title(written: str) -> str:
    """An AE title as PS3.5 6.2 allows it, without outer blanks.

    Raises:
        ValueError: it is none.
    """
    title = written.strip()
    if not 0 < len(title) <= 16 or not title.isascii() or not title.isprintable() or "\\" in title:
        raise ValueError("an AE title has 1 to 16 printable ASCII characters and no backslash")
    return title


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _network(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("an address is a text such as 10.20.1.7 or 10.20.1.0/24")  # noqa: TRY004 - pydantic wants it
    try:
        return ip_network(value, strict=True)
    except ValueError as error:
        message = f"{value!r} is no address and no network with its host bits zero"
        raise ValueError(message) from error


def _size(value: object) -> object:
    """Bytes; a number with a unit, such as `100 MB` (10^6), or a plain number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a size is a number of bytes, or one with its unit: B, kB, MB, GB, TB")
    return int(float(match[1]) * _UNITS[match[2]])


def _token(value: str) -> str:
    if not _FINGERPRINT.fullmatch(value.lower()):
        raise ValueError("a token is written as its SHA-256, 64 hexadecimal digits: `sluice peers token` makes both")
    return value.lower()


def _fingerprint(value: str) -> str:
    plain = value.replace(":", "").lower()
    if not _FINGERPRINT.fullmatch(plain):
        raise ValueError("a fingerprint is SHA-256: 64 hexadecimal digits, colons allowed")
    return plain


def _uid_of(kinds: frozenset[str], what: str) -> Any:
    def check(value: str) -> str:
        from pydicom._uid_dict import UID_dictionary

        if _UID.fullmatch(value):
            return value
        for uid, entry in UID_dictionary.items():
            if entry[4] == value and entry[1] in kinds:
                return uid
        message = f"{value!r} is neither {what} of PS3.6 nor a UID"
        raise ValueError(message)

    return check


AETitle = Annotated[str, AfterValidator(ae_title)]
AETitles = Annotated[tuple[AETitle, ...], BeforeValidator(_listed), Field(min_length=1)]
Networks = Annotated[
    tuple[Annotated[Network, BeforeValidator(_network)], ...], BeforeValidator(_listed), Field(min_length=1)
]
Bytes = Annotated[int, BeforeValidator(_size), Field(gt=0)]
Tokens = Annotated[tuple[Annotated[str, AfterValidator(_token)], ...], BeforeValidator(_listed), Field(min_length=1)]
SOPClasses = Annotated[
    tuple[Annotated[str, AfterValidator(_uid_of(frozenset({"SOP Class"}), "a SOP class keyword"))], ...],
    BeforeValidator(_listed),
    Field(min_length=1),
]
TransferSyntaxes = Annotated[
    tuple[Annotated[str, AfterValidator(_uid_of(frozenset({"Transfer Syntax"}), "a transfer syntax keyword"))], ...],
    BeforeValidator(_listed),
    Field(min_length=1),
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(_Part):
    """How much a peer may send; what is left away is not limited."""

    associations: int | None = Field(None, ge=1, description="Open at one time; more are rejected.")
    objects_per_second: float | None = Field(None, gt=0, description="On average; answers wait, nothing is refused.")
    bytes_per_second: Bytes | None = Field(None, description="On average; answers wait, nothing is refused.")
    bytes_per_day: Bytes | None = Field(None, description="Of a day in UTC; more is refused with A700.")


class TLSIdentity(_Part):
    """Which client certificates are the peer's. Both left away: any that our authorities have signed."""

    names: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        (), description="Common names, DNS names or addresses in the certificate; one must be there."
    )
    sha256: Annotated[tuple[Annotated[str, AfterValidator(_fingerprint)], ...], BeforeValidator(_listed)] = Field(
        (), description="Fingerprints of certificates; it must be one of them."
    )


class Commitment(_Part):
    """Storage commitment for a peer: what it may delete of its own once it has our Success (PS3.4 annex J)."""

    keep_days: float = Field(
        gt=0, le=36525, description="How long originals stay from when it asks; nothing deletes them before."
    )


class Sends(_Part):
    """What a peer may send to the receiver."""

    ae_titles: AETitles | None = Field(None, description="Calling AE titles; default: the peer's own ae_title.")
    addresses: Networks | None = Field(None, description="Addresses and networks it calls from; default: any.")
    tokens: Tokens | None = Field(
        None, description="SHA-256 of the bearer tokens that it shows when it uploads by HTTP; default: it may not."
    )
    tls: TLSIdentity | None = Field(None, description="It must use TLS, with this identity; default: it need not.")
    sop_classes: SOPClasses | None = Field(None, description="SOP classes, by keyword or UID; default: all storage.")
    transfer_syntaxes: TransferSyntaxes | None = Field(None, description="By keyword or UID; default: all.")
    limits: Limits = Limits()
    storage_commitment: Commitment | None = Field(
        None, description="Answer its requests with Success for what is kept; default: with failure, always."
    )
    performed_steps: bool = Field(
        False, description="Take its performed procedure steps (MPPS); what they say it made is waited for."
    )
    project: str | None = Field(
        None, pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="The project its data is for, as a hint for rules."
    )
    expects: Literal["rhythm", "none"] = Field(
        "rhythm", description="Whether its silence is an alarm, by the rhythm that the ledger teaches, or never."
    )
    quiet: Downtimes = Field((), description="Days and hours of the site's time in which nothing is expected of it.")


class Sender(_Part):
    """One peer as the receiver knows it."""

    name: str
    ae_titles: tuple[str, ...]
    sends: Sends

    def calls_from(self, address: str) -> bool:
        """Whether the address is one of its own."""
        return self.sends.addresses is None or any(_plain(address) in network for network in self.sends.addresses)

    @property
    def called(self) -> str:
        """What it is called where it said no AE title of its own: its first one, or else its name."""
        return self.ae_titles[0] if self.ae_titles else self.name

    def is_confused_with(self, other: "Sender") -> bool:
        """Whether a caller could be both."""
        mine, theirs = self.sends.addresses, other.sends.addresses
        if not set(self.ae_titles) & set(other.ae_titles):
            return False
        return mine is None or theirs is None or any(_overlap(one, two) for one in mine for two in theirs)


class Receiving(_Part):
    """What holds for all callers."""

    unknown_callers: UnknownCallers = Field("reject", description="What becomes of who is no peer with `sends`.")
    called_ae_titles: AETitles | None = Field(None, description="What we must be called by; default: anything.")
    quiet: Downtimes = Field((), description="Days and hours in which nothing is expected of anybody: holidays.")


def _plain(address: str) -> Address:
    """An address; one of version 4 that is written as version 6 is the former."""
    found = ip_address(address.split("%", maxsplit=1)[0])
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _overlap(one: Network, two: Network) -> bool:
    return one.version == two.version and one.overlaps(two)
