"""Predictions make needs, once each however often they come; owners are reminded only while they want to be."""

from __future__ import annotations

from dataclasses import asdict, replace
from itertools import permutations

import pytest

from domain.consent import Purpose
from domain.errors import Conflict, InvalidInput, NotFound, TryAgain
from domain.need import NeedState
from domain.prediction import Prediction
from domain.service_record import ServiceOutcome
from tests.support.moments import DAY, HOUR, NOW
from tests.support.outlets import KeptReminders
from tests.support.predictions import hazard, wear
from tests.support.town import BATTERY, PADS, Household, Town
from workflow.consents import consents_of, grant_consent, withdraw_consent
from workflow.dossiers import car_dossier
from workflow.enrol import PastService, record_service_history
from workflow.needs import dismiss, record_predictions, snooze, wake_snoozed
from workflow.ports import UnitOfWork
from workflow.reminders import dispatch_reminders


def pads(home: Household, days: float | None, n: int = 0, **changes: object) -> Prediction:
    """The n-th prediction, a day and a half after the one before."""
    return wear(days, event_ms=NOW + n * 36 * HOUR, seq=n, vehicle_id=home.car_id, **changes)


async def told(town: Town, home: Household) -> list[str]:
    """Kinds of the car's events, oldest first."""
    async with town.records.unit_of_work() as uow:
        return [event.kind for event in reversed(await uow.timeline.of_vehicle(home.car_id))]


async def end_reminders(town: Town, home: Household) -> None:
    for grant in await consents_of(town.office, home.id):
        if grant.purpose is Purpose.REMINDERS:
            await withdraw_consent(town.office, customer_id=home.id, grant_id=grant.grant_id)


# Needs.


async def test_a_prediction_within_the_window_opens_a_need_and_keeps_its_evidence(town: Town, home: Household) -> None:
    await town.predict(pads(home, 20))
    need = await town.live_need(home)
    assert (need.state, need.prediction_id) == (NeedState.OPEN, pads(home, 20).id)
    async with town.records.unit_of_work() as uow:
        assert await uow.assessments.evidence(need.prediction_id) == pads(home, 20)
    assert "need-opened" in await told(town, home)


async def test_a_prediction_far_ahead_opens_nothing_but_is_what_screens_show(town: Town, home: Household) -> None:
    await town.predict(pads(home, 200))
    car = await car_dossier(town.office, customer_id=home.id, vehicle_id=home.car_id)
    assert (car.needs, car.assessments) == ((), (pads(home, 200),))


async def test_an_item_the_catalogue_no_longer_has_opens_nothing(town: Town, home: Household) -> None:
    await town.predict(pads(home, 3, item="carburettor"))
    car = await car_dossier(town.office, customer_id=home.id, vehicle_id=home.car_id)
    assert car.needs == ()


async def test_the_newest_assessment_wins_in_whatever_order_a_block_holds_them(town: Town, home: Household) -> None:
    for order in permutations([pads(home, 200, 1), pads(home, 190, 2), pads(home, 180, 3)]):
        fresh = await town.household()
        await town.predict(*(replace(p, vehicle_id=fresh.car_id) for p in order))
        car = await car_dossier(town.office, customer_id=fresh.id, vehicle_id=fresh.car_id)
        assert [a.event_ms for a in car.assessments] == [pads(home, 180, 3).event_ms]


async def test_a_car_has_at_most_one_live_need_per_item(town: Town, home: Household) -> None:
    await town.predict(pads(home, 20, 1), pads(home, 18, 2), pads(home, 5, 3))
    await town.predict(hazard(0.5, event_ms=NOW, vehicle_id=home.car_id))
    car = await car_dossier(town.office, customer_id=home.id, vehicle_id=home.car_id)
    assert sorted(need.item for need in car.needs) == [BATTERY, PADS]


