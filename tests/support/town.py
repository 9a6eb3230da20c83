"""A small town: owners with cars that need work, and dealers, all made by the use cases themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import time
from itertools import count
from pathlib import Path

from argon2 import PasswordHasher

from adapters.catalogue_file import load_catalogue
from adapters.clocks import SettableClock
from adapters.ids import SeededIds
from adapters.passwords import Argon2Passwords
from adapters.records import Records
from domain.consent import ConsentGrant, DataItem, Purpose
from domain.need import MaintenanceNeed
from domain.opening_hours import WEEKDAYS, OpeningHours
from domain.people import Account, Customer, Dealer, Vehicle
from domain.prediction import ItemKind, Prediction
from domain.proposal import BookingProposal
from domain.site import ResourceKind
from tests.support.moments import DAY, NOW
from tests.support.predictions import hazard, wear
from workflow import consents, dealers, enrol, identity, needs, negotiate, propose
from workflow.ports import Office

CATALOGUE = load_catalogue(Path(__file__).parents[2] / "pitcall" / "data" / "car.yaml")
PASSWORD = "a password of tests"
PADS, OIL, BATTERY, FLUID = "front_brake_pads", "engine_oil", "battery_12v", "brake_fluid"
TOMORROW = NOW + DAY  # 10:00 of a Tuesday at the dealers, who are open from 8 to 17 every day
ALL_DATA = tuple(DataItem)


@dataclass(frozen=True)
class Garage:
    """A dealer and its service advisor."""

    dealer: Dealer
    advisor: Account

    @property
    def id(self) -> str:
        return self.dealer.dealer_id

    @property
    def party(self) -> dict[str, str]:
        """Who answers, as the use cases want it."""
        return {"dealer_id": self.id, "actor_id": self.advisor.account_id}


@dataclass(frozen=True)
class Household:
    """An owner and one car."""

    owner: Customer
    car: Vehicle
    credential: str

    @property
    def id(self) -> str:
        return self.owner.customer_id

    @property
    def car_id(self) -> str:
        return self.car.vehicle_id


@dataclass
class Town:
    """The office, its two clocks, and what a test needs to begin; every method is a use case or a few."""

    records: Records
    clock: SettableClock = field(default_factory=lambda: SettableClock(NOW))
    wall: SettableClock = field(default_factory=lambda: SettableClock(NOW))
    number: count[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        # The cheapest hash there is: these tests are about who knows the password, not about what guessing costs.
        hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        self.office = Office(
            unit_of_work=self.records.unit_of_work,
            clock=self.clock,
            wall=self.wall,
            ids=SeededIds(7),
            catalogue=CATALOGUE,
            passwords=Argon2Passwords(hasher),
        )

    def later(self, ms: int) -> int:
        """Let both clocks run on; what it is then."""
        self.clock.set(self.clock.now_ms() + ms)
        self.wall.set(self.wall.now_ms() + ms)
        return self.clock.now_ms()

    async def owner(self, name: str = "", email: str = "") -> Customer:
        n = next(self.number)
        return await identity.register_customer(
            self.office, name=name or f"Owner {n}", email=email or f"owner-{n}@example.test", password=PASSWORD
        )

    async def car(self, *, vin: str = "", model: str = "Eins") -> tuple[Vehicle, str]:
        """An enrolled car without an owner, and its credential."""
        token = await enrol.issue_enrolment_token(self.office)
        return await enrol.enrol_vehicle(
            self.office,
            token=token,
            make="Testmobil",
            model=model,
            model_year=2021,
            powertrain="petrol",
            mass_kg=1400.0,
            built_ms=NOW - 1500 * DAY,
            vin=vin,
        )

    async def household(
        self,
        purposes: tuple[Purpose, ...] = (Purpose.PREDICTION, Purpose.REMINDERS, Purpose.MODEL_IMPROVEMENT),
        *,
        name: str = "",
        email: str = "",
        vin: str = "",
        model: str = "Eins",
        label: str = "",
    ) -> Household:
        """An owner who has claimed a car and consented to `purposes`."""
        owner, (car, credential) = await self.owner(name, email), await self.car(vin=vin, model=model)
        code, _ = await enrol.show_claim_code(self.office, car.vehicle_id)
        claimed = await enrol.claim_vehicle(
            self.office, customer_id=owner.customer_id, code=code, label=label, consents=purposes
        )
        return Household(owner, claimed, credential)

    async def garage(
        self,
        *,
        bays: int = 1,
        webhook_url: str = "https://garage.example/hook",
        technicians: Sequence[tuple[str, Sequence[str]]] = (),
        loaners: Sequence[str] = (),
    ) -> Garage:
        n = next(self.number)
        dealer, advisor = await dealers.approve_dealer(
            self.office,
            name=f"Garage {n}",
            address=f"{n} Example Street",
            hours=OpeningHours("Europe/Berlin", dict.fromkeys(WEEKDAYS, ((time(8), time(17)),))),
            bays=bays,
            technicians=technicians,
            loaners=loaners,
            webhook_url=webhook_url,
            advisor_name="Advisor",
            advisor_email=f"advisor-{n}@example.test",
            advisor_password=PASSWORD,
        )
        return Garage(dealer, advisor)

    async def predict(self, *predictions: Prediction) -> None:
        await needs.record_predictions(self.office, [[prediction] for prediction in predictions])

    async def need(self, home: Household, item: str = PADS, **changes: object) -> MaintenanceNeed:
        """A live need of the car, opened by a prediction of now."""
        now, n = self.clock.now_ms(), next(self.number)
        if item == BATTERY:
            prediction = hazard(0.3, event_ms=now, seq=n, vehicle_id=home.car_id, **changes)
        else:
            kind = ItemKind(CATALOGUE.items[item].kind)
            about = {"vehicle_id": home.car_id, "item": item, "kind": kind, "id": f"{home.car_id}/b/{n}/{item}"}
            prediction = wear(14, event_ms=now, seq=n, **(about | changes))
        await self.predict(prediction)
        return await self.live_need(home, item)

    async def live_need(self, home: Household, item: str = PADS) -> MaintenanceNeed:
        async with self.records.unit_of_work() as uow:
            found = await uow.needs.live(home.car_id, item)
        assert found is not None, f"no live need for {item}"
        return found

    async def latest_need(self, home: Household, item: str = PADS) -> MaintenanceNeed:
        async with self.records.unit_of_work() as uow:
            found = await uow.needs.latest(home.car_id, item)
        assert found is not None, f"never a need for {item}"
        return found

    async def grant(
        self, home: Household, garage: Garage, items: tuple[DataItem, ...] = ALL_DATA, expires_ms: int | None = None
    ) -> ConsentGrant:
        """A booking grant."""
        return await consents.grant_consent(
            self.office,
            customer_id=home.id,
            vehicle_id=home.car_id,
            purpose=Purpose.BOOKING,
            dealer_id=garage.id,
            data_items=items,
            expires_ms=expires_ms,
        )

    async def draft(
        self,
        home: Household,
        garage: Garage,
        grant: ConsentGrant,
        *wanted: MaintenanceNeed,
        start_ms: int = TOMORROW,
        note: str = "",
        loaner: bool = False,
    ) -> BookingProposal:
        return await propose.draft_proposal(
            self.office,
            customer_id=home.id,
            vehicle_id=home.car_id,
            need_ids=[need.need_id for need in wanted],
            dealer_id=garage.id,
            start_ms=start_ms,
            grant_id=grant.grant_id,
            note=note,
            loaner=loaner,
        )

    async def sent(
        self, home: Household, garage: Garage, *, start_ms: int = TOMORROW, items: tuple[str, ...] = (PADS,)
    ) -> BookingProposal:
        """A proposal that was just sent, for needs opened for it, under a fresh grant."""
        wanted = [await self.need(home, item) for item in items]
        draft = await self.draft(home, garage, await self.grant(home, garage), *wanted, start_ms=start_ms)
        return await propose.send_proposal(self.office, customer_id=home.id, proposal_id=draft.proposal_id)

    async def confirmed(self, home: Household, garage: Garage, *, start_ms: int = TOMORROW) -> BookingProposal:
        """An appointment: sent, accepted and confirmed."""
        sent = await self.sent(home, garage, start_ms=start_ms)
        await negotiate.accept(self.office, proposal_id=sent.proposal_id, **garage.party)
        return await negotiate.confirm(self.office, customer_id=home.id, proposal_id=sent.proposal_id)

    async def stored(self, proposal: BookingProposal) -> BookingProposal:
        """The proposal as it stands now."""
        async with self.records.unit_of_work() as uow:
            found = await uow.proposals.get(proposal.proposal_id)
        assert found is not None
        return found

    async def busy(self, garage: Garage) -> int:
        """How many slots are held at the garage, in all times."""
        async with self.records.unit_of_work() as uow:
            held = await uow.holds.busy(garage.id, 0, NOW + 10_000 * DAY)
        return sum(hold.resource.kind is ResourceKind.BAY for hold in held)
