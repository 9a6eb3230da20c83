"""What was decided leaves, once per row, and only while it may."""

from __future__ import annotations

import json

import pytest

from domain.errors import Unavailable
from domain.service_record import TrainingExample
from tests.support.moments import DAY, HOUR, NOW
from tests.support.outlets import KeptTopics, KeptWebhooks
from tests.support.town import Garage, Household, Town
from workflow.consents import withdraw_consent
from workflow.dispatch import BLOCK, LEASE_MS, RETRY_MS, dispatch_deliveries, dispatch_topics
from workflow.learning import record_label
from workflow.messages import DOMAIN_EVENTS, decode_event
from workflow.negotiate import accept, cancel, withdraw
from workflow.ports import Delivery, TopicMessage
from workflow.propose import send_proposal


async def all_topics(town: Town, topics: KeptTopics) -> int:
    went = 0
    while moved := await dispatch_topics(town.office, topics):
        went += moved
    return went


async def test_every_step_is_told_once_in_its_order(town: Town, home: Household, garage: Garage) -> None:
    await town.confirmed(home, garage)
    topics = KeptTopics()
    assert await all_topics(town, topics) == len(topics.kept)
    assert await all_topics(town, topics) == 0
    events = [decode_event(m.value) for m in topics.kept if m.topic == DOMAIN_EVENTS and m.key == home.car_id]
    kinds = [event["type"].removeprefix("pitcall.").removesuffix(".v1") for event in events]
    chain = ["need-opened", "proposal-draft", "proposal-sent", "proposal-accepted", "proposal-confirmed", "need-booked"]
    assert [kind for kind in kinds if kind in chain] == chain
    assert len({event["id"] for event in events}) == len(events)


async def test_a_log_that_is_away_loses_nothing_and_doubles_nothing(
    town: Town, home: Household, garage: Garage
) -> None:
    await town.sent(home, garage)
    topics = KeptTopics(is_away=True)
    with pytest.raises(Unavailable):
        await dispatch_topics(town.office, topics)
    topics.is_away = False
    assert await dispatch_topics(town.office, topics) == 0, "it waits a moment before it tries again"
    town.later(RETRY_MS[0])
    await all_topics(town, topics)
    ids = [decode_event(m.value)["id"] for m in topics.kept if m.topic == DOMAIN_EVENTS]
    assert len(set(ids)) == len(ids)
    assert any("proposal-sent" in event_id for event_id in ids)


async def test_rows_that_died_with_their_process_are_due_again_when_the_lease_ends(town: Town, home: Household) -> None:
    async with town.records.unit_of_work() as uow:
        leased = await uow.outbox.claim("topic", 1000, town.wall.now_ms(), LEASE_MS)
    topics = KeptTopics()
    assert await dispatch_topics(town.office, topics) == 0
    town.later(LEASE_MS)
    assert await all_topics(town, topics) == len(leased) > 0


async def test_many_rows_leave_in_blocks(town: Town) -> None:
    async with town.records.unit_of_work() as uow:
        for n in range(BLOCK + 5):
            await uow.outbox.put(TopicMessage("domain-events", f"car-{n}", b"{}"), NOW)
    topics = KeptTopics()
    assert [await dispatch_topics(town.office, topics) for _ in range(3)] == [BLOCK, 5, 0]


# Webhooks.


async def test_a_webhook_carries_what_was_granted_under_an_id_of_its_own(
    town: Town, home: Household, garage: Garage
) -> None:
    sent = await town.sent(home, garage)
    hooks = KeptWebhooks()
    assert await dispatch_deliveries(town.office, hooks) == 1
    assert await dispatch_deliveries(town.office, hooks) == 0
    ((dealer, delivery, _),) = hooks.kept
    assert (dealer.dealer_id, delivery.delivery_id) == (garage.id, f"{sent.proposal_id}:{sent.version}")
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


async def test_a_server_that_is_away_is_tried_again_under_the_same_id_ever_more_seldom(
    town: Town, home: Household, garage: Garage
) -> None:
    sent, hooks = await town.sent(home, garage), KeptWebhooks(is_away=True)
    for wait in RETRY_MS[:4]:
        assert await dispatch_deliveries(town.office, hooks) == 0
        town.wall.set(town.wall.now_ms() + wait - 1)
        hooks.is_away = False
        assert await dispatch_deliveries(town.office, hooks) == 0
        hooks.is_away = True
        town.wall.set(town.wall.now_ms() + 1)
    hooks.is_away = False
    assert await dispatch_deliveries(town.office, hooks) == 1
    assert hooks.kept[0][1].delivery_id == f"{sent.proposal_id}:{sent.version}"


async def test_a_process_that_died_after_the_delivery_repeats_its_id(
    town: Town, home: Household, garage: Garage
) -> None:
    await town.sent(home, garage)
    hooks = KeptWebhooks()

    async with town.records.unit_of_work() as uow:
        (row,) = await uow.outbox.claim("delivery", 10, town.wall.now_ms(), LEASE_MS)
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


# Labels.


async def test_a_label_is_told_once_however_often_it_is_learnt(town: Town, home: Household) -> None:
    example = TrainingExample("label-1", home.car_id, "engine_oil", NOW, {"fuel": 1.0}, 40.0)
    for _ in range(3):
        await record_label(town.office, example, "oil-8")
    async with town.records.unit_of_work() as uow:
        told = [event for event in await uow.timeline.of_vehicle(home.car_id) if event.kind == "label-learned"]
    assert [(event.data["model_version"], event.customer_id) for event in told] == [("oil-8", home.id)]
