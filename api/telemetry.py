"""`POST /v1/telemetry`: uploads in, acknowledged once the log has them durably."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from api.authentication import TheVehicle
from api.patience import PatientRoute
from api.reception import Desk

router = APIRouter(tags=["cars"], route_class=PatientRoute)

UPLOAD_SCHEMA = {
    "type": "object",
    "required": ["schema", "vss", "boot_id", "seq", "start_ms", "offsets_ms", "signals"],
    "properties": {
        "schema": {"const": 1},
        "vss": {"type": "string", "examples": ["6.0"]},
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
    },
}


@router.post(
    "/v1/telemetry",
    status_code=202,
    summary="Upload one batch of signals",
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": UPLOAD_SCHEMA}}}},
)
async def upload(request: Request, desk: Desk, vehicle: TheVehicle) -> dict[str, Any]:
    """One columnar upload under the car's own credential."""
    receipt = await desk.ingest.accept(vehicle, await request.body())
    return {
        "accepted": True,
        "upload": str(receipt.upload),
        "partition": receipt.partition,
        "offset": receipt.offset,
    }
