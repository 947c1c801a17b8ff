"""Aliases of models and the promotions that move them; lineage beyond one trace."""

from collections.abc import Iterator
from typing import Any

from handoff.client.connection import Connection, checked, read
from handoff.client.place import at
from handoff.schemas.models import AliasView, PromotionView
from handoff.schemas.page import Page
from handoff.schemas.results import EvaluationView
from handoff.schemas.trace import LineageEventView, TraceNode


class Models(Connection):
    """Which model version is trusted for what, and what came of what."""

    def aliases(self, model: str) -> Iterator[AliasView]:
        """Every alias of a model."""
        return self._pages(Page[AliasView], at("/v1/models/{}/aliases", model))

    def promote(self, model: str, alias: str, version: int, reason: str) -> PromotionView:
        """Let an alias stand for a version; the answer says whether it does, or waits for somebody to approve.

        Raises:
            ProblemError: `gate-refused`, with where the findings are.
        """
        body = {"version": version, "reason": reason}
        path = at("/v1/models/{}/aliases/{}", model, alias)
        return read(PromotionView, self._send("PUT", path, json=body, headers=self._api))

    def promotions(self, model: str | None = None, state: str | None = None) -> Iterator[PromotionView]:
        """Every promotion, the newest first."""
        return self._pages(Page[PromotionView], "/v1/promotions", model=model, state=state)

    def promotion(self, promotion_id: str) -> PromotionView:
        """One promotion, and what the gate found."""
        return read(PromotionView, self._get(at("/v1/promotions/{}", promotion_id)))

    def approve(self, promotion_id: str, reason: str) -> PromotionView:
        """Let the alias move."""
        return read(PromotionView, self._post(at("/v1/promotions/{}:approve", promotion_id), {"reason": reason}))

    def refuse(self, promotion_id: str, reason: str) -> PromotionView:
        """Leave the alias where it is."""
        return read(PromotionView, self._post(at("/v1/promotions/{}:refuse", promotion_id), {"reason": reason}))

    def evaluations(self, model: str) -> Iterator[EvaluationView]:
        """What was measured of a model version since it was registered, the newest first."""
        return self._pages(Page[EvaluationView], at("/v1/models/{}/evaluations", model))

    def neighbours(self, identifier: str, way: str, kind: str) -> Iterator[TraceNode]:
        """Everything of a kind that is one step up or down from an id, however much it is."""
        return self._pages(Page[TraceNode], at("/v1/trace/{}/{}", identifier, way), kind=kind, limit=1000)

    def prov(self, identifier: str) -> dict[str, Any]:
        """The line of an id as W3C PROV-JSON."""
        found: dict[str, Any] = checked(self._get(at("/v1/trace/{}/prov", identifier))).json()
        return found

    def lineage(self, project: str | None = None) -> Iterator[LineageEventView]:
        """The log of what came to be, from its beginning."""
        return self._pages(Page[LineageEventView], "/v1/lineage", project=project)
