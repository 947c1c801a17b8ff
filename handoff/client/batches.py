"""Form batches and show them."""

from collections.abc import Iterator

from handoff.client.connection import Connection, read
from handoff.client.place import at
from handoff.schemas.batches import BatchItem, BatchRequest, BatchView
from handoff.schemas.page import Page


class Batches(Connection):
    """Immutable data sets."""

    def form_batch(self, request: BatchRequest) -> BatchView:
        """Form a batch, or get the one of the same content."""
        return read(BatchView, self._post("/v1/batches", request.plain()))

    def batch(self, batch_id: str) -> BatchView:
        """One batch."""
        return read(BatchView, self._get(at("/v1/batches/{}", batch_id)))

    def batches(self, project: str | None = None, starts: str | None = None) -> Iterator[BatchItem]:
        """Every batch, the newest first; with `starts` those whose id starts with these letters."""
        return self._pages(Page[BatchItem], "/v1/batches", project=project, starts=starts)
