"""Webhooks leave only while they may, few per dealer at a time, and what fails is tried again for days."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

import pytest

from domain.delivery_state import DeliveryState
from domain.errors import Unavailable
from domain.people import Dealer
from tests.support.moments import DAY, HOUR, NOW
from tests.support.outlets import KeptWebhooks, dispatch_deliveries
from tests.support.town import Garage, Household, Town
from workflow.consents import withdraw_consent
from workflow.dealer_webhooks import deliveries, replay_given_up
from workflow.deliveries import LEASE_MS, SLOTS, Deliveries
from workflow.negotiate import accept, cancel, withdraw
from workflow.outbox_housekeeping import GIVEN_UP_KEPT_MS, LONGEST_WAIT_MS, OVER_KEPT_MS, forget_old_rows
from workflow.outbox_rows import Delivery
from workflow.propose import send_proposal


async def test_a_webhook_carries_what_was_granted_under_an_id_of_its_own(
    town: Town, home: Household, garage: Garage
) -> None:
    sent = await town.sent(home, garage)
    hooks = KeptWebhooks()
    assert await dispatch_deliveries(town.office, hooks) == 1
    assert await dispatch_deliveries(town.office, hooks) == 0
    ((dealer, delivery, _),) = hooks.kept
    assert (dealer.dealer_id, delivery.delivery_id) == (garage.id, f"{sent.proposal_id}:{sent.version}")
    assert f'"proposal":{sent.payload}}}' in delivery.body, "byte for byte what the owner was shown"
    body = json.loads(delivery.body)
    assert (body["type"], body["proposal"]) == ("proposal.sent", json.loads(sent.payload))


async def test_a_dealer_without_a_webhook_is_sent_none(town: Town, home: Household) -> None:
    await town.confirmed(home, await town.garage(webhook_url=""))
    hooks = KeptWebhooks()
    assert await dispatch_deliveries(town.office, hooks) == 0


async def test_a_dealer_is_not_told_of_its_own_answer(town: Town, home: Household, garage: Garage) -> None:
    sent, hooks = await town.sent(home, garage), KeptWebhooks()
    await accept(town.office, proposal_id=sent.proposal_id, **garage.party)
    await dispatch_deliveries(town.office, hooks)
    assert hooks.kinds == ["proposal.sent"]


async def test_a_server_that_is_away_is_tried_again_under_the_same_id_for_three_days_and_then_given_up(
    town: Town, home: Household, garage: Garage
) -> None:
    sent, hooks = await town.sent(home, garage), KeptWebhooks(is_away=True)
    begun, desk = town.wall.now_ms(), Deliveries(town.office, hooks)
    tried = 0
    while town.wall.now_ms() - begun < 5 * DAY:
        before = hooks.asked
        await desk.work_off()
        if hooks.asked > before:
            tried, last = tried + 1, town.wall.now_ms()
        town.wall.set(town.wall.now_ms() + HOUR // 4)
    assert tried == hooks.asked == len(hooks.asked_ids) > 10
    assert set(hooks.asked_ids) == {f"{sent.proposal_id}:{sent.version}"}
    assert 2.5 * DAY < last - begun < 3.8 * DAY


async def test_a_process_that_died_after_the_delivery_repeats_its_id(
    town: Town, home: Household, garage: Garage
) -> None:
    await town.sent(home, garage)
    hooks = KeptWebhooks()

    async with town.records.unit_of_work() as uow:
        (row,) = await uow.deliveries.claim(10, town.wall.now_ms(), LEASE_MS, per_dealer=9)
    assert row.delivery is not None
    await hooks.send(garage.dealer, row.delivery, NOW)
    town.later(LEASE_MS)
    await dispatch_deliveries(town.office, hooks)
    assert len(hooks.kept) == 2
    assert len({delivery.delivery_id for _, delivery, _ in hooks.kept}) == 1


async def test_without_a_live_grant_no_webhook_is_sent_and_its_content_is_gone(
    town: Town, home: Household, garage: Garage
) -> None:
    sent = await town.sent(home, garage)
    await withdraw_consent(town.office, customer_id=home.id, grant_id=sent.grant_id)
    hooks = KeptWebhooks()
    assert await dispatch_deliveries(town.office, hooks) == 1
    assert hooks.kinds == ["proposal.withdrawn"]
    town.later(30 * DAY)
    assert await dispatch_deliveries(town.office, hooks) == 0


async def test_a_grant_that_ran_out_sends_nothing_either(town: Town, home: Household, garage: Garage) -> None:
    need = await town.need(home)
    grant = await town.grant(home, garage, expires_ms=NOW + HOUR)
    draft = await town.draft(home, garage, grant, need)
    await send_proposal(town.office, customer_id=home.id, proposal_id=draft.proposal_id)
    town.later(HOUR)
    hooks = KeptWebhooks()
    assert await dispatch_deliveries(town.office, hooks) == 0
    assert hooks.kept == []


@pytest.mark.parametrize("how", ["consent", "owner", "cancel"])
async def test_a_notice_of_the_end_carries_ids_and_nothing_else(
    town: Town, home: Household, garage: Garage, how: str
) -> None:
    booked = await town.confirmed(home, garage) if how == "cancel" else await town.sent(home, garage)
    if how == "consent":
        await withdraw_consent(town.office, customer_id=home.id, grant_id=booked.grant_id)
    elif how == "owner":
        await withdraw(town.office, customer_id=home.id, proposal_id=booked.proposal_id)
    else:
        await cancel(town.office, customer_id=home.id, proposal_id=booked.proposal_id, reason="CANARY words")
    hooks = KeptWebhooks()
    await dispatch_deliveries(town.office, hooks)
    last = json.loads(hooks.kept[-1][1].body)
    assert last.keys() == {"type", "proposal_id", "version", "time_ms"}
    assert last["type"] == ("proposal.cancelled" if how == "cancel" else "proposal.withdrawn")


async def test_a_delivery_to_a_dealer_that_takes_no_webhooks_any_longer_is_dropped(town: Town, home: Household) -> None:
    garage = await town.garage(webhook_url="")
    grant = await town.grant(home, garage)
    async with town.records.unit_of_work() as uow:
        await uow.outbox.put(Delivery("d-1", garage.id, grant.grant_id, "proposal.sent", "{}"), NOW)
    hooks = KeptWebhooks()
    assert await dispatch_deliveries(town.office, hooks) == 0
    town.later(DAY)
    assert await dispatch_deliveries(town.office, hooks) == 0
    assert hooks.kept == []


# Dealers whose servers hang.


@dataclass
class SomeHang:
    """Dealers' servers of which some answer when they are let, if ever."""

    hanging: set[str]
    let: asyncio.Event = field(default_factory=asyncio.Event)
    got: list[str] = field(default_factory=list)
    at_once: dict[str, int] = field(default_factory=dict)
    most_at_once: dict[str, int] = field(default_factory=dict)

    async def send(self, dealer: Dealer, delivery: Delivery, now_ms: int) -> None:
        name = dealer.dealer_id
        self.at_once[name] = self.at_once.get(name, 0) + 1
        self.most_at_once[name] = max(self.at_once[name], self.most_at_once.get(name, 0))
        try:
            if name in self.hanging:
                await self.let.wait()
                raise Unavailable("the dealer's server took longer than 10 s")
            await asyncio.sleep(0)
            self.got.append(delivery.delivery_id)
        finally:
            self.at_once[name] -= 1


