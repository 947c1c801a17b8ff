"""Write the contract's JSON Schemas: `python -m handoff.contract.export`."""

import json
from pathlib import Path

from handoff.contract.batch import BATCH_LINE
from handoff.contract.commitment import StorageCommitment
from handoff.contract.evidence import Evidence
from handoff.contract.expected import ExpectedCount, ExpectedSeries
from handoff.contract.labels import Labels
from handoff.contract.performed import PerformedStep
from handoff.contract.receipt import SignedReceipt
from handoff.contract.result import Result
from handoff.contract.returned import Acknowledgement, Claim
from handoff.contract.shipment import Manifest
from handoff.contract.webhook import WebhookMessage
from handoff.contract.withdrawal import SignedCertificate

SCHEMAS = Path(__file__).parent / "schemas"


def schemas() -> dict[str, str]:
    """File name: JSON Schema as text, for every document that crosses a process or a zone."""
    documents = {
        "shipment": Manifest.model_json_schema(),
        "evidence": Evidence.model_json_schema(),
        "expected-count": ExpectedCount.model_json_schema(),
        "expected-series": ExpectedSeries.model_json_schema(),
        "storage-commitment": StorageCommitment.model_json_schema(),
        "performed-step": PerformedStep.model_json_schema(),
        "labels": Labels.model_json_schema(),
        "receipt": SignedReceipt.model_json_schema(),
        "batch-line": BATCH_LINE.json_schema(),
        "result": Result.model_json_schema(),
        "claim": Claim.model_json_schema(),
        "acknowledgement": Acknowledgement.model_json_schema(),
        "withdrawal": SignedCertificate.model_json_schema(),
        "webhook": WebhookMessage.model_json_schema(),
    }
    return {f"{name}.json": json.dumps(schema, indent=2, sort_keys=True) + "\n" for name, schema in documents.items()}


def export(folder: Path = SCHEMAS) -> None:
    """Write every schema into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    export()
