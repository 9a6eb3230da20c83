"""`/v1/me`: an owner's cars, their history and needs."""

from __future__ import annotations

from fastapi import APIRouter

from api.answers import ExportAnswer, MeAnswer, NeedAnswer, OwnCarAnswer, RecordedAnswer, TimelineAnswer
from api.authentication import Bearer, CustomerId, SignedIn
from api.bodies import Claim, NewPassword, Nothing, Reason, ServiceHistory, Snooze
from api.car_answers import CarsAnswer, ClaimedAnswer, SoldAnswer
from api.idempotency import IdempotentRoute
from api.paging import Asked, Paging
from api.quality_answers import LedgerAnswer, LedgerRowAnswer
from api.reception import Desk, Reception
from api.representations import car_json, event_json, export_json, need_json, vehicle_json
from domain.people import Role
from workflow.calibration_ledger import car_ledger
from workflow.dossiers import car_dossier, cars_of, timeline_of
from workflow.enrol import PastService, claim_vehicle, record_service_history
from workflow.export import person_dossier
from workflow.identity import change_password, sign_out_everywhere
from workflow.needs import dismiss, snooze
from workflow.sale import sell_vehicle

router = APIRouter(prefix="/v1/me", tags=["owners"], route_class=IdempotentRoute)


@router.get("", summary="Who am I")
async def me(caller: SignedIn) -> MeAnswer:
    """Role, id and name of the session's account."""
    answer: MeAnswer = {"role": str(caller.role), "name": caller.name}
    if caller.customer_id is not None:
        answer["customer_id"] = caller.customer_id
    if caller.dealer_id is not None:
        answer["dealer_id"] = caller.dealer_id
    if caller.role is Role.MACHINE:
        answer["client_id"] = caller.account_id
        answer["scopes"] = sorted(caller.scopes)
    return answer


@router.post("/password", status_code=204, summary="Another password for my account")
async def change_my_password(body: NewPassword, desk: Desk, caller: SignedIn, token: Bearer) -> None:
    """All other sessions of the account end; its owner is told."""
    await change_password(desk.office, account_id=caller.account_id, current=body.current, new=body.new, token=token)


@router.post("/sessions/end", status_code=204, summary="Sign out everywhere")
async def end_my_sessions(desk: Desk, caller: SignedIn, body: Nothing | None = None) -> None:
    """Every session of the account ends, this one too."""
    await sign_out_everywhere(desk.office, account_id=caller.account_id)


@router.get("/export", summary="What is kept about me")
async def export(desk: Desk, customer_id: CustomerId) -> ExportAnswer:
    """One document: account, cars with the needs since they are the caller's, consents, proposals, timeline."""
    return export_json(await person_dossier(desk.office, customer_id=customer_id), desk.office.controller)


@router.get("/timeline", summary="What happened to me, over all cars")
async def my_timeline(desk: Desk, customer_id: CustomerId, asked: Paging) -> TimelineAnswer:
    """Each step with who took it, when and why, the oldest first; of cars that were given away since, too."""
    return await _timeline(desk, customer_id, None, asked)


@router.post("/vehicles", status_code=201, summary="Claim a car with the code it shows")
async def claim(body: Claim, desk: Desk, customer_id: CustomerId) -> ClaimedAnswer:
    """The caller becomes the owner; only the consents that are listed are granted."""
    vehicle = await claim_vehicle(
        desk.office, customer_id=customer_id, code=body.code, label=body.label, consents=body.consents
    )
    return {"vehicle_id": vehicle.vehicle_id}


@router.get("/vehicles", summary="My cars")
async def cars(desk: Desk, customer_id: CustomerId, asked: Paging) -> CarsAnswer:
    """The caller's cars."""
    page = asked.page(await cars_of(desk.office, customer_id), lambda car: (car.vehicle_id,))
    return {"vehicles": [vehicle_json(car) for car in page.rows], "next": page.next}


@router.get("/vehicles/{vehicle_id}", summary="One of my cars: health, needs, proposals, timeline")
async def car(vehicle_id: str, desk: Desk, customer_id: CustomerId) -> OwnCarAnswer:
    """All the owner's page shows."""
    car = await car_dossier(desk.office, customer_id=customer_id, vehicle_id=vehicle_id)
    return car_json(car, desk.office.catalogue)


@router.get("/vehicles/{vehicle_id}/timeline", summary="What happened with one of my cars")
async def timeline_of_my_car(vehicle_id: str, desk: Desk, customer_id: CustomerId, asked: Paging) -> TimelineAnswer:
    """Each step with who took it, when and why, the oldest first; nothing of before it was the caller's."""
    return await _timeline(desk, customer_id, vehicle_id, asked)


async def _timeline(desk: Reception, customer_id: str, vehicle_id: str | None, asked: Asked) -> TimelineAnswer:
    found = await timeline_of(
        desk.office,
        customer_id=customer_id,
        vehicle_id=vehicle_id,
        after_seq=asked.after_number,
        limit=asked.limit + 1,
    )
    page = asked.cut(found, lambda step: (step[0],))
    return {"steps": [event_json(event) for _, event in page.rows], "next": page.next}


@router.get("/vehicles/{vehicle_id}/ledger", summary="What was promised of my car, beside what was measured")
async def ledger(vehicle_id: str, desk: Desk, customer_id: CustomerId) -> LedgerAnswer:
    """The newest hundred rows since the car is the caller's."""
    labels = await car_ledger(desk.office, customer_id=customer_id, vehicle_id=vehicle_id)
    return LedgerAnswer(rows=[LedgerRowAnswer.of(label) for label in labels])


@router.post("/vehicles/{vehicle_id}/sale", summary="I have given this car away")
async def sale(vehicle_id: str, desk: Desk, customer_id: CustomerId, body: Nothing | None = None) -> SoldAnswer:
    """All consents for it end, and with them what stands on them; whoever has it now claims it with a code of its own.

    What came of it until now stays in the export; the next owner sees nothing of it.
    """
    ended = await sell_vehicle(desk.office, customer_id=customer_id, vehicle_id=vehicle_id)
    return {"vehicle_id": vehicle_id, "until_ms": ended.until_ms or 0}


@router.post("/vehicles/{vehicle_id}/service-history", status_code=201, summary="Tell of past services")
async def service_history(vehicle_id: str, body: ServiceHistory, desk: Desk, customer_id: CustomerId) -> RecordedAnswer:
    """Past services set where wear is counted from."""
    records = [PastService(**record.model_dump()) for record in body.records]
    recorded = await record_service_history(
        desk.office, customer_id=customer_id, vehicle_id=vehicle_id, records=records
    )
    return {"recorded": recorded}


@router.post("/needs/{need_id}/snooze", summary="Remind me later")
async def snooze_need(need_id: str, body: Snooze, desk: Desk, customer_id: CustomerId) -> NeedAnswer:
    """The need stays, silent until then."""
    return need_json(await snooze(desk.office, customer_id=customer_id, need_id=need_id, until_ms=body.until_ms))


@router.post("/needs/{need_id}/dismiss", summary="This need is none")
async def dismiss_need(need_id: str, body: Reason, desk: Desk, customer_id: CustomerId) -> NeedAnswer:
    """It comes back on new evidence only."""
    return need_json(await dismiss(desk.office, customer_id=customer_id, need_id=need_id, reason=body.reason))
