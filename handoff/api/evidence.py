"""PUT an evidence message."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from handoff.api.body import announced_digest, digest_differs, read_chunks
from handoff.api.dependencies import ServiceDep, WhoDep, allowed
from handoff.api.problems import problems
from handoff.contract.identifiers import RandomId
from handoff.contract.receipt import SignedReceipt

router = APIRouter(tags=["evidence"])
_MESSAGE = {
    "requestBody": {
        "required": True,
        "description": "An Evidence or an ExpectedCount document; see handoff/contract/schemas/.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    },
    "parameters": [
        {"in": "header", "name": "Sluice-SHA256", "required": True, "schema": {"type": "string"}},
    ],
}


@router.put(
    "/v1/evidence/{evidence_id}",
    status_code=201,
    dependencies=allowed("deliver"),
    responses={200: {"model": SignedReceipt, "description": "Known; the same receipt"}, **problems(409, 413)},
    openapi_extra=_MESSAGE,
)
async def put_evidence(
    evidence_id: Annotated[RandomId, Path()], request: Request, response: Response, service: ServiceDep, who: WhoDep
) -> SignedReceipt:
    """Take one evidence message. 201 the first time, 200 with the same receipt after."""
    expected = announced_digest(request)
    body = b"".join([chunk async for chunk in read_chunks(request, service.settings.max_evidence_bytes)])
    if hashlib.sha256(body).hexdigest() != expected:
        raise digest_differs()
    admission = await run_in_threadpool(service.evidence.admit, evidence_id, body, expected, who)
    response.status_code = 201 if admission.created else 200
    return admission.receipt
