"""Who signs in: one error for every way of being wrong, links that work once, sessions that end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.errors import Conflict, Forbidden, InvalidInput, NotFound, TooManyTries, Unauthenticated
from domain.people import Role
from domain.reminder_policy import ReminderPolicy
from tests.support.moments import DAY
from tests.support.outlets import KeptReminders
from tests.support.town import PASSWORD, Garage, Household, Town
from workflow import identity
from workflow.access import Caller, admit, require_dealer, require_owner
from workflow.identity import (
    LINK_MS,
    SESSION_MS,
    add_operator,
    caller_of,
    make_sign_in_link,
    redeem_sign_in_link,
    register_customer,
    sign_in,
    sign_out,
)
from workflow.reminders import dispatch_reminders
from workflow.sale import sell_vehicle


async def test_an_owner_signs_in_with_their_own_password(town: Town, home: Household) -> None:
    signed = await sign_in(town.office, email=f"  {home.owner.email.upper()} ", password=PASSWORD)
    caller = await caller_of(town.office, signed.token)
    assert (caller.role, caller.customer_id, caller.name) == (Role.OWNER, home.id, home.owner.name)
    assert require_owner(caller) == home.id


async def test_a_dealer_and_an_operator_are_who_they_are(town: Town, garage: Garage) -> None:
    operator = await add_operator(town.office, name="Operator", email="ops@example.test", password=PASSWORD)
    advisor = await caller_of(
        town.office, (await sign_in(town.office, email=garage.advisor.email, password=PASSWORD)).token
    )
    signed = await sign_in(town.office, email=operator.email, password=PASSWORD)
    assert require_dealer(advisor) == garage.id
    assert advisor.customer_id is None
    admit("operators.read_funnel", await caller_of(town.office, signed.token))


async def test_a_wrong_password_and_an_unknown_address_cannot_be_told_apart(town: Town, home: Household) -> None:
    with pytest.raises(Unauthenticated) as wrong:
        await sign_in(town.office, email=home.owner.email, password="another password")
    with pytest.raises(Unauthenticated) as unknown:
        await sign_in(town.office, email="nobody@example.test", password=PASSWORD)
    assert str(wrong.value) == str(unknown.value)


async def test_an_unknown_address_never_signs_in_not_even_with_the_decoys_password(town: Town) -> None:
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await sign_in(town.office, email="nobody@example.test", password="no account has this password")


async def test_an_address_is_registered_once_in_whatever_case(town: Town, home: Household) -> None:
    with pytest.raises(Conflict):
        await register_customer(town.office, name="Other", email=home.owner.email.upper(), password=PASSWORD)


@pytest.mark.parametrize(
    ("name", "email", "password", "field"),
    [
        ("Owner", "no address", PASSWORD, "email"),
        ("Owner", "@example.test", PASSWORD, "email"),
        ("Owner", "owner@", PASSWORD, "email"),
        ("Owner", "own er@example.test", PASSWORD, "email"),
        ("Owner", "o" * 250 + "@example.test", PASSWORD, "email"),
        ("Owner", "owner@example.test", "too short", "password"),
        ("Owner", "owner@example.test", "x" * 201, "password"),
        ("   ", "owner@example.test", PASSWORD, "name"),
    ],
)
async def test_a_registration_names_the_field_that_is_wrong(
    town: Town, name: str, email: str, password: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await register_customer(town.office, name=name, email=email, password=password)
    assert refused.value.field == field
    assert refused.value.fix


async def test_a_session_ends_after_its_time(town: Town, home: Household) -> None:
    signed = await sign_in(town.office, email=home.owner.email, password=PASSWORD)
    assert signed.expires_ms == town.wall.now_ms() + SESSION_MS
    town.wall.set(signed.expires_ms - 1)
    await caller_of(town.office, signed.token)
    town.wall.set(signed.expires_ms)
    with pytest.raises(Unauthenticated, match="run out"):
        await caller_of(town.office, signed.token)


async def test_a_session_is_measured_by_the_wall_clock_however_fast_days_go_by(town: Town, home: Household) -> None:
    signed = await sign_in(town.office, email=home.owner.email, password=PASSWORD)
    town.clock.set(town.clock.now_ms() + 400 * SESSION_MS)
    assert await caller_of(town.office, signed.token)


async def test_signing_out_ends_the_session_at_once(town: Town, home: Household) -> None:
    signed = await sign_in(town.office, email=home.owner.email, password=PASSWORD)
    await sign_out(town.office, signed.token)
    with pytest.raises(Unauthenticated):
        await caller_of(town.office, signed.token)


async def test_a_token_nobody_was_given_is_nobody(town: Town) -> None:
    with pytest.raises(Unauthenticated):
        await caller_of(town.office, "made up")


async def test_a_link_signs_in_once(town: Town, garage: Garage) -> None:
    token = await make_sign_in_link(town.office, garage.advisor.account_id)
    signed = await redeem_sign_in_link(town.office, token)
    assert signed.account.dealer_id == garage.id
    assert (await caller_of(town.office, signed.token)).dealer_id == garage.id
    with pytest.raises(Unauthenticated, match="used already"):
        await redeem_sign_in_link(town.office, token)


async def test_a_link_runs_out(town: Town, garage: Garage) -> None:
    token = await make_sign_in_link(town.office, garage.advisor.account_id)
    town.wall.set(town.wall.now_ms() + LINK_MS)
    with pytest.raises(Unauthenticated):
        await redeem_sign_in_link(town.office, token)


async def test_a_link_is_no_session_and_a_session_no_link(town: Town, garage: Garage) -> None:
    link = await make_sign_in_link(town.office, garage.advisor.account_id)
    with pytest.raises(Unauthenticated):
        await caller_of(town.office, link)
    signed = await sign_in(town.office, email=garage.advisor.email, password=PASSWORD)
    with pytest.raises(Unauthenticated):
        await redeem_sign_in_link(town.office, signed.token)
    assert await caller_of(town.office, signed.token)


async def test_nobody_gets_a_link_for_nobody(town: Town) -> None:
    with pytest.raises(NotFound):
        await make_sign_in_link(town.office, "nobody")


@pytest.mark.parametrize("role", Role)
def test_each_door_lets_in_its_own_role_only(role: Role) -> None:
    caller = Caller("account-1", role, customer_id="owner-1", dealer_id="dealer-1")
    opened = set()
    for name, door in (("owner", require_owner), ("dealer", require_dealer)):
        try:
            door(caller)
        except Forbidden:
            continue
        opened.add(name)
    doors = {Role.OWNER: {"owner"}, Role.ADVISOR: {"dealer"}, Role.MACHINE: {"dealer"}, Role.OPERATOR: set[str]()}
    assert opened == doors[role]


def test_a_role_without_its_party_opens_nothing() -> None:
    with pytest.raises(Forbidden):
        require_owner(Caller("account-1", Role.OWNER))
    with pytest.raises(Forbidden):
        require_dealer(Caller("account-1", Role.ADVISOR))


class TestAccess:
    """Another password, and signing out everywhere: at once, and its owner hears of it."""

    async def sessions(self, town: Town, home: Household, count: int) -> list[str]:
        return [
            (await identity.sign_in(town.office, email=home.owner.email, password=PASSWORD)).token for _ in range(count)
        ]

    async def test_another_password_ends_all_other_sessions(self, town: Town, home: Household) -> None:
        mine, other = await self.sessions(town, home, 2)
        account_id = (await identity.caller_of(town.office, mine)).account_id
        await identity.change_password(
            town.office, account_id=account_id, current=PASSWORD, new="quite another one", token=mine
        )
        assert (await identity.caller_of(town.office, mine)).account_id == account_id
        with pytest.raises(Unauthenticated):
            await identity.caller_of(town.office, other)
        with pytest.raises(Unauthenticated):
            await identity.sign_in(town.office, email=home.owner.email, password=PASSWORD)
        assert (await identity.sign_in(town.office, email=home.owner.email, password="quite another one")).token

    async def test_who_does_not_know_the_password_changes_nothing_and_is_slowed_down(
        self, town: Town, home: Household
    ) -> None:
        (mine,) = await self.sessions(town, home, 1)
        account_id = (await identity.caller_of(town.office, mine)).account_id
        refused: list[type[Exception]] = []
        for _ in range(12):
            with pytest.raises((Unauthenticated, TooManyTries)) as caught:
                await identity.change_password(
                    town.office, account_id=account_id, current="a wrong guess", new="quite another one"
                )
            refused.append(caught.type)
        assert refused[0] is Unauthenticated and TooManyTries in refused
        town.later(DAY)
        assert (await identity.sign_in(town.office, email=home.owner.email, password=PASSWORD)).token

    @pytest.mark.parametrize("new", ["short", PASSWORD, "x" * 201])
    async def test_a_new_password_must_be_one(self, town: Town, home: Household, new: str) -> None:
        (mine,) = await self.sessions(town, home, 1)
        account_id = (await identity.caller_of(town.office, mine)).account_id
        with pytest.raises(InvalidInput) as refused:
            await identity.change_password(town.office, account_id=account_id, current=PASSWORD, new=new)
        assert refused.value.field == "new" and refused.value.fix

    async def test_signing_out_everywhere_ends_links_too(self, town: Town, home: Household) -> None:
        tokens = await self.sessions(town, home, 3)
        account_id = (await identity.caller_of(town.office, tokens[0])).account_id
        link = await identity.make_sign_in_link(town.office, account_id)
        await identity.sign_out_everywhere(town.office, account_id=account_id)
        for token in tokens:
            with pytest.raises(Unauthenticated):
                await identity.caller_of(town.office, token)
        with pytest.raises(Unauthenticated):
            await identity.redeem_sign_in_link(town.office, link)

    async def test_the_owner_hears_of_it_at_any_hour_and_without_any_consent(self, town: Town) -> None:
        home = await town.household(purposes=())
        town.office = replace(town.office, reminder_policy=ReminderPolicy(0, 23, 100 * DAY))
        (mine,) = await self.sessions(town, home, 1)
        account_id = (await identity.caller_of(town.office, mine)).account_id
        await identity.change_password(
            town.office, account_id=account_id, current=PASSWORD, new="quite another one", token=mine
        )
        town.later(1)
        await identity.sign_out_everywhere(town.office, account_id=account_id)
        town.later(1)
        await sell_vehicle(town.office, customer_id=home.id, vehicle_id=home.car_id)
        mail = KeptReminders()
        assert await dispatch_reminders(town.office, mail) == 1
        letter = mail.kept[0][1]
        assert letter.is_notice and letter.need_ids == ()
        said = letter.with_links("https://pitcall.example")
        for words in ("another password", "were ended", "given away", "https://pitcall.example/owner/account"):
            assert words in said

    async def test_of_a_dealers_account_nobody_else_is_told(self, town: Town, garage: Garage) -> None:
        await identity.sign_out_everywhere(town.office, account_id=garage.advisor.account_id)
        mail = KeptReminders()
        assert await dispatch_reminders(town.office, mail) == 0
