"""Predictions become assessments and needs; owners snooze and dismiss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from domain.consent import Purpose
from domain.errors import InvalidInput, NotFound
from domain.language import DEFAULT, language_of
from domain.need import MaintenanceNeed, NeedRule, NeedState, is_new_evidence, open_need, weigh
from domain.prediction import Prediction
from models.wording import wording_of
from workflow.history import tell
from workflow.outbox_rows import Reminder
from workflow.ports import Office, UnitOfWork
from workflow.seat import owner_to_act_for

DISMISSAL_LENGTH = (3, 300)


async def record_predictions(office: Office, rows: Sequence[Sequence[Prediction]]) -> None:
    """One block of predictions: newest assessments, and what they make of needs; safe to repeat.

    A row is what was told of one car from one cause. Its items are weighed together, so that those that are better
    seen to at one visit are called at once, however the rows are cut into blocks.
    """
    now = office.clock.now_ms()
    predictions = [prediction for row in rows for prediction in row]
    async with office.unit_of_work() as uow:
        newest = {(p.vehicle_id, p.item): p for p in sorted(predictions, key=lambda p: p.event_ms)}
        await uow.assessments.upsert(list(newest.values()))
        live: dict[str, dict[str, MaintenanceNeed]] = {p.vehicle_id: {} for p in predictions}
        for need in await uow.needs.live_of(set(live)):
            live[need.vehicle_id][need.item] = need
        for row in rows:
            if row:
                await _weigh_row(uow, office, row, live[row[0].vehicle_id], now)


async def _weigh_row(
    uow: UnitOfWork, office: Office, row: Sequence[Prediction], live: dict[str, MaintenanceNeed], now: int
) -> None:
    """Move, close and open a car's needs, which `live` has by item; one message to the owner about what has opened."""
    opened = []
    told = [(p, office.catalogue.items[p.item].need_rule) for p in row if p.item in office.catalogue.items]
    for prediction, rule in told:
        if need := live.pop(prediction.item, None):
            need = await _weigh(uow, office, need, prediction, rule, now)
        elif rule.calls(prediction):
            need = await _open(uow, prediction, rule, now)
            opened += [need] if need else []
        if need is not None and need.state.is_live:
            live[prediction.item] = need
    for prediction, rule in told:
        is_joining = prediction.item not in live and rule.joins(prediction, _visits(live, prediction.event_ms))
        if is_joining and (need := await _open(uow, prediction, rule, now)):
            live[prediction.item] = need
            opened.append(need)
    if opened:
        await remind(uow, office, opened, now)


def _visits(live: Mapping[str, MaintenanceNeed], event_ms: int) -> list[int]:
    """The days that the car's needs are best seen to, of those whose visit is still to be arranged.

    A need that rests on what came after `event_ms` was not there then: a row that is read again joins nothing new.
    """
    calls = [n.call for n in live.values() if n.state is not NeedState.BOOKED and n.event_ms <= event_ms]
    return [call.best_day_ms for call in calls if call is not None and call.best_day_ms is not None]


async def _weigh(
    uow: UnitOfWork, office: Office, need: MaintenanceNeed, prediction: Prediction, rule: NeedRule, now: int
) -> MaintenanceNeed:
    """What a live need is after this prediction."""
    after = weigh(need, prediction, rule, now)
    if after is need or await _is_stale(uow, prediction):
        return need
    await uow.needs.update(after)
    if after.prediction_id != need.prediction_id:
        await uow.assessments.keep_evidence(prediction, "need moved", now)
        await _tell_need(uow, after, "need-moved", now, prediction.id)
    if after.state is NeedState.CLOSED:
        await _tell_need(uow, after, "need-closed", now, after.need_id)
        if after.was_reminded:
            await remind(uow, office, [after], now)
    return after


async def _open(uow: UnitOfWork, prediction: Prediction, rule: NeedRule, now: int) -> MaintenanceNeed | None:
    """The need that the prediction calls for, unless it is older than what is known, or was refused."""
    if not await _may_open(uow, prediction):
        return None
    need = open_need(f"need-{prediction.id}", prediction, rule, now)
    await uow.assessments.keep_evidence(prediction, "need opened", now)
    await uow.needs.add(need)
    await _tell_need(uow, need, "need-opened", now, need.need_id)
    return need


async def _may_open(uow: UnitOfWork, prediction: Prediction) -> bool:
    """Not on a prediction older than the last need of the item, and after a dismissal on new evidence only."""
    if await _is_stale(uow, prediction):
        return False
    latest = await uow.needs.latest(prediction.vehicle_id, prediction.item)
    if latest is None:
        return True
    if prediction.event_ms <= latest.event_ms:
        return False
    if latest.state is NeedState.DISMISSED and not await _served_since(uow, latest):
        return is_new_evidence(latest, prediction)
    return True


async def _is_stale(uow: UnitOfWork, prediction: Prediction) -> bool:
    """Whether the item was renewed by a service that the prediction did not know of."""
    records = await uow.service_records.of_vehicle(prediction.vehicle_id)
    served = max((r.performed_ms for r in records if r.item == prediction.item), default=0)
    return served > prediction.served_ms


async def _served_since(uow: UnitOfWork, need: MaintenanceNeed) -> bool:
    records = await uow.service_records.of_vehicle(need.vehicle_id)
    return any(r.item == need.item and r.performed_ms > need.updated_ms and r.outcome.renews for r in records)


