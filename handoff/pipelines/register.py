"""Register a pipeline: one version per content; a version never changes."""

import hashlib
import time
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.contract.canonical import canonical_digest
from handoff.database.engine import Database
from handoff.database.tables import PipelineVersion
from handoff.pipelines.compiled import read_inputs
from handoff.schemas.pipelines import PipelineRequest
from handoff.store import Store
from handoff.store.store import pipeline_path


@dataclass(frozen=True, slots=True)
class RegisteredPipeline:
    """The version, and whether this request made it."""

    version: PipelineVersion
    created: bool


def register(database: Database, store: Store, request: PipelineRequest) -> RegisteredPipeline:
    """Keep the YAML and record its version; the same content under the same name is the same version.

    Raises:
        PipelineError: it does not keep the contract.
    """
    inputs = read_inputs(request.yaml)
    yaml_digest = hashlib.sha256(request.yaml.encode()).hexdigest()
    identifier = canonical_digest({"name": request.name, "yaml": yaml_digest, "code": request.code_digest})
    store.files.write(pipeline_path(identifier), [request.yaml.encode()])
    with database.write() as session:
        known = session.get(PipelineVersion, identifier)
        if known is not None:
            # Registering an older version again makes it the newest of its name.
            known.registered_at = time.time()
            return RegisteredPipeline(known, created=False)
        version = PipelineVersion(
            id=identifier,
            name=request.name,
            yaml_digest=yaml_digest,
            code_digest=request.code_digest,
            inputs={name: facts.plain() for name, facts in inputs.items()},
            registered_at=time.time(),
        )
        session.add(version)
    return RegisteredPipeline(version, created=True)


def find_pipeline(session: Session, name_or_version: str) -> PipelineVersion | None:
    """A version by its digest, or the newest of a name."""
    by_version = session.get(PipelineVersion, name_or_version)
    if by_version is not None:
        return by_version
    named = select(PipelineVersion).where(PipelineVersion.name == name_or_version)
    return session.scalar(named.order_by(PipelineVersion.registered_at.desc()).limit(1))
