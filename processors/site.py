"""A site's settings: one `sluice.yaml` in the trusted home, read once by each process and passed down."""

from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from processors.consent.settings import ConsentSettings
from processors.errors import SiteFileError
from processors.limits import ReceiverLimits
from processors.settings_file import cause

_SHAPE = "it is no mapping of keys to values"


class Retention(BaseModel):
    """How long what is confirmed everywhere stays in the landing. Nothing goes before it is confirmed, or ended."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    originals_days: float = Field(7.0, ge=0, description="Days that originals stay after every destination confirmed.")
    packages: Literal["with-originals", "until-confirmed"] = Field(
        "with-originals", description="Whether a package stays as long as its originals or goes at its receipt."
    )
    peers: dict[str, Annotated[float, Field(ge=0)]] = Field(
        {}, description="Days for what a peer of peers.yaml sent, instead of `originals_days`."
    )
    rules: dict[str, Annotated[float, Field(ge=0)]] = Field(
        {}, description="Days for what a rule of rules.yaml routed, instead of `originals_days`."
    )

    variants: Literal["until-decided", "newest"] = Field(
        "until-decided",
        description="Whether versions under one SOP Instance UID stay until a person says which counts, or the newest"
        " counts and they go like everything else.",
    )

    performed_steps_days: float = Field(
        365.0,
        ge=0,
        description="Days that the file of a performed procedure step (MPPS) stays in the landing after the step ended;"
        " the ledger keeps the step.",
    )

    def days_of(self, peer: str | None, rules: tuple[str, ...]) -> float:
        """Days for a delivery: the longest that names its peer or one of its rules; the site's when none does."""
        named = [self.rules[rule] for rule in rules if rule in self.rules]
        if peer is not None and peer in self.peers:
            named.append(self.peers[peer])
        return max(named, default=self.originals_days)

    @property
    def shortest_days(self) -> float:
        """The least that anything stays."""
        return min([self.originals_days, *self.peers.values(), *self.rules.values()])

    def is_declared_for(self, peer: str | None, rules: tuple[str, ...]) -> bool:
        """Whether somebody wrote the days that hold for such a delivery, rather than leaving them to our default."""
        named = peer in self.peers or any(rule in self.rules for rule in rules)
        return named or "originals_days" in self.model_fields_set


class PixelSettings(BaseModel):
    """What cleans images that may show text, where a profile says so. Relative paths start at the trusted home."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device_rules: Path | None = Field(
        None, description="Where devices burn text in, by what their headers say; left away: no rules."
    )
    detector_packages: Path | None = Field(
        None, description="Folder that the extra `ocr` was installed into, for NiFi's workers, whose NAR lacks it."
    )

    def under(self, home: Path) -> Self:
        """The same with absolute paths."""
        written = {name: home / path for name in type(self).model_fields if (path := getattr(self, name)) is not None}
        return self.model_copy(update=written)


class Site(BaseModel):
    """Everything about a site that is neither a secret nor a rule. Paths are absolute once loaded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Field(description="The trusted home; relative paths below start here.")
    name: str = Field("site", description="What the site calls itself, for people.")
    time_zone: str = Field("UTC", description="IANA zone in which a day begins, for reports.")
    landing: Path = Field(Path("landing"), description="Deliveries as received; on a local disk.")
    ledger: Path = Field(Path("ledger.db"), description="Associations, instances, deliveries, shipments, events.")
    vault: Path = Field(Path("vault.db"), description="Identities and reverse mappings, encrypted.")
    key_file: Path = Field(Path("keys/site.key"), description="The key file that pseudonyms are derived from (0600).")
    audit: Path = Field(Path("audit"), description="What was treated and decided, chained and signed; a file a day.")
    rules: Path = Field(Path("rules.yaml"), description="Routing rules.")
    merges: Path = Field(Path("merges.yaml"), description="Identities that are one patient; need not be there.")
    workers_log: Path = Field(Path("logs/workers.log"), description="What de-identification workers print; may be PHI.")
    reserve_mb: int = Field(1024, ge=0, description="Free disk below which instances are refused (A700), in MB.")
    limits: ReceiverLimits = Field(ReceiverLimits(), description="What bounds the receiver.")
    retention: Retention = Retention()
    consent: ConsentSettings | None = Field(
        None, description="Who knows about patients' consent; left away: nobody is asked, but withdrawals hold."
    )
    pixels: PixelSettings = PixelSettings()
    results: dict[str, str] = Field(
        {}, description="Which peer of peers.yaml gets the results of a project; `*` stands for every other project."
    )

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            message = f"{value!r} is no IANA time zone"
            raise ValueError(message) from error
        return value

    @classmethod
    def load(cls, home: Path) -> Self:
        """Read `home/sluice.yaml`; a missing file means all defaults.

        Raises:
            SiteFileError: the file is no YAML mapping, or a key is unknown or has an impossible value.
        """
        home = Path(home).resolve()
        file = home / "sluice.yaml"
        try:
            written = yaml.safe_load(file.read_text("utf-8")) if file.exists() else {}
            site = cls.model_validate({**(written or {}), "home": home})
        except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, ValidationError) as error:
            raise SiteFileError(f"{file} cannot be used: {cause(error, _SHAPE)}.") from error
        paths: dict[str, object] = {name: home / getattr(site, name) for name in _PATHS}
        paths["pixels"] = site.pixels.under(home)
        if site.consent is not None:
            paths["consent"] = site.consent.under(home)
        return site.model_copy(update=paths)

    def results_to(self, project: str) -> str | None:
        """The peer that gets the results of a project; None when the site names none."""
        return self.results.get(project) or self.results.get("*")


_PATHS = ("landing", "ledger", "vault", "key_file", "audit", "rules", "merges", "workers_log")
