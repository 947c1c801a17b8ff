"""Shipments as the API shows them; enough for the trusted side to reconcile."""

from pydantic import NonNegativeInt

from handoff.contract.document import Document
from handoff.contract.identifiers import Digest, ProjectName, RandomId, Uid


class ShipmentView(Document):
    """One shipment. No receive time, no address."""

    id: RandomId
    project: ProjectName
    study: Uid
    series: Uid
    sha256: Digest
    size: NonNegativeInt
    delivered: NonNegativeInt
    withheld: NonNegativeInt
    withheld_by: dict[str, int]
