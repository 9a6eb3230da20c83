"""Whatever owners, drivers, dealers, clocks, withdrawals and crashes do in any order, what was promised holds.

Use cases on a real database, one after the other. A crash comes before a transaction commits, or after it has, before
anybody hears of it; who was cut off then often asks again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from adapters.records import open_records
from domain.consent import DataItem
from domain.errors import PitcallError
from domain.need import MaintenanceNeed, NeedState
from domain.people import Dealer
from domain.proposal import BookingProposal, ProposalState
from domain.service_record import ServiceOutcome
from tests.support.moments import DAY, HOUR, NOW
from tests.support.town import OIL, PADS, Garage, Household, Town
from workflow import negotiate, visit
from workflow.consents import end_run_out, narrow_consent, withdraw_consent
from workflow.deliveries import Deliveries as DeliveryDesk
from workflow.drivers import invite_driver, join_car, let_driver
from workflow.outbox_rows import Delivery
from workflow.propose import send_proposal

# What the product's table says, written out once more: from each state to each other, and by whom.
OWNER, DEALER, CLOCK, CONSENT = "owner", "dealer", "clock", "consent"
DRIVER = "driver"  # who takes steps for the owner, and none but the owner's
ENDS = {"declined": {DEALER}, "expired": {CLOCK}, "withdrawn": {OWNER, CONSENT}}
TABLE: dict[str, dict[str, set[str]]] = {
    "": {"draft": {OWNER}},
    "draft": {"sent": {OWNER}, "withdrawn": {OWNER, CONSENT}, "expired": {CLOCK}},
    "sent": {"accepted": {DEALER}, "countered": {DEALER}, **ENDS},
    "countered": {"sent": {OWNER}, "accepted": {DEALER}, "confirmed": {OWNER}, **ENDS},
    "accepted": {"confirmed": {OWNER}, **ENDS},
    "confirmed": {
        "confirmed": {OWNER, DEALER},
        "checked-in": {DEALER},
        "no-show": {DEALER, CLOCK},
        "cancelled": {OWNER, DEALER, CONSENT},
    },
    "checked-in": {"completed": {DEALER, CLOCK}},
}
OVER = {"completed", "declined", "expired", "withdrawn", "cancelled", "no-show"}
OWNERS_ANSWERS = ["confirm", "confirm", "confirm", "counter", "withdraw", "cancel", "move"]
VISITS = ["check in", "check in", "complete", "no-show", "move", "cancel"]
crashes = st.sampled_from(["", "", "", "before", "after", "before the second", "after the second"])
numbers = st.integers(0, 10**6)


class Crash(Exception):
    """The process ends here."""


class CrashingUnitOfWork:
    """A unit of work that ends its process `before` or `after` its commit."""

    def __init__(self, inner: Any, when: str) -> None:
        self._inner, self._when = inner, when

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def __aenter__(self) -> CrashingUnitOfWork:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        if error is None and self._when == "before":
            await self._inner.__aexit__(Crash, Crash(), None)
            raise Crash
        await self._inner.__aexit__(kind, error, trace)
        if error is None and self._when == "after":
            raise Crash


def items_in(payload: dict[str, Any]) -> set[DataItem]:
    """The data items that stand in what a dealer gets."""
    there = {
        DataItem.CONTACT: "name" in payload["customer"],
        DataItem.VEHICLE: "make" in payload["vehicle"],
        DataItem.ODOMETER: "odometer_km" in payload["vehicle"],
        DataItem.VIN: "vin" in payload["vehicle"],
        DataItem.EVIDENCE: any("evidence" in need for need in payload["needs"]),
    }
    return {item for item, is_there in there.items() if is_there}


@dataclass
class Dealers:
    """What reaches the dealers' servers, and what started although its consent had been withdrawn."""

    withdrawn: set[str] = field(default_factory=set)
    narrowed: dict[str, set[DataItem]] = field(default_factory=dict)  # what is left of narrowed grants
    got: dict[str, list[str]] = field(default_factory=dict)  # bodies by the webhook's id
    too_late: list[str] = field(default_factory=list)

    async def send(self, dealer: Dealer, delivery: Delivery, now_ms: int) -> None:
        if delivery.needs_consent and delivery.grant_id in self.withdrawn:
            self.too_late.append(delivery.delivery_id)
        if delivery.needs_consent and delivery.grant_id in self.narrowed:
            told = items_in(json.loads(delivery.body)["proposal"])
            if told - self.narrowed[delivery.grant_id]:
                self.too_late.append(f"{delivery.delivery_id} says {told}")
        self.got.setdefault(delivery.delivery_id, []).append(delivery.body)


