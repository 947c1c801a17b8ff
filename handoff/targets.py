"""Targets: where runs happen. What a site decides about one engine, by its `backend`."""

import re
import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self, assert_never
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    Tag,
    field_validator,
    model_validator,
)

from handoff.contract.environment import ENGINE_TOKEN
from handoff.contract.s3 import ENVIRONMENT

S3_VARIABLES = frozenset(ENVIRONMENT)
_FROZEN = ConfigDict(frozen=True, extra="forbid")
KubernetesName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
Quantity = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti)$")]
StepName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
PinnedImage = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][^\s@]{0,254}@sha256:[0-9a-f]{64}$")]
TargetName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
LONGEST_CALL_SECONDS = 60
"""The longest time one HTTP call to an engine may take; an outbox lease outlives it."""


class ReachesFiles(BaseModel):
    """How the steps of a target reach the files of their runs."""

    model_config = _FROZEN

    files: Literal["store", "handoff"] | None = Field(
        None,
        description="`store`: by the store's own folder or credentials; `handoff`: by the handoff, with a token of the "
        "run alone. None given means `handoff` where handoff_url is given.",
    )
    handoff_url: str | None = Field(
        None, pattern=r"^https?://[^\s/@?#]+/?$", description="The handoff as a step reaches it, without a path."
    )
    handoff_ca_file: PurePosixPath | None = Field(
        None, description="The authority that signed the handoff's certificate, where a step finds it."
    )

    @property
    def by_handoff(self) -> bool:
        """Whether steps get no credential of the store, and no other way to it."""
        return self.files == "handoff" or (self.files is None and self.handoff_url is not None)

    @model_validator(mode="after")
    def _authority_of_something(self) -> Self:
        """Whoever names an authority believes that tokens go out by TLS."""
        if self.handoff_ca_file is not None and (self.handoff_url or "").startswith("http:"):
            message = "handoff_ca_file stands beside a handoff_url without TLS"
            raise ValueError(message)
        return self


def _require_no_credentials(variables: Iterable[str]) -> None:
    """Refuse to hand out what `files: handoff` is there to keep back.

    Raises:
        ValueError: a variable is one of those by which a process reaches S3.
    """
    if not S3_VARIABLES.isdisjoint(variables):
        message = "with files: handoff no step gets a variable of S3"
        raise ValueError(message)


class LocalTarget(ReachesFiles):
    """Compiled pipelines on this machine; by `torchrun-local` the steps that compute share their work."""

    backend: Literal["kfp-local", "torchrun-local"] = Field("kfp-local", description="The kind of engine.")
    processes: PositiveInt = Field(
        1, description="Processes that a training step shares its work by; more than one only for torchrun-local."
    )
    python: Path = Field(Path(sys.executable), description="The interpreter of the ML environment.")
    timeout_seconds: PositiveFloat = Field(86_400, description="Seconds after which a run is ended.")
    runs: PositiveInt = Field(1, description="Runs at one time.")
    gpus: NonNegativeInt = Field(0, description="GPUs that one run takes, for the quotas of projects.")
    environment: dict[str, str] = Field(default_factory=dict, description="Added to each step's environment.")

    @model_validator(mode="after")
    def _shared_by_some(self) -> Self:
        if (self.backend == "torchrun-local") != (self.processes > 1):
            message = "torchrun-local shares by two processes or more, kfp-local by none"
            raise ValueError(message)
        if self.by_handoff:
            _require_no_credentials(self.environment)
        return self


class Gpus(BaseModel):
    """The accelerators that a step gets."""

    model_config = _FROZEN

    type: Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+/[A-Za-z0-9._-]+$")] = Field(
        "nvidia.com/gpu", description="The resource that the cluster's device plugin offers."
    )
    count: PositiveInt = Field(1, description="How many, for each step that gets any.")
    steps: tuple[StepName, ...] | None = Field(
        None, description="The steps that get them, by their names in the pipeline; none given means every step."
    )


class Claim(BaseModel):
    """A PersistentVolumeClaim that every step sees."""

    model_config = _FROZEN

    claim: KubernetesName = Field(description="The claim's name in the namespace.")
    path: PurePosixPath = Field(description="Where steps see it: the same path as on the handoff's own machine.")
    sub_path: str = Field("", description="The folder of the volume that is mounted; empty means its root.")

    @field_validator("path")
    @classmethod
    def _plain(cls, path: PurePosixPath) -> PurePosixPath:
        if not path.is_absolute() or ".." in path.parts or len(path.parts) < 2:
            message = "the path is not absolute, or is the root"
            raise ValueError(message)
        return path


class SecretVariables(BaseModel):
    """Keys of a Kubernetes Secret that steps see as variables."""

    model_config = _FROZEN

    secret: KubernetesName
    variables: dict[VariableName, str] = Field(min_length=1, description="The key in the secret, by variable.")


class Toleration(BaseModel):
    """A taint that steps tolerate."""

    model_config = _FROZEN

    key: str | None = None
    operator: Literal["Equal", "Exists"] = "Exists"
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    seconds: PositiveInt | None = Field(None, description="How long, for NoExecute; none given means for ever.")


