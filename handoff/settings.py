"""One settings object per process: defaults, then `research/handoff.yaml`, then SLUICE_HANDOFF_* of the environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource

from handoff.access.access_settings import AccessLimits
from handoff.access.openid.settings import OpenidSettings
from handoff.access.pages_settings import PagesSettings
from handoff.contract.identifiers import ProjectName
from handoff.errors import StartError
from handoff.mirrors.settings import Mirrors
from handoff.models.gate import Gate
from handoff.operations.retention import Retention
from handoff.pools import require_equal
from handoff.rules.rule import Rule, RuleName
from handoff.store.s3_settings import S3Settings
from handoff.targets import LocalTarget, Target, TargetName
from handoff.unfit import expected


class ProjectRules(BaseModel):
    """When a project's studies are complete."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quiet_seconds: float = Field(60, ge=0, description="Seconds without arrivals before a released study closes.")
    abort_quiet_seconds: float = Field(
        900, ge=0, description="The same when no association ended by release since an abort."
    )
    commitment_quiet_seconds: float = Field(
        10, ge=0, description="The same when lists of modalities name all that arrived."
    )

    @property
    def longest_wait_seconds(self) -> float:
        """The longest time that a study waits for time alone."""
        return max(self.quiet_seconds, self.abort_quiet_seconds, self.commitment_quiet_seconds)


class Project(ProjectRules):
    """What a site decides about one project; rules that it leaves out are those of every project."""

    share: PositiveFloat = Field(1, description="Its part of the places for which several projects wait, by weight.")
    gpus: NonNegativeInt | None = Field(None, description="Most GPUs of all its runs at one time; None: no limit.")
    rules: dict[RuleName, Rule] = Field(default_factory=dict, description="What it decides by itself, by name.")
    lends: dict[ProjectName, frozenset[ProjectName]] = Field(
        default_factory=dict, description="Its models that other projects may use, by name, and which projects may."
    )
    promotion: Gate = Field(Gate(), description="What a model version must reach before an alias may stand for it.")


class Telemetry(BaseModel):
    """Who is told what happens here, besides those who scrape /metrics."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    otlp_endpoint: HttpUrl | None = Field(
        None, description="OpenTelemetry collector, the whole URL of OTLP/HTTP traces; None means that nobody is told."
    )


class Settings(BaseSettings):
    """Everything that a site decides about its handoff."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="SLUICE_HANDOFF_")

    home: Path = Field(description="The home; the handoff's part of it is `research/`.")
    database_url: str | None = Field(None, description="SQLAlchemy URL; None means SQLite in the research home.")
    database_password_file: Path | None = Field(None, description="File of the password for database_url.")
    database_wait_seconds: float = Field(60, ge=0, description="Longest wait for the database at a start.")
    store_url: str | None = Field(None, description="s3://bucket/prefix or file:///folder; None means the home.")
    s3: S3Settings = Field(S3Settings(), description="Where the S3 of store_url is.")
    max_package_bytes: PositiveInt = Field(8 << 30, description="Largest package taken, in bytes.")
    max_package_members: PositiveInt = Field(20_000, description="Most members a package may have.")
    max_evidence_bytes: PositiveInt = Field(4 << 20, description="Largest evidence message taken, in bytes.")
    max_labels_bytes: PositiveInt = Field(16 << 20, description="Largest label document taken, in bytes.")
    access: AccessLimits = Field(AccessLimits(), description="How much senders may ask, and how slowly.")
    openid: OpenidSettings | None = Field(None, description="Who else may say who somebody is; None: tokens alone.")
    pages: PagesSettings = Field(PagesSettings(), description="Pages for people at a browser.")
    retention: Retention = Field(Retention(), description="How long things are kept.")
    stop_seconds: float = Field(
        20, ge=0, le=3600, description="After SIGTERM, seconds that uploads have to arrive before they are refused."
    )
    telemetry: Telemetry = Field(Telemetry(), description="Traces for operators.")
    mirrors: Mirrors = Field(Mirrors(), description="Who else is told of runs, models and lineage.")
    download_days: PositiveInt = Field(
        30, description="Days for which somebody may keep a batch or a file of a result that they fetched."
    )
    rules: ProjectRules = Field(ProjectRules(), description="Rules of every project that has none of its own.")
    projects: dict[ProjectName, Project] = Field(default_factory=dict, description="Projects by name.")
    targets: dict[str, Target] = Field({"local": LocalTarget()}, description="Targets by name.")
    pools: dict[TargetName, tuple[TargetName, ...]] = Field(
        default_factory=dict, description="Several equal targets under one name, which a handoff may name instead."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What the caller gives comes first, then the environment, then the file of the home."""
        file = Path(init_settings()["home"]) / "research" / "handoff.yaml"
        return init_settings, env_settings, YamlConfigSettingsSource(settings_cls, yaml_file=file)

    @field_validator("pools")
    @classmethod
    def _equal(cls, pools: dict[str, tuple[str, ...]], info: ValidationInfo) -> dict[str, tuple[str, ...]]:
        require_equal(pools, info.data.get("targets", {}))
        return pools

    @model_validator(mode="after")
    def _can_come_back(self) -> Self:
        if self.openid is not None and self.openid.client_id is not None and self.pages.url is None:
            message = "openid.client_id needs pages.url, where the provider sends people back to"
            raise ValueError(message)
        return self

    @classmethod
    def load(cls, home: Path) -> Self:
        """Read the settings of a home.

        Raises:
            StartError: handoff.yaml is unreadable or says something it cannot mean.
        """
        try:
            return cls(home=Path(home).resolve())
        except ValidationError as error:
            said = "; ".join(map(_place, error.errors(include_input=False)))
            message = f"handoff.yaml or SLUICE_HANDOFF_* cannot be used at: {said}."
            raise StartError(message, code="settings") from error
        except (OSError, yaml.YAMLError, TypeError, ValueError) as error:
            raise StartError("handoff.yaml cannot be read as YAML.", code="settings") from error

    @property
    def traces_to(self) -> str | None:
        """The collector's URL, if there is one."""
        return str(self.telemetry.otlp_endpoint) if self.telemetry.otlp_endpoint else None

    def rules_of(self, project: str) -> ProjectRules:
        """The rules of a project, or those of all."""
        own = self.projects.get(project, Project())
        said = own.model_fields_set & ProjectRules.model_fields.keys()
        return self.rules.model_copy(update={name: getattr(own, name) for name in said})

    def may_use(self, project: str, model: str, *, of: str) -> bool:
        """Whether a project may use a model by its name: one of its own, or one that its project lends to it."""
        owner = self.projects.get(of)
        return project == of or (owner is not None and project in owner.lends.get(model, ()))

    def rules_in(self, project: str) -> dict[str, Rule]:
        """What a project decides by itself, by name."""
        own = self.projects.get(project)
        return {} if own is None else own.rules


def _place(error: Mapping[str, Any]) -> str:
    """Where something cannot be used, and what may be there; what we say ourselves names keys alone."""
    own = str(error["msg"]).removeprefix("Value error, ") if error["type"] == "value_error" else None
    what = expected(error) or own
    return ".".join(map(str, error["loc"])) + (f" ({what})" if what else "")
