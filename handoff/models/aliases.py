"""Names such as `champion`, each standing for one version of a model."""

from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.database.tables import Alias, ModelVersion

SEPARATOR = "@"
"""Between a model's name and an alias, as in `unet@champion`."""


def find_model(session: Session, reference: str) -> ModelVersion | None:
    """The version that `name:version` or `name@alias` means now."""
    name, at, alias = reference.partition(SEPARATOR)
    if not at:
        return session.get(ModelVersion, reference)
    row = session.get(Alias, (name, alias))
    return None if row is None else session.get(ModelVersion, row.model_id)


def aliases_of(session: Session, model_ids: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """The aliases that stand for each of some versions; those that have none are left out."""
    found: dict[str, tuple[str, ...]] = {}
    chosen = select(Alias.model_id, Alias.alias).where(Alias.model_id.in_(list(model_ids))).order_by(Alias.alias)
    for model_id, alias in session.execute(chosen):
        found[model_id] = (*found.get(model_id, ()), alias)
    return found
