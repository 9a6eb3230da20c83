"""Who books in `pitcall bench bookings`: dealers, and owners of one car each, which needs its brake pads done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import time
from pathlib import Path
from typing import TypedDict

from argon2 import PasswordHasher

from adapters.catalogue_file import load_catalogue
from adapters.clocks import WallClock
from adapters.ids import RandomIds
from adapters.passwords import Argon2Passwords
from adapters.records.records import Records
from domain.need import open_need
from domain.opening_hours import WEEKDAYS, OpeningHours
from domain.people import Customer, Dealer, Ownership, Vehicle
from domain.prediction import Contribution, DueWindow, ItemKind, Prediction, UploadRange
from pitcall.bench.load import ATTRIBUTES
from workflow.dealers import approve_dealer
from workflow.ports import Office, UnitOfWork

DAY_MS = 86_400_000
ITEM = "front_brake_pads"
OWNERS_AT_A_TIME = 250
BAYS = 2


class _Answering(TypedDict):
    dealer_id: str
    actor_id: str


@dataclass(frozen=True, slots=True)
class Garage:
    """A dealer of the bench, who answers for it, and its path at the dealers' server."""

    dealer_id: str
    advisor_id: str
    path: str

    @property
    def answering(self) -> _Answering:
        """Who answers, as the use cases want it."""
        return {"dealer_id": self.dealer_id, "actor_id": self.advisor_id}


def bench_office(records: Records, catalogue: Path) -> Office:
    """The office of a process of the bench, on the machine's clock."""
    clock = WallClock()
    # Nobody signs in here, so no time goes into hashing.
    passwords = Argon2Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    return Office(
        unit_of_work=records.unit_of_work,
        clock=clock,
        wall=clock,
        ids=RandomIds(),
        catalogue=load_catalogue(catalogue),
        passwords=passwords,
    )


async def open_garages(office: Office, paths: Sequence[str]) -> tuple[list[Garage], list[Dealer]]:
    """A dealer per path, with two bays, open every day from 8 to 17 UTC; where its webhook goes comes later."""
    hours = OpeningHours("UTC", dict.fromkeys(WEEKDAYS, ((time(8), time(17)),)))
    garages, dealers = [], []
    for n, path in enumerate(paths):
        dealer, advisor = await approve_dealer(
            office,
            name=f"Garage {n}",
            address=f"{n} Example Street",
            hours=hours,
            bays=BAYS,
            webhook_url=f"http://127.0.0.1{path}",
            advisor_name="Advisor",
            advisor_email=f"advisor-{n}@example.test",
            advisor_password="a password of benches",  # noqa: S106
        )
        garages.append(Garage(dealer.dealer_id, advisor.account_id, path))
        dealers.append(dealer)
    return garages, dealers


async def connect_garages(office: Office, garages: Sequence[Garage], dealers: Sequence[Dealer], port: int) -> None:
    """Let the dealers' webhooks go to the server on this port of loopback."""
    async with office.unit_of_work() as uow:
        for garage, dealer in zip(garages, dealers, strict=True):
            await uow.people.update_dealer(replace(dealer, webhook_url=f"http://127.0.0.1:{port}{garage.path}"))


async def settle_owners(office: Office, count: int) -> None:
    """The owners, many to a transaction: they are there before the clock of the bench starts."""
    now = office.wall.now_ms()
    for first in range(0, count, OWNERS_AT_A_TIME):
        numbers = range(first, min(count, first + OWNERS_AT_A_TIME))
        async with office.unit_of_work() as uow:
            for n in numbers:
                await _settle(uow, office, n, now)
            await uow.assessments.upsert([_prediction(n, now) for n in numbers])


async def _settle(uow: UnitOfWork, office: Office, n: int, now_ms: int) -> None:
    customer_id, vehicle_id, need_id = names_of(n)
    await uow.people.add_customer(Customer(customer_id, f"Owner {n}", f"owner-{n}@example.test", "en", "UTC"))
    await uow.vehicles.add(Vehicle(vehicle_id, "Testmobil", "Eins", 2021, ATTRIBUTES))
    await uow.vehicles.own(Ownership(vehicle_id, customer_id, now_ms))
    await uow.needs.add(open_need(need_id, _prediction(n, now_ms), office.catalogue.items[ITEM].need_rule, now_ms))


def names_of(n: int) -> tuple[str, str, str]:
    """The ids of the n-th owner, their car and its need."""
    return f"customer-{n}", f"vehicle-{n}", f"need-{n}"


def _prediction(n: int, now_ms: int) -> Prediction:
    vehicle_id = names_of(n)[1]
    expected = now_ms + 14 * DAY_MS
    return Prediction(
        id=f"{vehicle_id}/boot-1/0/{ITEM}",
        vehicle_id=vehicle_id,
        item=ITEM,
        kind=ItemKind.WEAR,
        event_ms=now_ms,
        odometer_m=61_000_000,
        health=0.2,
        window=DueWindow(expected - 2 * DAY_MS, expected, expected + 2 * DAY_MS, 0.9),
        remaining_km=1200.0,
        probability={},
        contributions=(Contribution("brake_energy_slow", -4.5, "braking below 80 km/h"),),
        reason="About 4 mm of 12 mm are left.",
        features={"brake_energy_slow": 1800.0},
        model_version="pads-1",
        uploads=(UploadRange("boot-1", 0, 0),),
    )
