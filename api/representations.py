"""Domain values as the JSON of the API: every field is named here, so that none slips out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from api.answers import (
    AssessmentAnswer,
    ClientAnswer,
    ContributionAnswer,
    DealerAnswer,
    DealersSlotAnswer,
    DeliveriesAnswer,
    DeliveryAnswer,
    DueAnswer,
    EntryAnswer,
    EventAnswer,
    ExportAnswer,
    GrantAnswer,
    NeedAnswer,
    OwnCarAnswer,
    ProposalAnswer,
    RankedSlotAnswer,
    SiteAnswer,
    SlotAnswer,
    StepAnswer,
    UploadsAnswer,
    WebhookAnswer,
)
from api.car_answers import BookableAnswer, CarAnswer, DriveAnswer, DrivenAnswer, DriverAnswer, DrivingAnswer
from domain.call import Call
from domain.catalogue import Catalogue
from domain.consent import ConsentGrant
from domain.delivery_state import DeliveryState
from domain.dossier import CarDossier, CarDriver, DeskEntry, DrivenCar, Funnel, PersonDossier, ProposalDossier
from domain.event import DomainEvent
from domain.machine_client import MachineClient
from domain.need import MaintenanceNeed
from domain.people import Dealer, Driving, Vehicle
from domain.prediction import Contribution, DueWindow, Prediction, UploadRange
from domain.proposal import BookingProposal, ProposalStep
from domain.site import Site
from domain.slot import Slot
from domain.workload import RankedSlot
from web.funnel_counts import funnel_counts
from workflow.dealer_webhooks import Page
from workflow.outbox_rows import DeliveryRecord

Json = dict[str, Any]


def slot_json(slot: Slot) -> SlotAnswer:
    """Start and end; the bay is the dealer's affair."""
    return {"start_ms": slot.start_ms, "end_ms": slot.end_ms}


def _slot_or_none(slot: Slot | None) -> SlotAnswer | None:
    return None if slot is None else slot_json(slot)


def dealers_slot_json(slot: Slot) -> DealersSlotAnswer:
    """A slot for the dealer itself: with whom and what it is promised on."""
    return {
        **slot_json(slot),
        "bay": slot.bay_id or None,
        "technician": slot.technician_id or None,
        "loaner": slot.loaner_id or None,
    }


def ranked_slot_json(ranked: RankedSlot) -> RankedSlotAnswer:
    """A free slot, whether it is recommended, and why."""
    return {
        **slot_json(ranked.slot),
        "is_recommended": ranked.is_quiet,
        "why": "quiet_half_day" if ranked.is_quiet else None,
    }


def site_json(site: Site) -> SiteAnswer:
    """What a dealer can promise, for its own people; the same as they put in."""
    hours = site.hours
    return {
        "time_zone": hours.time_zone,
        "opening": {
            day: [[f"{opens:%H:%M}", f"{closes:%H:%M}"] for opens, closes in spans] for day, spans in hours.days.items()
        },
        "holidays": [{"date": holiday.day.isoformat(), "name": holiday.name} for holiday in hours.holidays],
        "bays": len(site.bays),
        "technicians": [{"id": t.technician_id, "skills": list(t.skills)} for t in site.technicians],
        "loaners": list(site.loaners),
    }


def window_json(window: DueWindow) -> DueAnswer:
    return {
        "earliest_ms": window.earliest_ms,
        "expected_ms": window.expected_ms,
        "latest_ms": window.latest_ms,
        "coverage": window.coverage,
    }


def _contribution_json(part: Contribution) -> ContributionAnswer:
    return {"name": part.name, "amount": part.amount, "text": part.text}


def _uploads_json(uploads: tuple[UploadRange, ...]) -> list[UploadsAnswer]:
    return [{"boot_id": u.boot_id, "first_seq": u.first_seq, "last_seq": u.last_seq} for u in uploads]


def vehicle_json(vehicle: Vehicle) -> CarAnswer:
    """A car for its owner."""
    return {
        "vehicle_id": vehicle.vehicle_id,
        "label": vehicle.label,
        "make": vehicle.make,
        "model": vehicle.model,
        "model_year": vehicle.model_year,
        "powertrain": vehicle.attributes.powertrain,
    }


def call_json(call: Call | None) -> Json | None:
    """When the rule calls, and what coming now and coming later are reckoned to cost."""
    return None if call is None else asdict(call)


