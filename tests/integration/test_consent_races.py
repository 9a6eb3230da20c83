"""A withdrawal that meets somebody at the very same moment: it always succeeds, and it always has the last word."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from domain.errors import Conflict, NotFound
from domain.need import NeedState
from domain.proposal import BookingProposal, ProposalState
from tests.support.moments import DAY
from tests.support.outlets import KeptWebhooks, dispatch_deliveries
from tests.support.town import TOMORROW, Garage, Household, Town
from workflow import negotiate
from workflow.consents import withdraw_consent
from workflow.propose import send_proposal

ROUNDS = 8


async def drafted(town: Town, home: Household, garage: Garage) -> BookingProposal:
    return await town.draft(home, garage, await town.grant(home, garage), await town.need(home))


async def sent(town: Town, home: Household, garage: Garage) -> BookingProposal:
    return await town.sent(home, garage)


async def countered(town: Town, home: Household, garage: Garage) -> BookingProposal:
    asked = await town.sent(home, garage)
    return await negotiate.counter(
        town.office, proposal_id=asked.proposal_id, starts_ms=[TOMORROW + DAY], **garage.party
    )


async def confirmed(town: Town, home: Household, garage: Garage) -> BookingProposal:
    return await town.confirmed(home, garage)


Rival = Callable[[Town, Household, Garage, BookingProposal], Awaitable[object]]
RIVALS: dict[str, tuple[Callable[[Town, Household, Garage], Awaitable[BookingProposal]], Rival]] = {
    "send": (drafted, lambda t, h, g, p: send_proposal(t.office, customer_id=h.id, proposal_id=p.proposal_id)),
    "accept": (sent, lambda t, h, g, p: negotiate.accept(t.office, proposal_id=p.proposal_id, **g.party)),
    "decline": (sent, lambda t, h, g, p: negotiate.decline(t.office, proposal_id=p.proposal_id, **g.party)),
    "withdraw": (sent, lambda t, h, g, p: negotiate.withdraw(t.office, customer_id=h.id, proposal_id=p.proposal_id)),
    "confirm": (countered, lambda t, h, g, p: negotiate.confirm(t.office, customer_id=h.id, proposal_id=p.proposal_id)),
    "cancel": (confirmed, lambda t, h, g, p: negotiate.cancel(t.office, customer_id=h.id, proposal_id=p.proposal_id)),
}


@pytest.mark.parametrize("name", RIVALS)
async def test_whoever_comes_at_the_same_moment_the_withdrawal_has_the_last_word(town: Town, name: str) -> None:
    prepare, rival = RIVALS[name]
    for round_ in range(ROUNDS):
        home, garage = await town.household(), await town.garage()
        proposal = await prepare(town, home, garage)
        withdrawal = withdraw_consent(town.office, customer_id=home.id, grant_id=proposal.grant_id)
        both: list[Awaitable[object]] = [withdrawal, rival(town, home, garage, proposal)]
        answers = await asyncio.gather(*(both if round_ % 2 else both[::-1]), return_exceptions=True)
        if not round_ % 2:
            answers.reverse()
        assert not isinstance(answers[0], BaseException), answers[0]
        assert not isinstance(answers[1], BaseException) or isinstance(answers[1], Conflict | NotFound), answers[1]

        now = await town.stored(proposal)
        assert now.state in (ProposalState.WITHDRAWN, ProposalState.CANCELLED, ProposalState.DECLINED)
        assert await town.busy(garage) == 0
        assert (await town.live_need(home)).state is NeedState.OPEN
        hooks = KeptWebhooks()
        await dispatch_deliveries(town.office, hooks)
        assert all(not delivery.needs_consent for _, delivery, _ in hooks.kept)


async def test_a_delivery_that_starts_as_the_consent_ends_has_started_before_or_not_at_all(town: Town) -> None:
    for _ in range(ROUNDS):
        home, garage = await town.household(), await town.garage()
        proposal = await town.sent(home, garage)
        hooks = KeptWebhooks()

        async def withdraw(grant_id: str = proposal.grant_id, owner_id: str = home.id) -> None:
            await withdraw_consent(town.office, customer_id=owner_id, grant_id=grant_id)

        await asyncio.gather(dispatch_deliveries(town.office, hooks), withdraw())
        await dispatch_deliveries(town.office, hooks)
        assert hooks.kinds in (["proposal.withdrawn"], ["proposal.sent", "proposal.withdrawn"])