class BookingMachine(RuleBasedStateMachine):
    file: Path
    steps_taken = 0
    reached: set[str]
    sent_again: set[str]

    @initialize()
    def settle(self) -> None:
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        own = Path(self.folder.name) / "records.sqlite"
        shutil.copyfile(self.file, own)
        self.records = open_records(f"sqlite+aiosqlite:///{own}")
        self.town = Town(self.records)
        self.sound = self.town.office
        self.dealers = Dealers()
        self.ids: list[str] = []
        self.garages: list[Garage] = [self.run(self.town.garage()) for _ in range(2)]
        self.homes: list[Household] = [self.run(self.town.household()) for _ in range(2)]
        # Who drives each car, and whether they still may book for its owner.
        self.drivers = {home.car_id: self.run(self.lend(home)) for home in self.homes}
        self.may_book = dict.fromkeys(self.drivers, True)
        self.by_nobody: list[str] = []

    def run(self, step: Awaitable[Any]) -> Any:
        async def go() -> Any:
            return await step

        return self.runner.run(go())

    async def lend(self, home: Household) -> str:
        code, _ = await invite_driver(self.town.office, customer_id=home.id, vehicle_id=home.car_id, may_book=True)
        driver = (await self.town.owner()).customer_id
        await join_car(self.town.office, customer_id=driver, code=code)
        return driver

    def attempt(self, step: Callable[[], Awaitable[Any]], crash: str) -> Any:
        """Take a step that may be refused, or be cut off by a crash and then be asked for again."""
        type(self).steps_taken += 1
        if crash:
            self.town.office = replace(self.sound, unit_of_work=self._crashing(crash))
            with contextlib.suppress(Crash, PitcallError):
                self.run(step())
            self.town.office = self.sound
        try:
            return self.run(step())
        except PitcallError:
            return None

    def _crashing(self, crash: str) -> Callable[[], Any]:
        """Units of work of which the first or the second crashes."""
        when, _, which = crash.partition(" the ")
        opened = iter([when, when] if not which else ["", when, when])
        return lambda: CrashingUnitOfWork(self.sound.unit_of_work(), next(opened, ""))

    def pick(self, number: int, *states: str) -> BookingProposal | None:
        """A proposal, of those in `states` if there is one."""
        every = self.proposals()
        fit = [p for p in every if str(p.state) in states] or every
        return fit[number % len(fit)] if fit else None

    def proposals(self) -> list[BookingProposal]:
        async def read() -> list[BookingProposal]:
            async with self.records.unit_of_work() as uow:
                return [p for home in self.homes for p in await uow.proposals.of_vehicle(home.car_id)]

        found: list[BookingProposal] = self.run(read())
        return found

    def garage_of(self, proposal: BookingProposal) -> Garage:
        return next(garage for garage in self.garages if garage.id == proposal.dealer_id)

    async def need(self, who: Household, item: str) -> MaintenanceNeed:
        """A live need, whatever was done to the item before: that is in the prediction already."""
        self.town.later(1_000)
        return await self.town.need(who, item, served_ms=self.town.clock.now_ms())

    def day(self, number: int) -> int:
        """Ten o'clock at the dealers on one of the next days."""
        today = (self.town.clock.now_ms() - NOW) // DAY
        return NOW + (today + 1 + number % 4) * DAY

    @rule(home=numbers, item=st.sampled_from([PADS, OIL]), number=numbers, crash=crashes)
    def an_owner_drafts(self, home: int, item: str, number: int, crash: str) -> None:
        who, garage = self.homes[home % 2], self.garages[number % 2]

        async def draft() -> None:
            need = await self.need(who, item)
            grant = await self.town.grant(who, garage)
            await self.town.draft(who, garage, grant, need, start_ms=self.day(number))

        self.attempt(draft, crash)

    @rule(home=numbers, number=numbers, far=st.integers(1, 4), crash=crashes)
    def a_booking_goes_ahead(self, home: int, number: int, far: int, crash: str) -> None:
        """So that what comes late in a booking's life is reached, too."""
        who, garage = self.homes[home % 2], self.garages[number % 2]

        async def book() -> None:
            office, need = self.town.office, await self.need(who, PADS)
            draft = await self.town.draft(
                who, garage, await self.town.grant(who, garage), need, start_ms=self.day(number)
            )
            own, party = {"proposal_id": draft.proposal_id}, garage.party | {"proposal_id": draft.proposal_id}
            steps: list[Callable[[], Awaitable[Any]]] = [
                lambda: send_proposal(office, customer_id=who.id, **own),
                lambda: negotiate.accept(office, **party),
                lambda: negotiate.confirm(office, customer_id=who.id, **own),
                lambda: visit.check_in(office, odometer_m=90_000_000, **party),
            ]
            for step in steps[:far]:
                await step()

        self.attempt(book, crash)

    @rule(number=numbers, crash=crashes)
    def an_owner_sends(self, number: int, crash: str) -> None:
        if p := self.pick(number, "draft"):
            self.attempt(
                lambda: send_proposal(self.town.office, customer_id=p.customer_id, proposal_id=p.proposal_id), crash
            )

    @rule(number=numbers, crash=crashes, answer=st.sampled_from(["accept", "accept", "counter", "decline"]))
    def a_dealer_answers(self, number: int, crash: str, answer: str) -> None:
        if p := self.pick(number, "sent", "countered"):
            party = self.garage_of(p).party | {"proposal_id": p.proposal_id}
            starts = [self.day(number), self.day(number + 1)]
            steps: dict[str, Callable[[], Awaitable[Any]]] = {
                "accept": lambda: negotiate.accept(self.town.office, **party),
                "counter": lambda: negotiate.counter(self.town.office, starts_ms=starts, **party),
                "decline": lambda: negotiate.decline(self.town.office, reason="full", **party),
            }
            self.attempt(steps[answer], crash)

    @rule(number=numbers, crash=crashes, answer=st.sampled_from(OWNERS_ANSWERS))
    def an_owner_answers(self, number: int, crash: str, answer: str) -> None:
        if p := self.pick(number, "accepted", "countered", *(["confirmed"] if answer in ("cancel", "move") else [])):
            self.answer(p.customer_id, p, number, crash, answer)

    @rule(number=numbers, crash=crashes, answer=st.sampled_from(OWNERS_ANSWERS))
    def a_driver_answers(self, number: int, crash: str, answer: str) -> None:
        if p := self.pick(number, "accepted", "countered", *(["confirmed"] if answer in ("cancel", "move") else [])):
            done = self.answer(self.drivers[p.vehicle_id], p, number, crash, answer)
            if done is not None and not self.may_book[p.vehicle_id]:
                self.by_nobody.append(f"{answer} of {p.proposal_id}")

    @rule(number=numbers, crash=crashes)
    def an_owner_lets_a_driver_book_or_no_longer(self, number: int, crash: str) -> None:
        home = self.homes[number % 2]
        wanted = number % 5 > 1
        own = {"customer_id": home.id, "vehicle_id": home.car_id, "driver_id": self.drivers[home.car_id]}
        self.attempt(lambda: let_driver(self.town.office, may_book=wanted, **own), crash)
        self.may_book[home.car_id] = wanted

    def answer(self, who: str, p: BookingProposal, number: int, crash: str, answer: str) -> Any:
        """What the owner, or somebody for them, answers; None where it was refused."""
        own = {"customer_id": who, "proposal_id": p.proposal_id}
        start = p.offered[number % len(p.offered)].start_ms if p.offered else None
        steps: dict[str, Callable[[], Awaitable[Any]]] = {
            "confirm": lambda: negotiate.confirm(self.town.office, start_ms=start, **own),
            "counter": lambda: negotiate.counter_back(self.town.office, start_ms=self.day(number), **own),
            "withdraw": lambda: negotiate.withdraw(self.town.office, **own),
            "cancel": lambda: negotiate.cancel(self.town.office, **own),
            "move": lambda: negotiate.move(self.town.office, start_ms=self.day(number), **own),
        }
        return self.attempt(steps[answer], crash)

    @rule(number=numbers, crash=crashes, what=st.sampled_from(VISITS), done=st.booleans())
    def the_visit(self, number: int, crash: str, what: str, done: bool) -> None:
        if p := self.pick(number, "checked-in" if what == "complete" else "confirmed"):
            party = self.garage_of(p).party | {"proposal_id": p.proposal_id}
            found = [visit.Finding(PADS, ServiceOutcome.REPLACED)] if done else []
            steps: dict[str, Callable[[], Awaitable[Any]]] = {
                "check in": lambda: visit.check_in(self.town.office, odometer_m=90_000_000, **party),
                "complete": lambda: visit.complete(self.town.office, odometer_m=90_000_000, findings=found, **party),
                "no-show": lambda: visit.no_show(self.town.office, **party),
                "move": lambda: negotiate.move_by_dealer(self.town.office, start_ms=self.day(number), **party),
                "cancel": lambda: negotiate.cancel_by_dealer(self.town.office, **party),
            }
            self.attempt(steps[what], crash)

    @rule(number=numbers, crash=crashes)
    def an_owner_withdraws_a_consent(self, number: int, crash: str) -> None:
        if number % 3 == 0 and (p := self.pick(number)):
            done = self.attempt(
                lambda: withdraw_consent(self.town.office, customer_id=p.customer_id, grant_id=p.grant_id), crash
            )
            if done is not None or crash.startswith("after"):
                self.dealers.withdrawn.add(p.grant_id)

    @rule(number=numbers, left=st.sets(st.sampled_from(DataItem), max_size=2), crash=crashes)
    def an_owner_narrows_a_consent(self, number: int, left: set[DataItem], crash: str) -> None:
        if p := self.pick(number):
            done = self.attempt(
                lambda: narrow_consent(
                    self.town.office, customer_id=p.customer_id, grant_id=p.grant_id, data_items=sorted(left)
                ),
                crash,
            )
            if done is not None:
                self.dealers.narrowed[p.grant_id] = left

    @rule(crash=crashes)
    def webhooks_leave(self, crash: str) -> None:
        self.attempt(lambda: DeliveryDesk(self.town.office, self.dealers).work_off(), crash)
        self.town.wall.set(self.town.wall.now_ms() + HOUR)

    @rule(hours=st.sampled_from([1, 1, 20, 20, 80]), crash=crashes)
    def time_passes(self, hours: int, crash: str) -> None:
        self.town.later(hours * HOUR)
        self.attempt(lambda: negotiate.expire_proposals(self.town.office), crash)
        self.attempt(lambda: end_run_out(self.town.office), crash)

    @invariant()
    def what_was_promised_holds(self) -> None:
        assert self.dealers.too_late == []
        assert self.by_nobody == [], "who may not book has booked"
        self.sent_again |= {own for own, bodies in self.dealers.got.items() if len(bodies) > 1}
        if not self.dealers.narrowed:
            assert all(len(set(bodies)) == 1 for bodies in self.dealers.got.values()), "one id, one body"
        self.run(self._check())

    async def _check(self) -> None:
        booked: dict[str, int] = {}
        async with self.records.unit_of_work() as uow:
            assert await uow.holds.overlaps() == 0
            for home in self.homes:
                for proposal in await uow.proposals.of_vehicle(home.car_id):
                    before = ""
                    steps = await uow.proposals.steps(proposal.proposal_id)
                    assert [step.version for step in steps] == list(range(1, proposal.version + 1))
                    for step in steps:
                        hand = OWNER if str(step.actor) == DRIVER else str(step.actor)
                        assert hand in TABLE.get(before, {}).get(str(step.state), set()), (before, step)
                        assert (str(step.actor) == DRIVER) == (step.actor_id == self.drivers[home.car_id])
                        before = str(step.state)
                        self.reached.add(before)
                    assert before == str(proposal.state)
                    if proposal.state in (ProposalState.CONFIRMED, ProposalState.CHECKED_IN):
                        for need_id in proposal.need_ids:
                            booked[need_id] = booked.get(need_id, 0) + 1
                needs = await uow.needs.of_vehicle(home.car_id, live_only=False)
                for need in needs:
                    visits = booked.get(need.need_id, 0)
                    assert visits <= 1, "one need, two visits"
                    if need.state.is_live:
                        assert (need.state is NeedState.BOOKED) == bool(visits), (need.state, visits)

    def teardown(self) -> None:
        """Every proposal reaches an end, if only time passes."""
        if not hasattr(self, "runner"):
            return
        try:
            for _ in range(8):
                self.town.later(6 * DAY)
                self.run(negotiate.expire_proposals(self.sound))
                self.run(end_run_out(self.sound))
            self.what_was_promised_holds()
            assert {str(p.state) for p in self.proposals()} <= OVER
        finally:
            self.run(self.records.close())
            self.runner.close()
            self.folder.cleanup()


@pytest.mark.parametrize(
    ("examples", "steps"),
    [(25, 40), pytest.param(420, 60, marks=pytest.mark.long)],
    ids=["short", "long"],
)
def test_bookings_keep_their_promises_whatever_happens_in_whatever_order(
    tmp_path: Path, examples: int, steps: int
) -> None:
    file = tmp_path / "migrated.sqlite"

    async def migrate() -> None:
        records = open_records(f"sqlite+aiosqlite:///{file}")
        await records.migrate()
        await records.close()

    asyncio.run(migrate())
    own = {"file": file, "steps_taken": 0, "reached": set(), "sent_again": set()}
    machine = type("Machine", (BookingMachine,), own)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    taken, reached = machine.steps_taken, machine.reached  # type: ignore[attr-defined]
    again = len(machine.sent_again)  # type: ignore[attr-defined]
    print(f"{taken:,} steps; {again} webhooks sent again; reached {', '.join(sorted(reached))}")  # noqa: T201
    assert taken >= 5 * examples, "the control: steps were taken"
    if examples > 100:
        assert taken >= 10_000
        assert reached == {state for after in TABLE.values() for state in after}
        assert again, "the control: a process ended between a webhook and its record"