class KubeflowTarget(ReachesFiles):
    """Kubeflow Pipelines on a cluster, by its HTTP API."""

    backend: Literal["kfp"] = Field(description="The kind of engine.")
    endpoint: str = Field(description="URL of the Kubeflow Pipelines API, without /apis.")
    namespace: str = Field("", pattern=r"^([a-z0-9][a-z0-9-]{0,62})?$", description="Empty on a single-user server.")
    experiment_prefix: str = Field(
        "sluice-", pattern=r"^[a-z0-9-]{0,32}$", description="Before the project's name; each project has one."
    )
    pipeline_prefix: str = Field("sluice-", pattern=r"^[a-z0-9-]{0,32}$", description="Before the pipeline's name.")
    token_file: Path | None = Field(None, description="A file with a bearer token; read again for each call.")
    service_account_token_file: Path | None = Field(None, description="The token that Kubernetes projects into a pod.")
    cookie_file: Path | None = Field(None, description="An escape hatch: a file with the session cookie, name=value.")
    ca_file: Path | None = Field(None, description="The authority that signed the server's certificate.")
    image: PinnedImage = Field(description="The image of every step, by digest.")
    image_pull_secrets: tuple[KubernetesName, ...] = ()
    gpus: Gpus | None = None
    claims: tuple[Claim, ...] = Field((), description="Volumes; file:// URIs of a handoff must lie below their paths.")
    secrets: tuple[SecretVariables, ...] = Field((), description="For example the credentials of an S3 store.")
    environment: dict[VariableName, str] = Field(default_factory=dict, description="Added to each step's environment.")
    tolerations: tuple[Toleration, ...] = ()
    node_selector: dict[str, str] = Field(default_factory=dict)
    service_account: KubernetesName | None = Field(None, description="Of the pods; none given means the server's.")
    shm_size: Quantity | None = Field("2Gi", description="Of /dev/shm, in memory; PyTorch's loaders need it.")
    pipeline_root: str | None = Field(None, description="Where Kubeflow keeps its own artifacts.")
    runs: PositiveInt = Field(4, description="Runs at one time.")
    timeout_seconds: PositiveInt = Field(86_400, description="Seconds after which a run is ended.")
    settle_seconds: float = Field(
        150, ge=0, description="Seconds after an ambiguous answer before anything is sent again; over 120 on a cluster."
    )
    http_timeout_seconds: PositiveFloat = Field(30, le=LONGEST_CALL_SECONDS, description="Seconds for one call.")
    poll_seconds: PositiveFloat = Field(5, description="Seconds between two looks at a run.")
    sweep_seconds: PositiveFloat = Field(60, description="Seconds between two searches for duplicates.")
    slots: bool = Field(
        False,
        description="Let the server itself refuse a second run of one name, by a disabled recurring run for each "
        "project and pipeline; needs Kubeflow 2.17 with ScheduledWorkflows, and deleting one deletes its workflows.",
    )

    @field_validator("endpoint")
    @classmethod
    def _address(cls, endpoint: str) -> str:
        parts = urlsplit(endpoint)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
            message = "the endpoint is no http or https URL, or it holds a user or password"
            raise ValueError(message)
        if parts.query or parts.fragment or re.search(r"/apis(/|$)", parts.path):
            message = "the endpoint ends before /apis and has no query"
            raise ValueError(message)
        return endpoint.rstrip("/")

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        given = [self.token_file, self.service_account_token_file, self.cookie_file]
        if len([file for file in given if file is not None]) > 1:
            message = "of token_file, service_account_token_file and cookie_file at most one can be meant"
            raise ValueError(message)
        if len({claim.path for claim in self.claims}) != len(self.claims):
            message = "two claims have one path"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _token_of_its_own(self) -> Self:
        if not self.by_handoff:
            return self
        variables = {name for secret in self.secrets for name in secret.variables}
        _require_no_credentials(variables | self.environment.keys())
        if self.handoff_url is None or ENGINE_TOKEN not in variables:
            message = f"files: handoff needs handoff_url, and a secret for {ENGINE_TOKEN}"
            raise ValueError(message)
        return self


class ServedModelTarget(BaseModel):
    """One model behind KServe's ModelServer, as `sluice serve-model` starts it; takes infer handoffs of that model."""

    model_config = _FROZEN

    backend: Literal["kserve"] = Field(description="The kind of engine.")
    url: str = Field(pattern=r"^https?://[^\s/@?#]+/?$", description="Of the server, without /v2.")
    model: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}:[1-9][0-9]{0,8}$")] = Field(
        description="The model version that it serves, name:version."
    )
    token_file: Path | None = Field(None, description="A file with a bearer token; read again for each call.")
    ca_file: Path | None = Field(None, description="The authority that signed the server's certificate.")
    runs: PositiveInt = Field(4, description="Runs at one time, those that wait at the server included.")
    http_timeout_seconds: PositiveFloat = Field(10, le=LONGEST_CALL_SECONDS, description="Seconds for one call.")
    poll_seconds: PositiveFloat = Field(1, description="Seconds between two looks at a run.")


def _backend(value: Any) -> str:
    """The backend that a target names; none named means kfp-local."""
    named = value.get("backend", "kfp-local") if isinstance(value, dict) else getattr(value, "backend", "kfp-local")
    return str(named)


Target = Annotated[
    Annotated[LocalTarget, Tag("kfp-local")]
    | Annotated[LocalTarget, Tag("torchrun-local")]
    | Annotated[KubeflowTarget, Tag("kfp")]
    | Annotated[ServedModelTarget, Tag("kserve")],
    Discriminator(_backend),
]
"""Any target. A new kind of engine adds its class above and its tag here."""


def runs_beside(target: Target) -> bool:
    """Whether runs happen on the machine of the target's worker, with that user's rights, and not in a cluster."""
    match target:
        case LocalTarget():
            return True
        case KubeflowTarget() | ServedModelTarget():
            return False
        case _ as unreachable:
            assert_never(unreachable)
