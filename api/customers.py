"""Owners register."""

from __future__ import annotations

from fastapi import APIRouter

from api.answers import RegisteredAnswer
from api.bodies import NewCustomer
from api.patience import PatientRoute
from api.reception import Desk
from workflow.identity import register_customer

router = APIRouter(prefix="/v1/customers", tags=["owners"], route_class=PatientRoute)


@router.post("", status_code=201, summary="Register as an owner")
async def register(body: NewCustomer, desk: Desk) -> RegisteredAnswer:
    """A new owner with an account; 409 when the e-mail is taken."""
    customer = await register_customer(desk.office, **body.model_dump())
    return {"customer_id": customer.customer_id}
