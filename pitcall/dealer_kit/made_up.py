"""Deliveries about a car that does not exist, rendered by the product's own code: their shape is the real one."""

from __future__ import annotations

import json
from dataclasses import replace

from domain.catalogue import Catalogue
from domain.consent import ConsentGrant, DataItem, Purpose
from domain.need import MaintenanceNeed, NeedState, Severity
from domain.people import Customer, Vehicle
from domain.prediction import Contribution, DueWindow
from domain.proposal import BookingProposal, ProposalState
from domain.slot import Slot
from domain.telemetry import VehicleAttributes
from workflow.outbox_rows import Delivery
from workflow.proposal_payload import render_payload
from workflow.proposal_steps import notice_of

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
MADE_UP = "contract-check"  # how every id of the kit begins: what came of them is easily found and thrown away
NOTE = "Made up by `pitcall dealer check`: there is no such car."


def made_up_proposal(run: str, number: int, catalogue: Catalogue, now_ms: int) -> BookingProposal:
    """A proposal as it is sent; `run` and `number` make its ids. No person and no car behind it exist."""
    proposal_id = f"{MADE_UP}-{run}-{number}"
    dealer_id = f"{MADE_UP}-dealer"
    customer = Customer(f"{MADE_UP}-customer", "Zoë Made-Up", "nobody@pitcall.invalid", "en", "UTC")
    vehicle = Vehicle(f"{MADE_UP}-car", "Testmobil", "Eins", 2021, VehicleAttributes())
    grant = ConsentGrant(
        grant_id=f"{MADE_UP}-grant",
        version=1,
        customer_id=customer.customer_id,
        vehicle_id=vehicle.vehicle_id,
        purpose=Purpose.BOOKING,
        dealer_id=dealer_id,
        data_items=(DataItem.CONTACT, DataItem.VEHICLE, DataItem.ODOMETER, DataItem.EVIDENCE),
        granted_ms=now_ms - HOUR_MS,
        expires_ms=now_ms + 90 * DAY_MS,
    )
    slot = Slot(now_ms + 7 * DAY_MS, now_ms + 7 * DAY_MS + HOUR_MS, f"{MADE_UP}-bay")
    need = _need(catalogue, vehicle.vehicle_id, now_ms)
    payload = render_payload(
        grant.permit(now_ms, vehicle_id=vehicle.vehicle_id, dealer_id=dealer_id),
        proposal_id=proposal_id,
        catalogue=catalogue,
        customer=customer,
        vehicle=vehicle,
        odometer_m=61_000_000,
        needs=[need],
        slot=slot,
        wants_loaner=False,
        note=NOTE,
        created_ms=now_ms,
        controller="nobody: all of this is made up",
    )
    return BookingProposal(
        proposal_id=proposal_id,
        version=2,
        state=ProposalState.SENT,
        customer_id=customer.customer_id,
        vehicle_id=vehicle.vehicle_id,
        dealer_id=dealer_id,
        grant_id=grant.grant_id,
        need_ids=(need.need_id,),
        minutes=60,
        slot=slot,
        offered=(),
        payload=payload,
        created_ms=now_ms,
        updated_ms=now_ms,
        expires_ms=now_ms + 3 * DAY_MS,
        note=NOTE,
    )


def _need(catalogue: Catalogue, vehicle_id: str, now_ms: int) -> MaintenanceNeed:
    return MaintenanceNeed(
        need_id=f"{MADE_UP}-need",
        vehicle_id=vehicle_id,
        item=next(iter(catalogue.items)),
        state=NeedState.OPEN,
        severity=Severity.SOON,
        window=DueWindow(now_ms + 5 * DAY_MS, now_ms + 14 * DAY_MS, now_ms + 30 * DAY_MS, 0.9),
        probability={30: 0.25},
        reason="3.1 mm left – worn by hard stops",
        contributions=(Contribution("brake energy", -1.5, "hard stops"),),
        features={"energy_mj": 12.0},
        uploads=(),
        model_version="0",
        prediction_id=f"{MADE_UP}-prediction",
        opened_ms=now_ms,
        updated_ms=now_ms,
        event_ms=now_ms,
    )


def then(proposal: BookingProposal, state: ProposalState) -> BookingProposal:
    """The proposal one version on."""
    return replace(proposal, state=state, version=proposal.version + 1)


def of_unknown_type(proposal: BookingProposal) -> Delivery:
    """An event of a type that there is not: what a later version of Pitcall might send."""
    kind = "proposal.repainted"
    delivery = notice_of(then(proposal, ProposalState.EXPIRED))
    return replace(delivery, kind=kind, body=_compact(json.loads(delivery.body) | {"type": kind, "colour": "green"}))


def grown_to(delivery: Delivery, size: int) -> Delivery:
    """The delivery with a note so long that its body has `size` bytes."""
    body = json.loads(delivery.body)
    body["proposal"]["note"] += " "
    body["proposal"]["note"] += "x" * (size - len(_compact(body).encode()))
    return replace(delivery, body=_compact(body))


def written_otherwise(delivery: Delivery) -> Delivery:
    """The same JSON in bytes that no library would write again: spread over lines, escaped, in another order."""
    body = dict(reversed(json.loads(delivery.body).items()))
    return replace(delivery, body="\n" + json.dumps(body, indent=1, separators=(" ,", " : ")) + "\n")


def written_again(delivery: Delivery) -> list[Delivery]:
    """The delivery as common libraries write its JSON anew, to find receivers that verify that instead."""
    body = json.loads(delivery.body)
    return [
        replace(delivery, body=json.dumps(body)),
        replace(delivery, body=json.dumps(body, ensure_ascii=False)),
        replace(delivery, body=json.dumps(body, separators=(",", ":"))),
    ]


def _compact(body: object) -> str:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
