"""A database with trained model versions, and people who want them promoted."""

from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from handoff.access.principal import Principal
from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from handoff.database.tables import Alias, LineageEvent, ModelVersion
from handoff.models.promote import Promotions
from handoff.settings import Settings
from tests.unit.handoff.rows import add_handoff, add_surroundings

ADA, BOB = Principal("ada", "ml-engineer"), Principal("bob", "ml-engineer")
GUEST = Principal("guest", "ml-engineer", frozenset({"hearts"}))


class Registry:
    """The model `unet` of the project `lungs`, with as many versions as a test adds."""

    def __init__(self, folder: Path, promotion: dict[str, Any] | None = None) -> None:
        self.database = Database(f"sqlite:///{folder}/handoff.db")
        upgrade(self.database)
        projects = {"lungs": {"promotion": promotion or {}}}
        self.promotions = Promotions(self.database, Settings.model_validate({"home": folder, "projects": projects}))
        with self.database.write() as session:
            add_surroundings(session)

    def train(self, version: int, project: str = "lungs", **metrics: float) -> str:
        with self.database.write() as session:
            return add_model(session, version, project, **metrics)

    def ask(self, version: int, who: Principal = ADA, alias: str = "champion"):
        return self.promotions.ask(who, "unet", alias, version, "it is better")

    @property
    def champion(self) -> str | None:
        with self.database.read() as session:
            row = session.get(Alias, ("unet", "champion"))
            return row.model_id if row else None

    def log(self) -> list[tuple[str, str | None]]:
        """Event and model version of all that the log of lineage tells of promotions."""
        with self.database.read() as session:
            events = session.query(LineageEvent).order_by(LineageEvent.id)
            return [(event.event, event.facts["version"]) for event in events if event.event.startswith("promotion")]


def add_model(session: Session, version: int, project: str = "lungs", batch: str = "b", **metrics: float) -> str:
    """A version of `unet` and the training that made it."""
    name = f"{version:032x}"
    add_handoff(session, id=name, key=name, kind="train", state="SUCCEEDED", project=project, batch_id=batch)
    facts = {"name": "unet", "version": version, "project": project, "handoff_id": name, "spec_digest": "5" * 64}
    session.add(ModelVersion(id=f"unet:{version}", path="model.pt", metrics=metrics, created_at=0.0, **facts))
    session.flush()
    return f"unet:{version}"