def assessment_json(prediction: Prediction, catalogue: Catalogue) -> AssessmentAnswer:
    """The newest prediction of an item, and what the rule says of it: why it is called for on that day, or why not."""
    spec = catalogue.items.get(prediction.item)
    return {
        "prediction_id": prediction.id,
        "item": prediction.item,
        "kind": str(prediction.kind),
        "is_ready": prediction.is_ready,
        "event_ms": prediction.event_ms,
        "odometer_m": prediction.odometer_m,
        "health": prediction.health,
        "window": window_json(prediction.window),
        "remaining_km": prediction.remaining_km,
        "probability": {str(days): p for days, p in prediction.probability.items()},
        "contributions": [_contribution_json(part) for part in prediction.contributions],
        "reason": prediction.reason,
        "call": call_json(spec.need_rule.call(prediction) if spec else None),
        "model_version": prediction.model_version,
        "uploads": _uploads_json(prediction.uploads),
    }


def need_json(need: MaintenanceNeed) -> NeedAnswer:
    """A need with its evidence."""
    return {
        "need_id": need.need_id,
        "vehicle_id": need.vehicle_id,
        "item": need.item,
        "state": str(need.state),
        "severity": str(need.severity),
        "window": window_json(need.window),
        "probability": {str(days): p for days, p in need.probability.items()},
        "reason": need.reason,
        "contributions": [_contribution_json(part) for part in need.contributions],
        "model_version": need.model_version,
        "prediction_id": need.prediction_id,
        "uploads": _uploads_json(need.uploads),
        "opened_ms": need.opened_ms,
        "updated_ms": need.updated_ms,
        "call": call_json(need.call),
        "snoozed_until_ms": need.snoozed_until_ms,
        "end_reason": need.end_reason,
    }


def grant_json(grant: ConsentGrant, controller: str) -> GrantAnswer:
    """A consent grant with its receipt, in which the controller stands."""
    return {
        "grant_id": grant.grant_id,
        "version": grant.version,
        "vehicle_id": grant.vehicle_id,
        "purpose": str(grant.purpose),
        "dealer_id": grant.dealer_id,
        "data_items": [str(item) for item in grant.data_items],
        "granted_ms": grant.granted_ms,
        "expires_ms": grant.expires_ms,
        "withdrawn_ms": grant.withdrawn_ms,
        "ended": None if grant.end is None else str(grant.end),
        "erasure_asked_ms": grant.erasure_asked_ms,
        "receipt": grant.receipt(controller),
    }


def dealer_json(dealer: Dealer) -> DealerAnswer:
    """A dealer as owners see it."""
    return {
        "dealer_id": dealer.dealer_id,
        "name": dealer.name,
        "time_zone": dealer.hours.time_zone,
        "address": dealer.address,
        "lends_cars": bool(dealer.loaners),
    }


def client_json(client: MachineClient) -> ClientAnswer:
    """A machine client, without its secret."""
    return {
        "client_id": client.client_id,
        "dealer_id": client.dealer_id,
        "name": client.name,
        "scopes": [str(scope) for scope in client.scopes],
        "created_ms": client.created_ms,
        "revoked_ms": client.revoked_ms,
    }


def step_json(step: ProposalStep) -> StepAnswer:
    return {"state": str(step.state), "actor": str(step.actor), "time_ms": step.time_ms, "cause": step.cause}


def proposal_json(dossier: ProposalDossier, *, with_preview: bool = False) -> ProposalAnswer:
    """A proposal for its owner; `preview` is the exact text that will leave, while it has not."""
    proposal = dossier.proposal
    answer: ProposalAnswer = {
        "proposal_id": proposal.proposal_id,
        "state": str(proposal.state),
        "version": proposal.version,
        "vehicle_id": proposal.vehicle_id,
        "dealer_id": proposal.dealer_id,
        "grant_id": proposal.grant_id,
        "need_ids": list(proposal.need_ids),
        "slot": _slot_or_none(proposal.slot),
        "offered": [slot_json(slot) for slot in proposal.offered],
        "expires_ms": proposal.expires_ms,
        "appointment": _slot_or_none(proposal.slot) if has_appointment(proposal) else None,
        "note": proposal.note,
        "loaner": proposal.wants_loaner,
        "end_reason": proposal.end_reason,
        "minutes_saved": proposal.minutes_saved,
        "history": [step_json(step) for step in dossier.steps],
    }
    if with_preview:
        answer["preview"] = proposal.payload
    return answer


def has_appointment(proposal: BookingProposal) -> bool:
    """Whether both sides have agreed on the slot."""
    return str(proposal.state) in ("confirmed", "checked-in", "completed", "no-show")


def entry_json(entry: DeskEntry) -> EntryAnswer:
    """A proposal for its dealer; once no consent stands behind it, only that it ended is left."""
    proposal = entry.proposal
    is_shared = entry.payload is not None
    return {
        "proposal_id": proposal.proposal_id,
        "state": str(proposal.state),
        "version": proposal.version,
        "expires_ms": proposal.expires_ms,
        "slot": dealers_slot_json(proposal.slot) if is_shared and proposal.slot else None,
        "offered": [dealers_slot_json(slot) for slot in proposal.offered] if is_shared else [],
        "payload": None if entry.payload is None else dict(entry.payload),
        "history": [step_json(step) for step in entry.steps],
    }


