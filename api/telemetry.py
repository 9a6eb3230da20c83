"""`POST /v1/telemetry` and `/v1/telemetry/batch`: uploads in, acknowledged once the log has them durably."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response, status

from api.answers import AcceptedAnswer, BatchAnswer
from api.authentication import TheFleet, TheVehicle
from api.patience import PatientRoute
from api.problems import problem_of
from api.reception import Desk
from domain.errors import PitcallError
from workflow.ingest import UploadReceipt
from workflow.messages import encode
from workflow.upload_batch import MAX_BATCH_UPLOADS, split_batch
from workflow.upload_envelope import MAX_CODES

router = APIRouter(tags=["cars"], route_class=PatientRoute)

CODES = {
    "type": "array",
    "maxItems": MAX_CODES,
    "items": {"type": "string", "pattern": "^[PCBU][0-3][0-9A-F]{3}(-[0-9A-F]{2})?$", "examples": ["P0420"]},
}
UPLOAD_SCHEMA = {
    "type": "object",
    "required": ["schema", "vss", "boot_id", "seq", "start_ms", "offsets_ms", "signals"],
    "properties": {
        "schema": {"const": 1},
        "vss": {"type": "string", "examples": ["6.0", "5.1"]},
        "vehicle_id": {"type": "string", "description": "optional; must equal the credential's"},
        "boot_id": {"type": "string", "pattern": "^[A-Za-z0-9-]{1,36}$"},
        "seq": {"type": "integer", "minimum": 0, "maximum": 4294967295},
        "start_ms": {"type": "integer", "description": "event time of offset 0, ms since 1970, UTC"},
        "offsets_ms": {"type": "array", "items": {"type": "integer", "minimum": 0}, "maxItems": 3600},
        "signals": {
            "type": "object",
            "description": "columns by VSS path, as long as offsets_ms; a gap is null",
            "additionalProperties": {"type": "array", "items": {"type": ["number", "null"]}},
        },
        "origins": {
            "type": "object",
            "additionalProperties": {"enum": ["recorded", "simulated"]},
        },
        "units": {
            "type": "object",
            "description": "the unit of a signal where it is not the specification's",
            "additionalProperties": {"type": "string", "examples": ["km", "mph", "psi"]},
        },
        "codes": {
            "type": "object",
            "description": "trouble codes (SAE J2012): what changed, or (stored) all that are in the car",
            "additionalProperties": False,
            "properties": dict.fromkeys(("added", "removed", "stored"), CODES),
        },
    },
}


BINARY = {"type": "string", "format": "binary", "description": "the same fields with typed columns, in msgpack"}
LINES = {"type": "string", "description": f"an upload in JSON on each line, at most {MAX_BATCH_UPLOADS:,}"}
ARRAY = {"type": "string", "format": "binary", "description": "a msgpack array of bin values, one per upload"}


def _body(contents: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {kind: {"schema": s} for kind, s in contents.items()}}}


@router.post(
    "/v1/telemetry",
    status_code=202,
    summary="Upload one buffer of signals",
    openapi_extra=_body({"application/json": UPLOAD_SCHEMA, "application/vnd.pitcall.upload+msgpack": BINARY}),
)
async def upload(request: Request, desk: Desk, vehicle: TheVehicle) -> AcceptedAnswer:
    """One columnar upload under the car's own credential, in either encoding: its first byte tells which."""
    return _accepted(await desk.ingest.accept(vehicle, await request.body()))


@router.post(
    "/v1/telemetry/batch",
    status_code=202,
    summary="Uploads of many cars, from their maker's cloud",
    response_model=BatchAnswer,
    openapi_extra=_body({"application/x-ndjson": LINES, "application/vnd.pitcall.uploads+msgpack": ARRAY}),
)
async def upload_batch(request: Request, desk: Desk, fleet: TheFleet) -> Response:
    """Under the enrolment token of the cars; each upload names its car, and has a result of its own, in order."""
    outcomes = await desk.ingest.accept_batch(fleet, split_batch(await request.body()))
    results: list[Any] = [
        _refused(outcome, desk.public_url) if isinstance(outcome, PitcallError) else _accepted(outcome)
        for outcome in outcomes
    ]
    accepted = sum(result["accepted"] for result in results)
    answer = {"accepted": accepted, "refused": len(results) - accepted, "results": results}
    # Encoded here: FastAPI would look at each of up to a thousand results again.
    return Response(encode(answer), status.HTTP_202_ACCEPTED, media_type="application/json")


def _refused(error: PitcallError, public_url: str) -> dict[str, Any]:
    return {"accepted": False, "problem": problem_of(error, public_url)}


def _accepted(receipt: UploadReceipt) -> AcceptedAnswer:
    return {
        "accepted": True,
        "upload": str(receipt.upload),
        "partition": receipt.partition,
        "offset": receipt.offset,
    }
