"""A car comes in, and its owner claims it with a code that only who sits in the car can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.consent import Purpose
from domain.errors import Conflict, InvalidInput, NotFound, Unauthenticated
from domain.need import NeedState
from domain.people import Ownership, Vehicle
from domain.service_record import ServiceOutcome, ServiceRecord
from domain.telemetry import VehicleAttributes
from workflow.access import hash_token
from workflow.codes import new_code, plain_code
from workflow.consents import add_grant
from workflow.history import tell
from workflow.measurement import LATEST_ODOMETER_M, check_measurement, item_of
from workflow.messages import SERVICE_RECORDS, encode
from workflow.outbox_rows import TopicMessage
from workflow.ports import Office, UnitOfWork
from workflow.sale import forget_past

CLAIM_CODE_MS = 15 * 60_000
CODE_LENGTH = 8


@dataclass(frozen=True, slots=True)
class PastService:
    """A service from before the car was connected, as its owner knows it."""

    item: str
    outcome: ServiceOutcome
    performed_ms: int
    odometer_m: int
    value: float | None = None
    unit: str = ""


async def issue_enrolment_token(office: Office) -> str:
    """A token with which a maker may enrol cars, and then send the uploads of the cars it enrolled (see `fleet`)."""
    token = office.ids.secret()
    async with office.unit_of_work() as uow:
        await uow.vehicles.add_enrolment_token(hash_token(token), office.wall.now_ms())
    return token


async def enrol_vehicle(
    office: Office,
    *,
    token: str,
    make: str,
    model: str,
    model_year: int,
    powertrain: str,
    mass_kg: float,
    built_ms: int,
    vin: str = "",
) -> tuple[Vehicle, str]:
    """A new car and its own credential, which is shown once."""
    attributes = VehicleAttributes(powertrain=powertrain, mass_kg=mass_kg, built_ms=built_ms)
    attributes.check()
    vehicle = Vehicle(office.ids.new("vehicle"), make, model, model_year, attributes, vin=vin)
    credential, now = office.ids.secret(32), office.clock.now_ms()
    async with office.unit_of_work() as uow:
        if not await uow.vehicles.is_enrolment_token(hash_token(token)):
            raise Unauthenticated("the enrolment token is unknown")
        await uow.vehicles.add(vehicle)
        await uow.vehicles.add_enrolment(hash_token(token), vehicle.vehicle_id)
        await uow.vehicles.add_credential(hash_token(credential), vehicle.vehicle_id, now)
        await tell(
            uow,
            "vehicle-enrolled",
            event_id=vehicle.vehicle_id,
            vehicle_id=vehicle.vehicle_id,
            time_ms=now,
            actor="car",
            data={"powertrain": powertrain, "mass_kg": mass_kg, "built_ms": built_ms},
        )
    return vehicle, credential


async def vehicle_of(office: Office, credential: str) -> Vehicle:
    """The car that bears this credential."""
    async with office.unit_of_work() as uow:
        vehicle = await uow.vehicles.by_credential(hash_token(credential))
    if vehicle is None:
        raise Unauthenticated("the vehicle credential is unknown or was revoked")
    return vehicle


async def show_claim_code(office: Office, vehicle_id: str) -> tuple[str, int]:
    """A fresh code for the car's own screen, and when it runs out."""
    code = new_code(office, CODE_LENGTH)
    expires = office.wall.now_ms() + CLAIM_CODE_MS
    async with office.unit_of_work() as uow:
        await uow.vehicles.set_claim_code(vehicle_id, hash_token(plain_code(code)), expires)
    return code, expires