async def test_predictions_that_come_again_change_nothing(town: Town, home: Household) -> None:
    history = [pads(home, days, n) for n, days in enumerate([60, 20, 10, 90, 90, 9, 90, 90, 90, 300])]
    await town.predict(*history)
    before, events = await town.latest_need(home), await told(town, home)
    assert before.state is NeedState.CLOSED
    for block in (history, history[:5], history[3:], history[::-1]):
        town.later(HOUR)
        await town.predict(*block)
        assert await town.latest_need(home) == before
        assert await told(town, home) == events


async def test_blocks_cut_anywhere_make_the_same_needs(town: Town) -> None:
    days = [60, 20, 10, 90, 90, 9, 90, 90, 90, 300, 20]
    outcomes = set()
    for cut in range(len(days)):
        home = await town.household()
        history = [pads(home, d, n) for n, d in enumerate(days)]
        await town.predict(*history[:cut])
        await town.predict(*history[cut:])
        need = await town.latest_need(home)
        outcomes.add((need.state, need.opened_ms, need.event_ms, need.prediction_id.replace(home.car_id, "")))
    assert len(outcomes) == 1


async def test_a_need_that_moves_says_so_and_keeps_the_new_evidence(town: Town, home: Household) -> None:
    await town.predict(pads(home, 20))
    await town.predict(pads(home, 10, 1))
    assert (await town.live_need(home)).prediction_id == pads(home, 10, 1).id
    async with town.records.unit_of_work() as uow:
        assert await uow.assessments.evidence(pads(home, 10, 1).id)
    assert (await told(town, home)).count("need-moved") == 1


async def test_a_need_closes_after_three_contrary_predictions_and_may_open_again(town: Town, home: Household) -> None:
    await town.predict(*(pads(home, days, n) for n, days in enumerate([20, 90, 90, 90])))
    assert (await town.latest_need(home)).state is NeedState.CLOSED
    assert (await told(town, home))[-1] == "need-closed"
    await town.predict(pads(home, 15, 4))
    assert (await town.live_need(home)).prediction_id == pads(home, 15, 4).id


async def test_a_closed_need_is_not_opened_by_an_older_prediction(town: Town, home: Household) -> None:
    await town.predict(*(pads(home, days, n) for n, days in enumerate([20, 90, 90, 90], start=5)))
    await town.predict(pads(home, 1, 2))
    assert (await town.latest_need(home)).state is NeedState.CLOSED


@pytest.mark.parametrize("outcome", ServiceOutcome)
async def test_a_prediction_that_did_not_know_the_newest_service_opens_and_moves_nothing(
    town: Town, home: Household, outcome: ServiceOutcome
) -> None:
    served_ms = NOW + HOUR // 2
    town.later(2 * DAY)
    await record_service_history(
        town.office,
        customer_id=home.id,
        vehicle_id=home.car_id,
        records=[PastService(PADS, outcome, served_ms, 60_000_000, 4.0, "mm")],
    )
    await town.predict(pads(home, 2, 1))
    async with town.records.unit_of_work() as uow:
        assert await uow.needs.live(home.car_id, PADS) is None
    await town.predict(pads(home, 2, 2, served_ms=served_ms))
    need = await town.live_need(home)
    await town.predict(pads(home, 12, 3))
    assert await town.live_need(home) == need


# One visit for what is near.


def beside(home: Household, days: float, n: int) -> Prediction:
    """The n-th prediction for the oil, which comes in the same row as the pads'."""
    return replace(pads(home, days, n), item="engine_oil", id=f"{home.car_id}/boot-1/{n}/engine_oil")


async def test_what_is_better_seen_to_at_one_visit_is_called_at_once_in_one_message(
    town: Town, home: Household
) -> None:
    await record_predictions(town.office, [[beside(home, 45, 0), pads(home, 60, 0)]])
    async with town.records.unit_of_work() as uow:
        assert await uow.needs.live_of({home.car_id}) == [], "neither is called for by itself"
    await record_predictions(town.office, [[beside(home, 43, 1), pads(home, 30, 1)]])
    async with town.records.unit_of_work() as uow:
        found = {need.item: need for need in await uow.needs.live_of({home.car_id})}
    assert found.keys() == {PADS, "engine_oil"}
    joined = found["engine_oil"].call
    assert joined is not None and joined.call_by_ms is not None and joined.call_by_ms > found["engine_oil"].event_ms
    mail = KeptReminders()
    assert await dispatch_reminders(town.office, mail) == 1
    ((_, reminder, _),) = mail.kept
    assert set(reminder.need_ids) == {need.need_id for need in found.values()}