async def tell_all(town: Town, garages: list[Garage], each: int) -> None:
    async with town.records.unit_of_work() as uow:
        for garage in garages:
            for n in range(each):
                row = Delivery(f"{garage.id}/{n}", garage.id, "", "webhook.test", "{}", needs_consent=False)
                await uow.outbox.put(row, NOW)


async def test_dealers_that_hang_keep_the_others_waiting_for_nothing(town: Town) -> None:
    hang = [await town.garage() for _ in range(3)]
    well = [await town.garage() for _ in range(3)]
    # Theirs are the oldest, and more than there are slots.
    await tell_all(town, hang, SLOTS)
    await tell_all(town, well, 20)
    servers = SomeHang({garage.id for garage in hang})
    desk = Deliveries(town.office, servers)
    sending = asyncio.create_task(desk.run())
    while len(servers.got) < 60:
        assert not sending.done()
        await asyncio.sleep(0.01)
    # All healthy ones are through while each that hangs still holds the one slot it was trusted with.
    assert not servers.let.is_set()
    assert {servers.at_once[garage.id] for garage in hang} == {1}
    assert max(servers.most_at_once[garage.id] for garage in well) <= 4
    sending.cancel()
    # Its transaction ends before the records are closed.
    await asyncio.gather(sending, return_exceptions=True)
    await desk.close()


