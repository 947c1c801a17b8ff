"""What a site says of its S3 in handoff.yaml. Credentials come from the environment or a file, never from there."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from handoff.contract.s3 import ENVIRONMENT


class S3Settings(BaseModel):
    """Where S3 is. Only used with a store_url that begins with s3://."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint: str | None = Field(None, description="https://host:port; None means AWS.")
    region: str | None = Field(None, description="Region; us-east-1 where nothing says another.")
    path_style: bool = Field(True, description="host/bucket rather than bucket.host.")
    ca_file: Path | None = Field(None, description="Certificates to trust besides those of the system, PEM.")
    credentials_file: Path | None = Field(
        None, description="INI file as AWS' tools write it; None means AWS_* of the environment."
    )
    runs_credentials_file: Path | None = Field(
        None, description="The same for runs, which need not write packages; None means the service's."
    )

    def of_service(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The variables that say how the service reaches S3."""
        found = {name: environment[name] for name in ENVIRONMENT if name in environment}
        return self._beside(found, self.credentials_file)

    def of_runs(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The same for a run."""
        if self.runs_credentials_file is None:
            return self.of_service(environment)
        return self._beside({}, self.runs_credentials_file)

    def _beside(self, found: dict[str, str], credentials: Path | None) -> dict[str, str]:
        said = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.region,
            "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": None if self.path_style else "true",
            "AWS_CA_BUNDLE": str(self.ca_file) if self.ca_file else None,
        }
        found.update({name: value for name, value in said.items() if value is not None})
        if credentials is not None:
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
                found.pop(name, None)
            found["AWS_SHARED_CREDENTIALS_FILE"] = str(credentials)
        return found