async def test_what_joins_does_not_hang_on_how_rows_are_cut_or_come_again(town: Town) -> None:
    says = [(60, 70), (43, 45), (34, 38), (30, 37), (44, 30), (90, 90)]
    outcomes = set()
    for cut in range(len(says)):
        home = await town.household()
        rows = [[beside(home, oil, n), pads(home, pad, n)] for n, (oil, pad) in enumerate(says)]
        for block in (rows[:cut], rows[cut:], rows[: cut + 1], rows):
            await record_predictions(town.office, block)
        async with town.records.unit_of_work() as uow:
            found = await uow.needs.live_of({home.car_id})
        outcomes.add(tuple(sorted((need.item, need.need_id.replace(home.car_id, "")) for need in found)))
    assert len(outcomes) == 1


async def test_nothing_joins_a_visit_that_is_booked_already(town: Town, home: Household) -> None:
    need = await town.need(home)
    async with town.records.unit_of_work() as uow:
        await uow.needs.update(need.to(NeedState.BOOKED, NOW))
    await record_predictions(town.office, [[beside(home, 40, 3)]])
    async with town.records.unit_of_work() as uow:
        assert await uow.needs.live(home.car_id, "engine_oil") is None


async def test_why_a_need_was_called_for_on_its_day_stands_in_its_event(town: Town, home: Household) -> None:
    await town.predict(pads(home, 20))
    call = (await town.live_need(home)).call
    async with town.records.unit_of_work() as uow:
        (opened,) = [e for e in await uow.timeline.of_vehicle(home.car_id) if e.kind == "need-opened"]
    assert call is not None and call.cost_now is not None and call.cost_later is not None
    assert call.cost_now < call.cost_later
    assert {name: opened.data[name] for name in asdict(call)} == asdict(call)


# The owner's word.


async def test_a_dismissed_need_comes_back_on_new_evidence_only(town: Town, home: Household) -> None:
    await town.predict(pads(home, 25))
    need = await town.live_need(home)
    await dismiss(town.office, customer_id=home.id, need_id=need.need_id, reason="done last week")
    await town.predict(pads(home, 25, 1), pads(home, 20, 2), pads(home, 15, 3))
    dismissed = await town.latest_need(home)
    assert (dismissed.need_id, dismissed.state, dismissed.end_reason) == (
        need.need_id,
        NeedState.DISMISSED,
        "done last week",
    )
    await town.predict(pads(home, 5, 4))
    assert (await town.live_need(home)).need_id != need.need_id


async def test_after_a_renewal_a_dismissal_is_forgotten(town: Town, home: Household) -> None:
    await town.predict(pads(home, 25))
    need = await town.live_need(home)
    await dismiss(town.office, customer_id=home.id, need_id=need.need_id, reason="will see to it")
    served_ms = town.later(DAY)
    await record_service_history(
        town.office,
        customer_id=home.id,
        vehicle_id=home.car_id,
        records=[PastService(PADS, ServiceOutcome.REPLACED, served_ms, 61_000_000)],
    )
    await town.predict(pads(home, 24, 500, served_ms=served_ms))
    assert (await town.live_need(home)).state is NeedState.OPEN


async def test_the_owners_words_stay_out_of_what_is_told(town: Town, home: Household) -> None:
    need = await town.need(home)
    await dismiss(town.office, customer_id=home.id, need_id=need.need_id, reason="CANARY words")
    async with town.records.unit_of_work() as uow:
        assert "CANARY" not in repr(await uow.timeline.of_vehicle(home.car_id))


