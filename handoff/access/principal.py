"""Who a request is from, and which projects it may touch."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, true
from sqlalchemy.orm import InstrumentedAttribute

from handoff.access.permissions import PERMISSIONS, Role, Verb
from handoff.errors import ForbiddenError, NotFoundError


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody known. `name` is what records of changes keep.

    Args:
        projects: the only ones it may see; None for all of them.
        handoff_id: the only handoff that a run may touch.
    """

    name: str
    role: Role
    projects: frozenset[str] | None = None
    handoff_id: str | None = None

    def may(self, verb: Verb) -> bool:
        """Whether the role has a permission."""
        return verb in PERMISSIONS[self.role]

    def sees(self, project: str) -> bool:
        """Whether a project is one of its own."""
        return self.projects is None or project in self.projects

    def require_project(self, project: str) -> None:
        """Let a request about a project pass.

        Raises:
            NotFoundError: it is none of its own; what others have is not even said to exist.
        """
        if not self.sees(project):
            raise NotFoundError

    def require_delivery(self, project: str) -> None:
        """Let a delivery for a project pass.

        Raises:
            ForbiddenError: it is for a project of others; whoever sends it knows that project already.
        """
        if not self.sees(project):
            remedy = "Deliver it with a token of its project."
            raise ForbiddenError("This token delivers for other projects.", code="project-of-others", remedy=remedy)

    @property
    def sees_arrivals(self) -> bool:
        """Whether it may learn when something came: who knew that would know by how many days dates were moved."""
        return self.may("operate")

    def within(self, project: InstrumentedAttribute[str]) -> ColumnElement[bool]:
        """The condition of a query for rows of its own projects, by their project's column."""
        return true() if self.projects is None else project.in_(sorted(self.projects))