async def test_a_dealer_that_fails_again_and_again_is_left_alone_and_then_probed_once(town: Town) -> None:
    garage = await town.garage()
    await tell_all(town, [garage], 40)
    hooks = KeptWebhooks(is_away=True)
    desk = Deliveries(town.office, hooks)
    await desk.work_off()
    assert hooks.asked == 5
    town.wall.set(town.wall.now_ms() + 29_999)
    await desk.work_off()
    assert hooks.asked == 5
    town.wall.set(town.wall.now_ms() + 1)
    await desk.work_off()
    assert hooks.asked == 6
    hooks.is_away = False
    town.wall.set(town.wall.now_ms() + 60_000)
    await desk.work_off()
    assert len(hooks.kept) == 40


async def test_a_crash_between_the_answer_and_its_record_repeats_the_same_id(town: Town) -> None:
    garage = await town.garage()
    await tell_all(town, [garage], 1)
    hooks = KeptWebhooks()
    desk = Deliveries(town.office, hooks)
    await desk._turn()
    await asyncio.wait(desk._running)
    assert len(hooks.kept) == 1
    # The process ends here; another one takes over when the lease has ended.
    town.later(LEASE_MS)
    assert await dispatch_deliveries(town.office, hooks) == 1
    assert len(set(hooks.asked_ids)) == 1
    assert hooks.asked == 2


async def test_a_dealer_whose_settings_break_the_sender_fails_alone(town: Town) -> None:
    broken, sound, hooks = await town.garage(), await town.garage(), KeptWebhooks()

    class Breaking:
        async def send(self, dealer: Dealer, delivery: Delivery, now_ms: int) -> None:
            if dealer.dealer_id == broken.id:
                raise ValueError("CANARY of a secret")
            await hooks.send(dealer, delivery, now_ms)

    await tell_all(town, [broken, sound], 1)
    assert await dispatch_deliveries(town.office, Breaking()) == 1
    assert [dealer.dealer_id for dealer, _, _ in hooks.kept] == [sound.id]
    (waiting,) = (await deliveries(town.office, dealer_id=broken.id, state=DeliveryState.WAITING)).records
    assert [attempt.error for attempt in waiting.attempts] == ["it could not be sent: ValueError"]


async def test_what_was_sent_is_forgotten_after_a_week_and_what_was_given_up_after_a_month(town: Town) -> None:
    garage = await town.garage()
    await tell_all(town, [garage], 2)
    hooks = KeptWebhooks()
    await dispatch_deliveries(town.office, hooks)
    sent = town.wall.now_ms()
    await tell_all(town, [await town.garage()], 1)
    hooks.is_away = True
    desk = Deliveries(town.office, hooks)
    while not await of_state(town, DeliveryState.GIVEN_UP):
        await desk.work_off()
        town.wall.set(town.wall.now_ms() + HOUR)
    given_up = town.wall.now_ms()
    town.wall.set(sent + OVER_KEPT_MS)
    await forget_old_rows(town.office)
    assert await of_state(town, DeliveryState.DELIVERED) == 2
    town.wall.set(sent + OVER_KEPT_MS + 1)
    while await forget_old_rows(town.office):
        pass
    assert await of_state(town, DeliveryState.DELIVERED) == 0
    assert await of_state(town, DeliveryState.GIVEN_UP) == 1
    town.wall.set(given_up + GIVEN_UP_KEPT_MS)
    await forget_old_rows(town.office)
    assert await of_state(town, DeliveryState.GIVEN_UP) == 0


async def of_state(town: Town, state: DeliveryState) -> int:
    return len((await deliveries(town.office, dealer_id=None, state=state)).records)


async def test_what_waits_behind_an_open_circuit_is_given_up_too_and_a_replay_begins_afresh(town: Town) -> None:
    garage = await town.garage()
    await tell_all(town, [garage], 30)
    hooks = KeptWebhooks(is_away=True)
    await Deliveries(town.office, hooks).work_off()
    assert hooks.asked == 5
    town.wall.set(town.wall.now_ms() + LONGEST_WAIT_MS)
    await forget_old_rows(town.office)
    assert await of_state(town, DeliveryState.GIVEN_UP) == 0
    town.wall.set(town.wall.now_ms() + 1)
    await forget_old_rows(town.office)
    assert await of_state(town, DeliveryState.GIVEN_UP) == 30
    assert await replay_given_up(town.office, dealer_id=garage.id) == 30
    await forget_old_rows(town.office)
    hooks.is_away = False
    assert await dispatch_deliveries(town.office, hooks) == 30