@pytest.mark.parametrize("reason", ["", "  ", "no", "x" * 301])
async def test_a_dismissal_says_why_in_a_few_words(town: Town, home: Household, reason: str) -> None:
    need = await town.need(home)
    with pytest.raises(InvalidInput) as refused:
        await dismiss(town.office, customer_id=home.id, need_id=need.need_id, reason=reason)
    assert refused.value.field == "reason"


@pytest.mark.parametrize("ahead_ms", [0, -HOUR, 181 * DAY])
async def test_a_snooze_ends_in_the_future_within_half_a_year(town: Town, home: Household, ahead_ms: int) -> None:
    need = await town.need(home)
    with pytest.raises(InvalidInput) as refused:
        await snooze(town.office, customer_id=home.id, need_id=need.need_id, until_ms=NOW + ahead_ms)
    assert refused.value.field == "until_ms"


async def test_a_need_is_its_owners_alone(town: Town, home: Household) -> None:
    need, other = await town.need(home), await town.owner()
    with pytest.raises(NotFound):
        await snooze(town.office, customer_id=other.customer_id, need_id=need.need_id, until_ms=NOW + DAY)
    with pytest.raises(NotFound):
        await dismiss(town.office, customer_id=other.customer_id, need_id=need.need_id, reason="not mine")
    with pytest.raises(NotFound):
        await dismiss(town.office, customer_id=home.id, need_id="nobody's", reason="not there")


async def test_a_need_that_is_over_is_neither_snoozed_nor_dismissed(town: Town, home: Household) -> None:
    need = await town.need(home)
    await dismiss(town.office, customer_id=home.id, need_id=need.need_id, reason="done elsewhere")
    with pytest.raises(Conflict):
        await dismiss(town.office, customer_id=home.id, need_id=need.need_id, reason="done elsewhere")
    with pytest.raises(Conflict):
        await snooze(town.office, customer_id=home.id, need_id=need.need_id, until_ms=NOW + DAY)


# Reminders.


async def test_an_owner_is_reminded_once_of_a_new_need(town: Town, home: Household) -> None:
    need, mail = await town.need(home), KeptReminders()
    assert await dispatch_reminders(town.office, mail) == 1
    assert await dispatch_reminders(town.office, mail) == 0
    ((customer, reminder, _),) = mail.kept
    assert (customer, reminder.need_ids) == (home.owner, (need.need_id,))
    assert need.reason in reminder.text
    assert (await town.live_need(home)).state is NeedState.REMINDED
    assert (await told(town, home))[-1] == "owner-reminded"


async def test_without_consent_to_reminders_no_message_is_even_written(town: Town) -> None:
    home = await town.household(purposes=(Purpose.PREDICTION,))
    await town.need(home)
    async with town.records.unit_of_work() as uow:
        assert await uow.outbox.claim("reminder", 10, town.wall.now_ms(), 1) == []
    assert (await town.live_need(home)).state is NeedState.OPEN


async def test_a_reminder_does_not_leave_after_the_consent_is_withdrawn(town: Town, home: Household) -> None:
    await town.need(home)
    await end_reminders(town, home)
    mail = KeptReminders()
    assert await dispatch_reminders(town.office, mail) == 0
    town.later(DAY)
    await grant_consent(town.office, customer_id=home.id, vehicle_id=home.car_id, purpose=Purpose.REMINDERS)
    assert await dispatch_reminders(town.office, mail) == 0
    assert mail.kept == []
    assert (await town.live_need(home)).state is NeedState.OPEN


async def test_a_reminder_of_a_need_that_no_longer_stands_does_not_leave(town: Town, home: Household) -> None:
    need, mail = await town.need(home), KeptReminders()
    await dismiss(town.office, customer_id=home.id, need_id=need.need_id, reason="done elsewhere")
    assert await dispatch_reminders(town.office, mail) == 0
    assert mail.kept == []


