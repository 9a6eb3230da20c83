"""A label that is learnt is judged once, against what was last told of that part, and kept for a while."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.judged_label import JudgedLabel, Promise
from domain.prediction import ItemKind
from domain.service_record import ServiceOutcome, ServiceRecord, TrainingExample
from tests.support.labels import battery_example, pads_example
from tests.support.moments import DAY, NOW
from tests.support.predictions import wear
from tests.support.town import BATTERY, PADS, Household, Town
from workflow.learning import KEPT_MS, record_label


async def learn(town: Town, example: TrainingExample, **more: bool) -> None:
    await record_label(town.office, example, "8-afterwards", **more)


async def ledger(town: Town, home: Household) -> list[JudgedLabel]:
    async with town.records.unit_of_work() as uow:
        return await uow.judged_labels.of_vehicle(home.car_id)


async def serve(town: Town, home: Household, item: str, outcome: ServiceOutcome, performed_ms: int) -> None:
    async with town.records.unit_of_work() as uow:
        record = ServiceRecord(f"r-{performed_ms}", home.car_id, item, outcome, performed_ms, 1)
        await uow.service_records.add(record, None)


async def test_what_was_predicted_and_what_was_measured_stand_side_by_side(town: Town, home: Household) -> None:
    need = await town.need(home)
    example = pads_example(vehicle_id=home.car_id, known_ms=NOW + DAY)
    await learn(town, example)
    (label,) = await ledger(town, home)
    assert (label.label_id, label.item, label.kind, label.known_ms) == (
        example.label_id,
        PADS,
        ItemKind.WEAR,
        NOW + DAY,
    )
    assert (label.target, label.predicted, label.lower, label.upper, label.coverage) == (8.0, 8.3, 7.5, 9.1, 0.9)
    assert (label.measured, label.unit, label.model_version) == (4.0, "mm", "7-abcdef01")
    assert label.promise == Promise(need.event_ms, need.window, need.model_version)
    # 8 mm in 401 days; 1 mm is left to the limit of 3.
    assert label.found_ms == NOW + DAY + 401 * DAY // 8
    assert label.is_drifting is None


async def test_a_label_that_comes_again_changes_nothing(town: Town, home: Household) -> None:
    example = pads_example(vehicle_id=home.car_id)
    await learn(town, example)
    before = await ledger(town, home)
    await town.need(home)
    for again in (example, replace(example, target=1.0, model_version="later")):
        await learn(town, again, is_drifting=True)
    assert await ledger(town, home) == before


@pytest.mark.parametrize("is_drifting", [True, False])
async def test_what_the_learner_says_of_drift_is_kept(town: Town, home: Household, is_drifting: bool) -> None:
    await learn(town, pads_example(vehicle_id=home.car_id), is_drifting=is_drifting)
    assert [label.is_drifting for label in await ledger(town, home)] == [is_drifting]


async def test_the_promise_of_a_failure_is_its_chance_and_a_sound_item_has_no_day(town: Town, home: Household) -> None:
    need = await town.need(home, BATTERY)
    await learn(town, battery_example(vehicle_id=home.car_id))
    await learn(town, battery_example(vehicle_id=home.car_id, label_id="sound", target=0.0, known_ms=NOW + 1))
    sound, failed = await ledger(town, home)
    assert (failed.found_ms, sound.found_ms) == (NOW, None)
    assert failed.promise is not None
    assert failed.promise.probability == need.probability


async def test_without_a_need_the_promise_is_what_the_cars_page_showed(town: Town, home: Household) -> None:
    shown = wear(300, vehicle_id=home.car_id)
    await town.predict(shown)
    await learn(town, pads_example(vehicle_id=home.car_id))
    assert [label.promise for label in await ledger(town, home)] == [Promise(NOW, shown.window, "pads-7")]


@pytest.mark.parametrize("changes", [{"is_ready": False}, {"event_ms": NOW + 1}])
async def test_what_was_not_said_or_said_too_late_is_no_promise(
    town: Town, home: Household, changes: dict[str, int]
) -> None:
    await town.predict(wear(300, **({"vehicle_id": home.car_id} | changes)))
    await learn(town, pads_example(vehicle_id=home.car_id))
    assert [label.promise for label in await ledger(town, home)] == [None]


@pytest.mark.parametrize(("outcome", "is_about_it"), [(ServiceOutcome.REPLACED, False), (ServiceOutcome.OK, True)])
async def test_what_was_told_of_the_part_before_is_no_promise_of_this_one(
    town: Town, home: Household, outcome: ServiceOutcome, is_about_it: bool
) -> None:
    await town.need(home)
    await serve(town, home, PADS, outcome, NOW + DAY)
    await serve(town, home, PADS, ServiceOutcome.REPLACED, NOW + 9 * DAY)
    await learn(town, pads_example(vehicle_id=home.car_id, known_ms=NOW + 9 * DAY))
    assert [label.promise is not None for label in await ledger(town, home)] == [is_about_it]


async def test_a_label_from_before_they_said_more_is_judged_by_what_it_says(town: Town, home: Household) -> None:
    await learn(town, TrainingExample("old", home.car_id, PADS, NOW, {}, 8.0, predicted=8.3, lower=7.5, upper=9.1))
    (label,) = await ledger(town, home)
    assert (label.is_inside, label.model_version, label.measured, label.found_ms) == (True, "", None, None)


async def test_an_item_that_the_catalogue_no_longer_has_is_told_and_not_judged(town: Town, home: Household) -> None:
    await learn(town, pads_example(vehicle_id=home.car_id, item="flux_capacitor"))
    assert await ledger(town, home) == []
    async with town.records.unit_of_work() as uow:
        assert "label-learned" in await uow.timeline.count()


async def test_labels_are_kept_for_five_years(town: Town, home: Household) -> None:
    await learn(town, pads_example(vehicle_id=home.car_id, label_id="first"))
    town.later(KEPT_MS)
    await learn(town, pads_example(vehicle_id=home.car_id, label_id="second", known_ms=NOW + KEPT_MS))
    assert [label.label_id for label in await ledger(town, home)] == ["second", "first"]
    town.later(1)
    await learn(town, pads_example(vehicle_id=home.car_id, label_id="third", known_ms=NOW + KEPT_MS + 1))
    assert [label.label_id for label in await ledger(town, home)] == ["third", "second"]