def event_json(event: DomainEvent) -> EventAnswer:
    """A step of a timeline."""
    return {
        "event_id": event.event_id,
        "kind": event.kind,
        "time_ms": event.time_ms,
        "actor": event.actor,
        "cause": event.cause,
        "channel": event.channel,
        "data": dict(event.data),
    }


def car_json(car: CarDossier, catalogue: Catalogue) -> OwnCarAnswer:
    """All an owner sees of one car."""
    return {
        "now_ms": car.now_ms,
        "vehicle": vehicle_json(car.vehicle),
        "assessments": [assessment_json(a, catalogue) for a in car.assessments],
        "needs": [need_json(n) for n in car.needs],
        "past_needs": [need_json(n) for n in car.past_needs],
        "proposals": [proposal_json(p) for p in car.proposals],
        "timeline": [event_json(e) for e in car.timeline],
        "driving": None if car.driving is None else _driven_json(car, car.driving),
    }


def driver_json(driver: CarDriver) -> DriverAnswer:
    """Somebody who drives a car, for its owner."""
    driving = driver.driving
    return {
        "customer_id": driving.customer_id,
        "name": driver.name,
        "from_ms": driving.from_ms,
        "may_book": driving.may_book,
    }


def drive_json(driven: DrivenCar) -> DriveAnswer:
    """A car for who drives it."""
    return {"vehicle": vehicle_json(driven.vehicle), "driving": _driving_json(driven.driving)}


def _driven_json(car: CarDossier, driving: Driving) -> DrivenAnswer:
    dealers: list[BookableAnswer] = [
        {"dealer_id": g.dealer_id or "", "grant_id": g.grant_id, "data_items": [str(item) for item in g.data_items]}
        for g in car.grants
    ]
    return {**_driving_json(driving), "dealers": dealers}


def _driving_json(driving: Driving) -> DrivingAnswer:
    return {
        "from_ms": driving.from_ms,
        "may_book": driving.may_book,
        "wants_reminders": driving.wants_reminders,
    }


def export_json(person: PersonDossier, controller: str) -> ExportAnswer:
    """What is kept about a person, and for whom (the controller)."""
    customer = person.customer
    return {
        "now_ms": person.now_ms,
        "customer": {
            "customer_id": customer.customer_id,
            "name": customer.name,
            "email": customer.email,
            "locale": customer.locale,
            "time_zone": customer.time_zone,
        },
        "vehicles": [
            {
                "vehicle": vehicle_json(car.vehicle),
                "from_ms": car.from_ms,
                "needs": [need_json(need) for need in car.needs],
                "drivers": [driver_json(driver) for driver in car.drivers],
            }
            for car in person.cars
        ],
        "drivings": [
            {"vehicle_id": one.vehicle_id, "until_ms": one.until_ms, **_driving_json(one)} for one in person.drivings
        ],
        "steps_for_others": [{"proposal_id": step.proposal_id, **step_json(step)} for step in person.steps_for_others],
        "consents": [grant_json(grant, controller) for grant in person.grants],
        "proposals": [proposal_json(proposal) for proposal in person.proposals],
        "timeline": [event_json(event) for event in person.timeline],
    }


def funnel_json(funnel: Funnel) -> dict[str, int]:
    """Counts from signal to invoice."""
    return funnel_counts(funnel.counts)


def webhook_json(dealer: Dealer, now_ms: int) -> WebhookAnswer:
    """A dealer's webhook, without its secrets."""
    until = dealer.old_webhook_secret_until_ms
    return {"url": dealer.webhook_url, "old_secret_until_ms": until if now_ms < until else None}


def delivery_json(record: DeliveryRecord) -> DeliveryAnswer:
    """A delivery without its content, which may hold what its reader must no longer see."""
    is_waiting = record.state is DeliveryState.WAITING
    return {
        "delivery_id": record.delivery_id,
        "dealer_id": record.dealer_id,
        "type": None if record.delivery is None else record.delivery.kind,
        "state": str(record.state),
        "due_ms": record.due_ms if is_waiting else None,
        "over_ms": record.over_ms,
        "dropped_reason": record.dropped_reason,
        "attempts": [{"started_ms": a.started_ms, "ended_ms": a.ended_ms, "error": a.error} for a in record.attempts],
    }


def deliveries_json(page: Page) -> DeliveriesAnswer:
    """A page of deliveries."""
    return {"deliveries": [delivery_json(record) for record in page.records], "next": page.cursor}
