"""What was decided leaves, once per row, and only while it may."""

from __future__ import annotations

import pytest

from domain.errors import Unavailable
from domain.service_record import TrainingExample
from tests.support.moments import NOW
from tests.support.outlets import KeptTopics
from tests.support.town import Garage, Household, Town
from workflow.dispatch import BLOCK, LEASE_MS, RETRY_MS, dispatch_topics
from workflow.learning import record_label
from workflow.messages import DOMAIN_EVENTS, decode_event
from workflow.outbox_rows import TopicMessage


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


# Labels.


async def test_a_label_is_told_once_however_often_it_is_learnt(town: Town, home: Household) -> None:
    example = TrainingExample("label-1", home.car_id, "engine_oil", NOW, {"fuel": 1.0}, 40.0)
    for _ in range(3):
        await record_label(town.office, example, "oil-8")
    async with town.records.unit_of_work() as uow:
        told = [event for event in await uow.timeline.of_vehicle(home.car_id) if event.kind == "label-learned"]
    assert [(event.data["model_version"], event.customer_id) for event in told] == [("oil-8", home.id)]
