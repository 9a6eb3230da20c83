"""Dealers are approved by an operator, and say what they have free."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest

from domain.errors import Conflict, InvalidInput, NotFound
from domain.people import Dealer
from domain.proposal import ProposalState
from domain.slot import OpeningHours
from tests.support.moments import DAY, HOUR, MINUTE, NOW
from tests.support.town import PASSWORD, TOMORROW, Garage, Household, Town
from workflow.dealers import approve_dealer, dealers, free_slots_of

S = ProposalState
OTHER = TOMORROW + DAY
THIRD = TOMORROW + 2 * DAY


async def test_free_slots_leave_out_what_is_held_and_the_next_two_hours(
    town: Town, home: Household, garage: Garage
) -> None:
    before = await free_slots_of(town.office, dealer_id=garage.id, minutes=75)
    assert min(slot.start_ms for slot in before) == NOW + 2 * HOUR
    sent = await town.sent(home, garage)
    assert sent.slot
    after = await free_slots_of(town.office, dealer_id=garage.id, minutes=75)
    assert {slot for slot in before if slot.overlaps(sent.slot)} == set(before) - set(after)
    day = await free_slots_of(
        town.office, dealer_id=garage.id, minutes=30, from_ms=TOMORROW + DAY, until_ms=TOMORROW + DAY + HOUR
    )
    assert [slot.start_ms for slot in day] == [TOMORROW + DAY, TOMORROW + DAY + 30 * MINUTE]


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"minutes": 4}, "minutes"), ({"minutes": 721}, "minutes"), ({"until_ms": NOW + 400 * DAY}, "until_ms")],
)
async def test_a_question_for_free_slots_names_the_field_that_is_wrong(
    town: Town, garage: Garage, changes: dict[str, int], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await free_slots_of(town.office, **({"dealer_id": garage.id, "minutes": 60} | changes))  # type: ignore[arg-type]
    assert refused.value.field == field


async def test_a_dealer_that_is_not_there_has_nothing_free(town: Town) -> None:
    with pytest.raises(NotFound):
        await free_slots_of(town.office, dealer_id="nobody's", minutes=60)


async def approve(town: Town, **changes: Any) -> Dealer:
    about: dict[str, Any] = {
        "name": "Garage",
        "address": "1 Example Street",
        "hours": OpeningHours("Europe/Berlin", {"mon": (time(8), time(17))}),
        "bays": 2,
        "advisor_name": "Advisor",
        "advisor_email": "advisor@example.test",
        "advisor_password": PASSWORD,
    }
    dealer, _ = await approve_dealer(town.office, **(about | changes))
    return dealer


async def test_an_approved_dealer_has_bays_and_a_secret_only_if_it_takes_webhooks(town: Town) -> None:
    with_hook = await approve(town, webhook_url="https://garage.example/hook")
    without = await approve(town, advisor_email="other@example.test")
    assert with_hook.bays == ("bay-01", "bay-02")
    assert with_hook.webhook_secret
    assert without.webhook_secret == ""
    assert {dealer.dealer_id for dealer in await dealers(town.office)} == {with_hook.dealer_id, without.dealer_id}


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"bays": 0}, "bays"), ({"bays": 100}, "bays"), ({"advisor_email": "nowhere"}, "email")],
)
async def test_an_approval_names_the_field_that_is_wrong(town: Town, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await approve(town, **changes)
    assert refused.value.field == field
    assert await dealers(town.office) == []


async def test_an_advisor_whose_address_is_taken_makes_no_dealer(town: Town, garage: Garage) -> None:
    with pytest.raises(Conflict):
        await approve(town, advisor_email=garage.advisor.email)
    assert [dealer.dealer_id for dealer in await dealers(town.office)] == [garage.id]
