"""What is held is what the proposals promise: after every step, after a crash at any moment of it, after the end."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

import pytest

from domain.proposal import MISSED_AFTER_MS, BookingProposal, ProposalState
from domain.slot import Hold
from tests.support.moments import DAY, HOUR, NOW
from tests.support.town import TOMORROW, Garage, Household, Town
from workflow import negotiate, visit
from workflow.consents import withdraw_consent
from workflow.ports import Office
from workflow.propose import PROPOSAL_OPEN_MS, send_proposal

S = ProposalState
OTHER = TOMORROW + DAY
ALWAYS = NOW + 10_000 * DAY


class CrashedError(Exception):
    """The process is gone."""


@dataclass
class CrashingOffice:
    """An office whose process dies at its n-th call to a repository, counted over all units of work."""

    town: Town
    at: int
    calls: int = field(default=0)

    def office(self) -> Office:
        return replace(self.town.office, unit_of_work=lambda: _CrashingWork(self.town.office.unit_of_work(), self))

    def count(self) -> None:
        self.calls += 1
        if self.calls == self.at:
            raise CrashedError


class _CrashingWork:
    def __init__(self, work: Any, office: CrashingOffice) -> None:
        self._work, self._office = work, office

    async def __aenter__(self) -> Self:
        await self._work.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._work.__aexit__(kind, error, trace)

    def __getattr__(self, name: str) -> Any:
        return _CrashingRepository(getattr(self._work, name), self._office)


class _CrashingRepository:
    def __init__(self, repository: Any, office: CrashingOffice) -> None:
        self._repository, self._office = repository, office

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._repository, name)
        if not inspect.iscoroutinefunction(method):
            return method

        async def counted(*args: Any, **named: Any) -> Any:
            # Half of the calls die before they have reached the database, half after.
            if self._office.calls % 2:
                self._office.count()
                return await method(*args, **named)
            answer = await method(*args, **named)
            self._office.count()
            return answer

        return counted


async def held(town: Town, garage: Garage) -> list[Hold]:
    async with town.records.unit_of_work() as uow:
        return sorted(await uow.holds.busy(garage.id, 0, ALWAYS), key=repr)


async def check(town: Town, garage: Garage, proposal: BookingProposal) -> BookingProposal:
    """The proposal as it stands; what is held at its dealer is what it promises, and nothing else."""
    now = await town.stored(proposal)
    promised = [hold for slot in now.slots_held for hold in slot.holds]
    assert await held(town, garage) == sorted(promised, key=repr), now.state
    return now


async def drafted(town: Town, home: Household, garage: Garage) -> BookingProposal:
    need, granted = await town.need(home), await town.grant(home, garage)
    return await town.draft(home, garage, granted, need, loaner=True)


async def sent(town: Town, home: Household, garage: Garage) -> BookingProposal:
    draft = await drafted(town, home, garage)
    return await send_proposal(town.office, customer_id=home.id, proposal_id=draft.proposal_id)


async def countered(town: Town, home: Household, garage: Garage) -> BookingProposal:
    asked = await sent(town, home, garage)
    starts = [OTHER, OTHER + 2 * HOUR]
    return await negotiate.counter(town.office, proposal_id=asked.proposal_id, starts_ms=starts, **garage.party)


async def confirmed(town: Town, home: Household, garage: Garage) -> BookingProposal:
    asked = await sent(town, home, garage)
    await negotiate.accept(town.office, proposal_id=asked.proposal_id, **garage.party)
    return await negotiate.confirm(town.office, customer_id=home.id, proposal_id=asked.proposal_id)


async def checked_in(town: Town, home: Household, garage: Garage) -> BookingProposal:
    booked = await confirmed(town, home, garage)
    return await visit.check_in(town.office, proposal_id=booked.proposal_id, odometer_m=1, **garage.party)


@dataclass(frozen=True)
class Asked:
    """Whom a step is taken for."""

    home: Household
    garage: Garage
    proposal: BookingProposal

    @property
    def owner(self) -> dict[str, str]:
        return {"customer_id": self.home.id, "proposal_id": self.proposal.proposal_id}

    @property
    def dealer(self) -> dict[str, str]:
        return {"proposal_id": self.proposal.proposal_id, **self.garage.party}


async def _withdraw_consent(office: Office, asked: Asked) -> None:
    await withdraw_consent(office, customer_id=asked.home.id, grant_id=asked.proposal.grant_id)


Begin = Callable[[Town, Household, Garage], Awaitable[BookingProposal]]
Step = Callable[[Office, Asked], Awaitable[Any]]
STEPS: dict[str, tuple[Begin, Step, ProposalState, int]] = {
    # Where it begins, the step, where it ends, and how much later.
    "send": (drafted, lambda o, a: send_proposal(o, **a.owner), S.SENT, 0),
    "accept": (sent, lambda o, a: negotiate.accept(o, **a.dealer), S.ACCEPTED, 0),
    "accept after all": (countered, lambda o, a: negotiate.accept(o, **a.dealer), S.ACCEPTED, 0),
    "offer": (sent, lambda o, a: negotiate.counter(o, starts_ms=[OTHER], **a.dealer), S.COUNTERED, 0),
    "counter back": (countered, lambda o, a: negotiate.counter_back(o, start_ms=OTHER, **a.owner), S.SENT, 0),
    "confirm": (countered, lambda o, a: negotiate.confirm(o, start_ms=OTHER, **a.owner), S.CONFIRMED, 0),
    "decline": (countered, lambda o, a: negotiate.decline(o, **a.dealer), S.DECLINED, 0),
    "withdraw": (sent, lambda o, a: negotiate.withdraw(o, **a.owner), S.WITHDRAWN, 0),
    "withdraw the consent": (countered, _withdraw_consent, S.WITHDRAWN, 0),
    "withdraw the consent of an appointment": (confirmed, _withdraw_consent, S.CANCELLED, 0),
    "cancel": (confirmed, lambda o, a: negotiate.cancel(o, **a.owner), S.CANCELLED, 0),
    "expire": (countered, lambda o, a: negotiate.expire_proposals(o), S.EXPIRED, PROPOSAL_OPEN_MS),
    "check in": (confirmed, lambda o, a: visit.check_in(o, odometer_m=1, **a.dealer), S.CHECKED_IN, DAY),
    "stay away": (confirmed, lambda o, a: visit.no_show(o, **a.dealer), S.NO_SHOW, DAY + MISSED_AFTER_MS),
    "complete": (
        checked_in,
        lambda o, a: visit.complete(o, odometer_m=1, findings=[], **a.dealer),
        S.COMPLETED,
        DAY,
    ),
}


@pytest.mark.parametrize("name", STEPS)
async def test_a_hold_is_there_as_long_as_its_promise_whatever_happens_and_wherever_the_process_dies(
    town: Town, name: str
) -> None:
    begin, step, ends, later_ms = STEPS[name]
    home = await town.household()
    garage = await town.garage(technicians=[("T1", [])], loaners=["L1"])
    proposal = await begin(town, home, garage)
    town.later(later_ms)
    asked = Asked(home, garage, await check(town, garage, proposal))
    crashes = 0
    while True:
        dying = CrashingOffice(town, crashes + 1)
        try:
            await step(dying.office(), asked)
        except CrashedError:
            crashes += 1
            assert await check(town, garage, proposal) == asked.proposal, f"died at call {crashes}"
            continue
        break
    assert crashes >= 5
    assert (await check(town, garage, proposal)).state is ends