async def remind(uow: UnitOfWork, office: Office, needs: Sequence[MaintenanceNeed], now: int) -> None:
    """Queue one message to the owner about these needs of one car, if the owner consented to reminders, and one to each
    driver who wants them.

    Of a need that has closed it says so: who was told that something is due is told when it no longer is.
    """
    vehicle_id = needs[0].vehicle_id
    owner_id = await uow.vehicles.owner_of(vehicle_id)
    if owner_id is None or not await uow.consents.live(vehicle_id, Purpose.REMINDERS, now):
        return
    await _remind_one(uow, office, needs, owner_id, now)
    for driving in await uow.drivers.of_vehicle(vehicle_id):
        if driving.wants_reminders:
            await _remind_one(uow, office, needs, driving.customer_id, now, is_of_driver=True)


async def _remind_one(
    uow: UnitOfWork,
    office: Office,
    needs: Sequence[MaintenanceNeed],
    customer_id: str,
    now: int,
    *,
    is_of_driver: bool = False,
) -> None:
    customer = await uow.people.customer(customer_id)
    language = language_of(customer.locale if customer else DEFAULT).code
    names = [office.catalogue.items[need.item].text(language).name for need in needs]
    is_over = all(need.state is NeedState.CLOSED for need in needs)
    lines = [
        wording_of(language)("no_longer_due", name=name) if is_over else f"{name}: {need.reason_in(language)}"
        for name, need in zip(names, needs, strict=True)
    ]
    reminder = Reminder(
        reminder_id=(
            f"{needs[0].need_id}:{'clear' if is_over else 'due'}:{needs[0].updated_ms}"
            + (f":{customer_id}" if is_of_driver else "")
        ),
        customer_id=customer_id,
        vehicle_id=needs[0].vehicle_id,
        need_ids=tuple(need.need_id for need in needs),
        subject=", ".join(names),
        text="\n".join(lines),
        is_all_clear=is_over,
        is_of_driver=is_of_driver,
    )
    await uow.outbox.put(reminder, now)


async def _tell_need(uow: UnitOfWork, need: MaintenanceNeed, kind: str, now: int, event_id: str) -> None:
    await tell(
        uow,
        kind,
        event_id=event_id,
        vehicle_id=need.vehicle_id,
        time_ms=now,
        actor="model",
        customer_id=await uow.vehicles.owner_of(need.vehicle_id),
        data={
            "need_id": need.need_id,
            "item": need.item,
            "severity": str(need.severity),
            "expected_ms": need.window.expected_ms,
            "model_version": need.model_version,
            **({} if need.call is None else asdict(need.call)),
        },
    )


async def snooze(office: Office, *, customer_id: str, need_id: str, until_ms: int) -> MaintenanceNeed:
    """The owner, or who acts for them, asks to be reminded later."""
    now = office.clock.now_ms()
    if not now < until_ms <= now + 180 * 86_400_000:
        raise InvalidInput(
            "a snooze ends in the future, within half a year", field="until_ms", fix="choose a later or nearer date"
        )
    async with office.unit_of_work() as uow:
        need, owner_id = await _to_act_on(uow, customer_id, need_id)
        need = need.to(NeedState.SNOOZED, now, until_ms=until_ms)
        await uow.needs.update(need)
        await _tell_step(uow, need, "need-snoozed", owner_id, customer_id, now)
        return need


async def dismiss(office: Office, *, customer_id: str, need_id: str, reason: str) -> MaintenanceNeed:
    """The owner, or who acts for them, says the need does not stand; it comes back on new evidence only."""
    shortest, longest = DISMISSAL_LENGTH
    if not shortest <= len(reason.strip()) <= longest:
        raise InvalidInput(
            "say in a few words why", field="reason", fix=f"{shortest} to {longest} characters, e.g. done elsewhere"
        )
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        need, owner_id = await _to_act_on(uow, customer_id, need_id)
        need = need.to(NeedState.DISMISSED, now, reason=reason.strip())
        await uow.needs.update(need)
        await _tell_step(uow, need, "need-dismissed", owner_id, customer_id, now)
        return need


async def wake_snoozed(office: Office) -> int:
    """Queue a message about snoozed needs whose time has run out; how many those were.

    The need is reminded when the message is delivered, as the first time; until then it is snoozed without an end.
    """
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        due = await uow.needs.snoozed_until(now)
        for need in due:
            woken = replace(need, snoozed_until_ms=None, updated_ms=now)
            await uow.needs.update(woken)
            await remind(uow, office, [woken], now)
    return len(due)


async def _to_act_on(uow: UnitOfWork, customer_id: str, need_id: str) -> tuple[MaintenanceNeed, str]:
    """A need of a car that the customer owns or may act for, and who owns it."""
    need = await uow.needs.get(need_id)
    if need is None:
        raise NotFound("there is no such need")
    try:
        return need, await owner_to_act_for(uow, customer_id, need.vehicle_id)
    except NotFound:
        raise NotFound("there is no such need") from None


async def _tell_step(
    uow: UnitOfWork, need: MaintenanceNeed, kind: str, owner_id: str, customer_id: str, now: int
) -> None:
    # A person's own words stay in the database, with the need.
    await tell(
        uow,
        kind,
        event_id=f"{need.need_id}:{now}",
        vehicle_id=need.vehicle_id,
        time_ms=now,
        actor="owner" if customer_id == owner_id else "driver",
        customer_id=owner_id,
        data={"need_id": need.need_id, "item": need.item},
    )
