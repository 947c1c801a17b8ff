"""Register a pipeline: one version per content; a version never changes."""

import hashlib
import time
from dataclasses import dataclass

from sqlalchemy import Select, String, bindparam, select
from sqlalchemy.orm import Session

from handoff.contract.canonical import canonical_digest
from handoff.database.engine import Database
from handoff.database.tables import PipelineVersion
from handoff.pipelines.compiled import read_inputs
from handoff.schemas.pipelines import PipelineRequest
from handoff.store import Store
from handoff.store.store import pipeline_path

_DIGEST_LENGTH = 64


@dataclass(frozen=True, slots=True)
class RegisteredPipeline:
    """The version, and whether this request made it."""

    version: PipelineVersion
    created: bool


def register(
    database: Database, store: Store, request: PipelineRequest, *, by: str | None = None, local_too: bool = True
) -> RegisteredPipeline:
    """Keep the YAML and record its version; the same content under the same name is the same version.

    Args:
        database: where the version is recorded.
        store: where the YAML is kept.
        request: what to register.
        by: who asks.
        local_too: whether it may run beside the service; what may once is not taken back by somebody who may not say.

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
            if local_too and not known.local_too:
                known.local_too, known.registered_by = True, by
            return RegisteredPipeline(known, created=False)
        version = PipelineVersion(
            id=identifier,
            name=request.name,
            yaml_digest=yaml_digest,
            code_digest=request.code_digest,
            inputs={name: facts.plain() for name, facts in inputs.items()},
            local_too=local_too,
            registered_by=by,
            registered_at=time.time(),
        )
        session.add(version)
    return RegisteredPipeline(version, created=True)


def find_pipeline(session: Session, name_or_version: str, *, beside: bool = False) -> PipelineVersion | None:
    """A version by its digest, or the newest of a name.

    Args:
        session: of the database.
        name_or_version: what a request calls it.
        beside: of a name only a version that may run beside the service.
    """
    return session.scalar(chosen_pipeline(name_or_version, beside=beside), {"called": name_or_version})


def chosen_pipeline(name_or_version: str, *, beside: bool = False) -> Select[PipelineVersion]:
    """The query for that version, with what it is called as the parameter `called`."""
    if len(name_or_version) == _DIGEST_LENGTH:  # a name is shorter
        return _BY_VERSION
    return _NEWEST_BESIDE if beside else _NEWEST


_CALLED = bindparam("called", type_=String())
_BY_VERSION = select(PipelineVersion).where(PipelineVersion.id == _CALLED)
_NAMED = select(PipelineVersion).where(PipelineVersion.name == _CALLED)
_NEWEST = _NAMED.order_by(PipelineVersion.registered_at.desc()).limit(1)
_NEWEST_BESIDE = _NAMED.where(PipelineVersion.local_too).order_by(PipelineVersion.registered_at.desc()).limit(1)
"""Made once, for each handoff that is accepted asks one of them."""
