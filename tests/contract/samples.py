"""Small whole examples of what the records keep; a test changes what it is about."""

from dataclasses import replace
from datetime import date, time
from typing import Any

from adapters.records import Records
from domain.call import Call
from domain.consent import ConsentGrant, DataItem, Purpose
from domain.event import DomainEvent
from domain.need import MaintenanceNeed, NeedState, Severity
from domain.opening_hours import Holiday, OpeningHours
from domain.people import Account, Customer, Dealer, Ownership, Role, Vehicle
from domain.prediction import Contribution, DueWindow, ItemKind, Prediction, UploadRange
from domain.proposal import Actor, BookingProposal, ProposalState, ProposalStep
from domain.service_record import ServiceOutcome, ServiceRecord
from domain.site import Technician
from domain.slot import Slot
from domain.telemetry import VehicleAttributes

NOW = 1_760_000_000_000
HOUR = 3_600_000
DAY = 24 * HOUR

VIN = "TESTVN00000000017"
CAR = Vehicle(
    "car-1", "Testmobil", "Eins", 2021, VehicleAttributes("diesel", 1523.5, NOW - 1000 * DAY), VIN, "The blue"
)
OWNER = Customer("owner-1", "Ada Example", "Ada@Example.test", "de", "Europe/Berlin")
DEALER = Dealer(
    "dealer-1",
    "Garage Example",
    "1 Example Street",
    OpeningHours(
        "Europe/Berlin",
        {"mon": ((time(8), time(12)), (time(13), time(17, 30))), "sat": ((time(9), time(12)),)},
        (Holiday(date(2026, 5, 1), "Tag der Arbeit"),),
    ),
    ("bay-1", "bay-2"),
    "https://garage.example/hook",
    "whsec_MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw",
    (Technician("T1", ("high_voltage",)), Technician("T2")),
    ("loaner-1",),
)
ACCOUNT = Account("account-1", Role.OWNER, OWNER.email, "$argon2id$x", customer_id=OWNER.customer_id)
GRANT = ConsentGrant(
    "grant-1",
    1,
    OWNER.customer_id,
    CAR.vehicle_id,
    Purpose.BOOKING,
    DEALER.dealer_id,
    (DataItem.CONTACT, DataItem.ODOMETER),
    NOW,
    NOW + 90 * DAY,
)


def prediction(**changes: Any) -> Prediction:
    """Front brake pads, due in some weeks."""
    base = Prediction(
        id="car-1/boot/7/front_brake_pads",
        vehicle_id=CAR.vehicle_id,
        item="front_brake_pads",
        kind=ItemKind.WEAR,
        event_ms=NOW,
        odometer_m=4_294_967_295,
        health=0.1 + 0.2,
        window=DueWindow(NOW + DAY, NOW + 20 * DAY, None, 0.9),
        remaining_km=1234.5678901234567,
        probability={30: 0.25, 7: 1e-9},
        contributions=(Contribution("brake energy", -1.5, "hard stops \u2028 „viele“"),),
        reason="3,1 mm left; “soon”",
        features={"energy_mj": 12.25},
        model_version="1.4",
        uploads=(UploadRange("boot", 1, 7), UploadRange("boot-2", 0, 3)),
    )
    return replace(base, **changes)


def need(**changes: Any) -> MaintenanceNeed:
    """An open need that rests on `prediction()`."""
    on = prediction()
    base = MaintenanceNeed(
        need_id="need-1",
        vehicle_id=on.vehicle_id,
        item=on.item,
        state=NeedState.OPEN,
        severity=Severity.SOON,
        window=on.window,
        probability=dict(on.probability),
        reason=on.reason,
        contributions=on.contributions,
        features=dict(on.features),
        uploads=on.uploads,
        model_version=on.model_version,
        prediction_id=on.id,
        opened_ms=NOW,
        updated_ms=NOW,
        event_ms=NOW,
        call=Call(NOW - DAY, NOW + 14 * DAY, 81.25, None),
    )
    return replace(base, **changes)


def proposal(**changes: Any) -> BookingProposal:
    """A proposal that was sent under GRANT."""
    base = BookingProposal(
        proposal_id="proposal-1",
        version=1,
        state=ProposalState.SENT,
        customer_id=OWNER.customer_id,
        vehicle_id=CAR.vehicle_id,
        dealer_id=DEALER.dealer_id,
        grant_id=GRANT.grant_id,
        need_ids=("need-1", "need-2"),
        minutes=90,
        slot=Slot(NOW + DAY, NOW + DAY + HOUR, "bay-1"),
        offered=(Slot(NOW + 2 * DAY, NOW + 2 * DAY + HOUR, "bay-2"),),
        payload='{"needs": []}',
        created_ms=NOW,
        updated_ms=NOW,
        expires_ms=NOW + 3 * DAY,
    )
    return replace(base, **changes)


def step(version: int = 1, state: ProposalState = ProposalState.SENT) -> ProposalStep:
    """A step of `proposal()`."""
    return ProposalStep("proposal-1", version, state, Actor.OWNER, OWNER.customer_id, NOW, "asked", "web")


def service_record(**changes: Any) -> ServiceRecord:
    """Pads measured and replaced."""
    base = ServiceRecord(
        "record-1", CAR.vehicle_id, "front_brake_pads", ServiceOutcome.REPLACED, NOW, 51_000_000, 3.05, "mm"
    )
    return replace(base, **changes)


def event(event_id: str, **changes: Any) -> DomainEvent:
    """Something that happened to CAR."""
    base = DomainEvent(
        event_id, "need-opened", CAR.vehicle_id, NOW, "model", "p-1", {"item": "engine_oil", "left": [1, 2.5, None]}
    )
    return replace(base, **changes)


async def settle(records: Records) -> None:
    """The parties that proposals need: a car, its owner with an account, a dealer, a live grant."""
    async with records.unit_of_work() as work:
        await work.vehicles.add(CAR)
        await work.people.add_customer(OWNER)
        await work.people.add_account(ACCOUNT)
        await work.people.add_dealer(DEALER)
        await work.vehicles.own(Ownership(CAR.vehicle_id, OWNER.customer_id, NOW))
        await work.consents.add(GRANT)