async def claim_vehicle(
    office: Office, *, customer_id: str, code: str, label: str = "", consents: Sequence[Purpose] = ()
) -> Vehicle:
    """Make the customer the car's owner, with the grants they ticked; the code is used up."""
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        vehicle_id = await uow.vehicles.take_claim_code(hash_token(plain_code(code)), office.wall.now_ms())
        vehicle = await uow.vehicles.get(vehicle_id) if vehicle_id else None
        if vehicle is None:
            raise InvalidInput(
                "this code is unknown, used or has run out",
                field="code",
                fix="let the car show a new one and type it within 15 minutes",
            )
        owner = await uow.vehicles.owner_of(vehicle.vehicle_id)
        if owner not in (None, customer_id):
            raise Conflict("the car has an owner already; a sale is recorded by the present owner first")
        if owner is None:
            # What was on its way when the former owner gave it away.
            await forget_past(uow, vehicle.vehicle_id, now)
        await uow.vehicles.own(Ownership(vehicle.vehicle_id, customer_id, now))
        if label:
            vehicle = vehicle.labelled(label)
            await uow.vehicles.update(vehicle)
        for purpose in consents:
            if purpose is Purpose.BOOKING:
                raise InvalidInput("booking is granted per dealer", field="consents", fix="leave booking out here")
            await add_grant(uow, office, customer_id=customer_id, vehicle_id=vehicle.vehicle_id, purpose=purpose)
        await tell(
            uow,
            "vehicle-claimed",
            event_id=f"{vehicle.vehicle_id}:{customer_id}:{now}",
            vehicle_id=vehicle.vehicle_id,
            time_ms=now,
            actor="owner",
            customer_id=customer_id,
        )
    return vehicle


async def record_service_history(
    office: Office, *, customer_id: str, vehicle_id: str, records: Sequence[PastService]
) -> int:
    """Services from before, said by the owner: they set baselines, and teach nobody."""
    now = office.clock.now_ms()
    recorded = 0
    async with office.unit_of_work() as uow:
        if await uow.vehicles.owner_of(vehicle_id) != customer_id:
            raise NotFound("there is no such car")
        vehicle = await uow.vehicles.get(vehicle_id)
        if vehicle is None:
            raise NotFound("there is no such car")
        for index, past in enumerate(records):
            _check_past(office, vehicle, past, index, now)
            record = ServiceRecord(
                record_id=f"{vehicle_id}:{past.item}:{past.performed_ms}",
                vehicle_id=vehicle_id,
                item=past.item,
                outcome=past.outcome,
                performed_ms=past.performed_ms,
                odometer_m=past.odometer_m,
                value=past.value,
                unit=past.unit,
                source="owner",
                teaches=False,
            )
            if await uow.service_records.add(record, None):
                recorded += 1
                await uow.outbox.put(TopicMessage(SERVICE_RECORDS, vehicle_id, encode(record)), now)
                await _resolve_need(uow, customer_id, record, now)
    return recorded


async def _resolve_need(uow: UnitOfWork, customer_id: str, record: ServiceRecord, now_ms: int) -> None:
    """What was renewed elsewhere since its need opened is needed no more; an older record moves the prediction only."""
    need = await uow.needs.live(record.vehicle_id, record.item)
    if need is None or not record.outcome.renews or record.performed_ms < need.opened_ms:
        return
    await uow.needs.update(need.to(NeedState.RESOLVED, now_ms, reason=f"elsewhere: {record.outcome}"))
    await tell(
        uow,
        "need-resolved",
        event_id=need.need_id,
        vehicle_id=need.vehicle_id,
        time_ms=now_ms,
        actor="owner",
        customer_id=customer_id,
        data={"need_id": need.need_id, "item": need.item},
    )


def _check_past(office: Office, vehicle: Vehicle, past: PastService, index: int, now_ms: int) -> None:
    where = f"records[{index}]"
    item = item_of(office.catalogue, vehicle, past.item, where)
    if past.performed_ms > now_ms:
        raise InvalidInput("a past service lies in the past", field=f"{where}.performed_ms", fix="give its own date")
    if not 0 <= past.odometer_m <= LATEST_ODOMETER_M:
        raise InvalidInput(
            "that is no odometer reading", field=f"{where}.odometer_m", fix="give metres, 0 to 4,000,000,000"
        )
    if past.outcome is ServiceOutcome.MEASURED and past.value is None:
        raise InvalidInput("a measured outcome has a value", field=f"{where}.value", fix="give what was measured")
    if past.value is not None:
        check_measurement(item, past.value, past.unit, where)
