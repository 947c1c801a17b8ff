"""What a site says of each system that is told: `mirrors` of handoff.yaml."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, StringConstraints, model_validator

from handoff.contract.identifiers import ProjectName

HttpAddress = Annotated[str, StringConstraints(pattern=r"^https?://[^\s@?#]+$")]
SubscriberName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Notice = Literal["result", "failure", "promotion"]


class _Called(BaseModel):
    """A server that is called, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ca_file: Path | None = Field(None, description="The authority that signed the server's certificate.")
    http_timeout_seconds: PositiveFloat = Field(10, le=20, description="Seconds for one call.")
    keeps_days: PositiveInt | None = Field(
        None, description="Days for which it keeps what it is told, as certificates of withdrawals say; null: for ever."
    )


class MlflowMirror(_Called):
    """An MLflow tracking server that is told of handoffs and models."""

    tracking_uri: HttpAddress = Field(description="URL of the tracking server.")
    experiment_prefix: str = Field(
        "sluice/", pattern=r"^[a-z0-9/_-]{0,63}$", description="Before the project's name; each project has one."
    )
    token_file: Path | None = Field(None, description="A file with a bearer token; read again for each call.")
    with_times: bool = Field(
        False, description="Tell when runs were; else only how long, for a day beside shifted dates tells the shift."
    )
    aliases_every_seconds: PositiveFloat | None = Field(
        30,
        description="How often it is looked there for an alias that somebody moved, to ask for it here; null: never.",
    )


class OpenLineageMirror(_Called):
    """Who gets OpenLineage events: an endpoint, a file, or both; each is told of everything by itself."""

    url: HttpAddress | None = Field(None, description="The whole URL that takes events by POST.")
    token_file: Path | None = Field(None, description="A file with a bearer token; read again for each call.")
    file: Path | None = Field(None, description="A file to which each event is appended as one line of JSON.")
    namespace: str = Field(
        "sluice", pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$", description="Before the project in every namespace."
    )
    with_times: bool = Field(
        False, description="Tell when runs were; else only how long, for a day beside shifted dates tells the shift."
    )

    @model_validator(mode="after")
    def _tells_somebody(self) -> Self:
        if self.url is None and self.file is None:
            message = "neither url nor file is named"
            raise ValueError(message)
        return self


class Webhook(_Called):
    """A subscriber that is told by a signed POST."""

    url: HttpAddress = Field(description="The whole URL.")
    secret_file: Path = Field(
        description="The shared secret, `whsec_` and base64 as Standard Webhooks has it; one a line while it rotates."
    )
    events: frozenset[Notice] = Field(
        frozenset({"result", "promotion"}), min_length=1, description="What it is told of."
    )
    projects: frozenset[ProjectName] | None = Field(None, description="Only of these projects; None means all.")
    history: bool = Field(True, description="Whether it is told of what was before it was first set up.")


class Mirrors(BaseModel):
    """Other systems that are told what happened, and are never asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mlflow: MlflowMirror | None = Field(None, description="None means that MLflow is told nothing.")
    openlineage: OpenLineageMirror | None = Field(None, description="None means that no OpenLineage event is told.")
    webhooks: dict[SubscriberName, Webhook] = Field(default_factory=dict, description="Subscribers by name.")
