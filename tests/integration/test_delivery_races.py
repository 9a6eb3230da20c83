"""A withdrawal at every step of a delivery: nothing starts after it, and its notice follows what was under way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from adapters.records import open_records
from adapters.records.consents import SqlConsents
from domain.consent import ConsentGrant, GrantEnd
from domain.errors import Unavailable
from domain.people import Dealer
from domain.proposal import BookingProposal
from tests.support.outlets import KeptWebhooks, dispatch_deliveries
from tests.support.town import Household, Town
from workflow.consents import withdraw_consent
from workflow.deliveries import LEASE_MS, Deliveries
from workflow.outbox_rows import Delivery

ENOUGH_S = 30


@dataclass
class Gate:
    """A place where one waits until the other has been seen to wait."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait_here(self) -> None:
        self.reached.set()
        await self.opened.wait()


@dataclass
class GatedWebhooks(KeptWebhooks):
    """A dealer's server that answers when the gate opens, and then badly if it is said so."""

    gate: Gate = field(default_factory=Gate)
    fails: bool = False

    async def send(self, dealer: Dealer, delivery: Delivery, now_ms: int) -> None:
        if not self.gate.opened.is_set():
            await self.gate.wait_here()
            if self.fails:
                raise Unavailable("the dealer's server answered 503")
        await super().send(dealer, delivery, now_ms)


@pytest.fixture
async def home(town: Town) -> Household:
    return await town.household()


@pytest.fixture
async def proposal(town: Town, home: Household) -> BookingProposal:
    return await town.sent(home, await town.garage())


def withdrawal(town: Town, proposal: BookingProposal) -> asyncio.Task[ConsentGrant]:
    return asyncio.create_task(
        withdraw_consent(town.office, customer_id=proposal.customer_id, grant_id=proposal.grant_id)
    )


async def test_before_the_claim_nothing_starts(town: Town, proposal: BookingProposal) -> None:
    await withdrawal(town, proposal)
    hooks = KeptWebhooks()
    await dispatch_deliveries(town.office, hooks)
    assert hooks.kinds == ["proposal.withdrawn"]


async def test_within_the_claim_it_waits_for_the_claim_and_the_notice_follows(
    town: Town, proposal: BookingProposal, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, steady = Gate(), SqlConsents.steady

    async def steady_and_wait(self: SqlConsents, grant_ids: set[str]) -> dict[str, ConsentGrant]:
        found = await steady(self, grant_ids)
        if not gate.opened.is_set():
            await gate.wait_here()
        return found

    monkeypatch.setattr(SqlConsents, "steady", steady_and_wait)
    hooks = KeptWebhooks()
    sending = asyncio.create_task(dispatch_deliveries(town.office, hooks))
    await asyncio.wait_for(gate.reached.wait(), ENOUGH_S)
    withdrawing = withdrawal(town, proposal)
    await asyncio.sleep(0.3)
    assert not withdrawing.done(), "the claim holds the grant until it is committed"
    gate.opened.set()
    await withdrawing
    await sending
    await dispatch_deliveries(town.office, hooks)
    assert hooks.kinds == ["proposal.sent", "proposal.withdrawn"]


@pytest.mark.postgres
async def test_a_withdrawal_that_has_not_committed_yet_lets_nothing_start(postgres_database: str) -> None:
    # On SQLite with its one writer there is no claim beside a withdrawal.
    records = open_records(postgres_database)
    try:
        await records.migrate()
        town = Town(records)
        proposal = await town.sent(await town.household(), await town.garage())
        hooks = KeptWebhooks()
        async with records.unit_of_work() as uow:
            grant = await uow.consents.get(proposal.grant_id, lock=True)
            assert grant is not None
            await uow.consents.update(grant.ended(GrantEnd.WITHDRAWN, town.clock.now_ms()))
            assert await dispatch_deliveries(town.office, hooks) == 0
        await dispatch_deliveries(town.office, hooks)
        assert hooks.kept == []
    finally:
        await records.close()


@pytest.mark.parametrize("fails", [False, True])
async def test_while_it_is_under_way_the_notice_waits_for_its_end_and_comes_after(
    town: Town, proposal: BookingProposal, fails: bool
) -> None:
    hooks = GatedWebhooks(fails=fails)
    sending = asyncio.create_task(Deliveries(town.office, hooks).work_off())
    await asyncio.wait_for(hooks.gate.reached.wait(), ENOUGH_S)
    await withdrawal(town, proposal)
    others = KeptWebhooks()
    assert await dispatch_deliveries(town.office, others) == 0, "another process does not overtake it either"
    hooks.gate.opened.set()
    await sending
    # What failed is not tried again, though a try is planned: the notice follows at once.
    assert hooks.kinds == (["proposal.withdrawn"] if fails else ["proposal.sent", "proposal.withdrawn"])


async def test_after_the_answer_and_before_its_record_a_crash_loses_no_notice_and_repeats_no_data(
    town: Town, proposal: BookingProposal
) -> None:
    hooks = KeptWebhooks()
    desk = Deliveries(town.office, hooks)
    await desk._turn()
    await asyncio.wait(desk._running)
    assert hooks.kinds == ["proposal.sent"]
    # The process ends here, with the answer in its hands.
    await withdrawal(town, proposal)
    assert await dispatch_deliveries(town.office, hooks) == 0
    town.later(LEASE_MS)
    await dispatch_deliveries(town.office, hooks)
    assert hooks.kinds == ["proposal.sent", "proposal.withdrawn"]


async def test_while_it_waits_to_be_tried_again_the_notice_does_not_wait_with_it(
    town: Town, proposal: BookingProposal
) -> None:
    hooks = KeptWebhooks(is_away=True)
    await dispatch_deliveries(town.office, hooks)
    hooks.is_away = False
    await withdrawal(town, proposal)
    await dispatch_deliveries(town.office, hooks)
    assert hooks.kinds == ["proposal.withdrawn"]


async def test_a_notice_that_fails_is_tried_again_until_it_is_heard(town: Town, proposal: BookingProposal) -> None:
    await withdrawal(town, proposal)
    hooks = KeptWebhooks(is_away=True)
    for _ in range(3):
        await dispatch_deliveries(town.office, hooks)
        town.later(3_600_000)
    hooks.is_away = False
    await dispatch_deliveries(town.office, hooks)
    assert hooks.kinds == ["proposal.withdrawn"]
    assert len(set(hooks.asked_ids)) == 1
