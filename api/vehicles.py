"""Cars: how one enrols, and the claim code its own screen shows."""

from __future__ import annotations

from fastapi import APIRouter

from api.answers import ClaimCodeAnswer, EnrolledAnswer
from api.authentication import Bearer, TheVehicle
from api.bodies import NewVehicle, Nothing
from api.patience import PatientRoute
from api.reception import Desk
from workflow.enrol import enrol_vehicle, show_claim_code

router = APIRouter(prefix="/v1/vehicles", tags=["cars"], route_class=PatientRoute)


@router.post("", status_code=201, summary="Enrol a car with an enrolment token")
async def enrol(body: NewVehicle, desk: Desk, token: Bearer) -> EnrolledAnswer:
    """The car's id and its own credential, which is shown this once."""
    vehicle, credential = await enrol_vehicle(desk.office, token=token, **body.model_dump())
    return {"vehicle_id": vehicle.vehicle_id, "credential": credential}


@router.post("/me/claim-code", status_code=201, summary="A fresh claim code for the car's own screen")
async def claim_code(desk: Desk, vehicle: TheVehicle, body: Nothing | None = None) -> ClaimCodeAnswer:
    """Single use, and soon over: only who sits in the car can read it."""
    code, expires_ms = await show_claim_code(desk.office, vehicle.vehicle_id)
    return {"code": code, "expires_ms": expires_ms}