async def test_a_reminder_waits_for_a_mailbox_that_is_away(town: Town, home: Household) -> None:
    await town.need(home)
    mail = KeptReminders(is_away=True)
    assert await dispatch_reminders(town.office, mail) == 0
    assert (await town.live_need(home)).state is NeedState.OPEN
    mail.is_away = False
    assert await dispatch_reminders(town.office, mail) == 0, "it waits a moment before it tries again"
    town.later(HOUR)
    assert await dispatch_reminders(town.office, mail) == 1


async def test_nobody_is_reminded_of_a_car_that_nobody_owns(town: Town) -> None:
    car, _ = await town.car()
    await town.predict(wear(10, vehicle_id=car.vehicle_id))
    mail = KeptReminders()
    assert await dispatch_reminders(town.office, mail) == 0


async def test_a_snoozed_need_wakes_and_is_reminded_of_again(town: Town, home: Household) -> None:
    need, mail = await town.need(home), KeptReminders()
    await dispatch_reminders(town.office, mail)
    await snooze(town.office, customer_id=home.id, need_id=need.need_id, until_ms=NOW + 2 * DAY)
    town.later(DAY)
    assert await wake_snoozed(town.office) == 0
    town.later(DAY)
    assert await wake_snoozed(town.office) == 1
    assert await wake_snoozed(town.office) == 0
    assert await dispatch_reminders(town.office, mail) == 1
    assert len({letter.letter_id for _, letter, _ in mail.kept}) == 2


async def test_a_snooze_holds_back_a_reminder_that_had_not_left(town: Town, home: Household) -> None:
    need, mail = await town.need(home), KeptReminders()
    await snooze(town.office, customer_id=home.id, need_id=need.need_id, until_ms=NOW + 2 * DAY)
    assert await dispatch_reminders(town.office, mail) == 0
    assert (await town.live_need(home)).state is NeedState.SNOOZED


async def test_a_woken_need_is_reminded_only_when_the_message_was_delivered(town: Town, home: Household) -> None:
    need, mail = await town.need(home), KeptReminders(is_away=True)
    await snooze(town.office, customer_id=home.id, need_id=need.need_id, until_ms=NOW + DAY)
    town.later(DAY)
    await wake_snoozed(town.office)
    await dispatch_reminders(town.office, mail)
    assert (await town.live_need(home)).state is NeedState.SNOOZED
    mail.is_away = False
    town.later(HOUR)
    await dispatch_reminders(town.office, mail)
    assert (await town.live_need(home)).state is NeedState.REMINDED


async def test_who_was_reminded_is_told_when_a_need_has_closed(town: Town, home: Household) -> None:
    await town.need(home)
    mail = KeptReminders()
    await dispatch_reminders(town.office, mail)
    for step in range(1, 4):
        await town.predict(wear(300, event_ms=NOW + 2 * step * DAY, seq=step, vehicle_id=home.car_id))
    assert (await town.latest_need(home)).state is NeedState.CLOSED
    assert await dispatch_reminders(town.office, mail) == 1
    _, reminder, _ = mail.kept[-1]
    assert reminder.is_all_clear
    assert "no longer due" in reminder.text


async def test_a_need_that_closes_before_anybody_heard_of_it_closes_in_silence(town: Town, home: Household) -> None:
    await town.need(home)
    for step in range(1, 4):
        await town.predict(wear(300, event_ms=NOW + 2 * step * DAY, seq=step, vehicle_id=home.car_id))
    mail = KeptReminders()
    assert await dispatch_reminders(town.office, mail) == 0


async def test_a_reminder_that_left_is_recorded_though_the_need_moved_meanwhile(town: Town, home: Household) -> None:
    need, mail = await town.need(home), KeptReminders()
    tries = 0
    opened = town.office.unit_of_work

    def contested() -> UnitOfWork:
        nonlocal tries
        tries += 1
        if tries == 3:  # the first claims, the second looks, the third records
            raise TryAgain("others were changing the same things at the same time")
        return opened()

    assert await dispatch_reminders(replace(town.office, unit_of_work=contested), mail) == 1
    assert tries == 4
    assert len(mail.kept) == 1
    assert (await town.live_need(home)).state is NeedState.REMINDED, need.need_id
