"""Every table. Times are UTC seconds since 1970 and are for operators only: no document leaves with one in it.

In reading order:

- `table`: the root of all tables.
- `arrivals`: what came from the trusted side: studies, shipments, instances, evidence, labels.
- `batches`: immutable data sets, every copy of them, and what was withdrawn from them.
- `handoffs`: decisions to run something, and what still has to reach an engine.
- `results`: what runs left, the models among it, and what became of those.
- `outside`: what others are told, and what was answered to them.
- `access`: who may do what, and who did.
"""

from handoff.database.tables.access import AuditRecord, LoginSecret, LoginSession, Token
from handoff.database.tables.arrivals import (
    EvidenceMessage,
    Instance,
    LabelDocument,
    LabelRowRecord,
    Shipment,
    Study,
    StudyVersion,
)
from handoff.database.tables.batches import (
    Batch,
    BatchInstance,
    BatchLabels,
    BatchShipment,
    BatchStudy,
    Copy,
    Withdrawal,
    WithdrawnShipment,
)
from handoff.database.tables.handoffs import (
    DuplicateRun,
    Event,
    Handoff,
    OutboxRow,
    PipelineVersion,
    RuleFiring,
    Signal,
    TargetPlace,
    WorkerPulse,
)
from handoff.database.tables.outside import IdempotentRequest, LineageEvent, MirrorRow
from handoff.database.tables.results import Alias, ModelVersion, Promotion, ResultFileRow, Volume
from handoff.database.tables.table import Table

__all__ = [
    "Alias",
    "AuditRecord",
    "Batch",
    "BatchInstance",
    "BatchLabels",
    "BatchShipment",
    "BatchStudy",
    "Copy",
    "DuplicateRun",
    "Event",
    "EvidenceMessage",
    "Handoff",
    "IdempotentRequest",
    "Instance",
    "LabelDocument",
    "LabelRowRecord",
    "LineageEvent",
    "LoginSecret",
    "LoginSession",
    "MirrorRow",
    "ModelVersion",
    "OutboxRow",
    "PipelineVersion",
    "Promotion",
    "ResultFileRow",
    "RuleFiring",
    "Shipment",
    "Signal",
    "Study",
    "StudyVersion",
    "Table",
    "TargetPlace",
    "Token",
    "Volume",
    "Withdrawal",
    "WithdrawnShipment",
    "WorkerPulse",
]
