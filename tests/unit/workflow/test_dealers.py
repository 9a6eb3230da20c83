"""Dealers are approved by an operator, and say what they have free."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest

from domain.errors import Conflict, InvalidInput
from domain.opening_hours import OpeningHours
from domain.people import Dealer
from domain.proposal import ProposalState
from tests.support.moments import DAY
from tests.support.town import PASSWORD, TOMORROW, Garage, Town
from workflow.dealers import approve_dealer, dealers

S = ProposalState
OTHER = TOMORROW + DAY
THIRD = TOMORROW + 2 * DAY


async def approve(town: Town, **changes: Any) -> Dealer:
    about: dict[str, Any] = {
        "name": "Garage",
        "address": "1 Example Street",
        "hours": OpeningHours("Europe/Berlin", {"mon": ((time(8), time(17)),)}),
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
