"""Reminders leave: what is still true, to whom still wants it, in one letter to a person, by day and not too often."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from domain.consent import Purpose
from domain.errors import Unavailable, Undeliverable
from domain.need import MaintenanceNeed, NeedState, Severity
from domain.people import Customer
from workflow.dispatch import LEASE_MS, RETRY_MS
from workflow.history import tell
from workflow.letter import Letter, letter_of
from workflow.outbox_rows import BegunLetter, OpenedLetter, OutboxRow, Reminder
from workflow.patience import patiently
from workflow.ports import Office, ReminderSender, UnitOfWork

BLOCK = 200


async def dispatch_reminders(office: Office, sender: ReminderSender) -> int:
    """Send what is due to owners; how many letters went. What waits for one person goes in one."""
    async with office.unit_of_work() as uow:
        rows = await uow.outbox.claim("reminder", BLOCK, office.wall.now_ms(), LEASE_MS)
    sent = 0
    for _, own in groupby(sorted(rows, key=lambda row: (_together(row), row.outbox_id)), key=_together):
        sent += await _remind(office, sender, list(own))
    return sent


async def open_letter(office: Office, token: str) -> OpenedLetter | None:
    """The link of a letter was followed: note that it was opened; None for a link that is none."""
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        opened = await uow.letters.opened(token, now)
        if opened is not None and opened.is_first:
            await tell(
                uow,
                "reminder-opened",
                event_id=opened.letter_id,
                vehicle_id=opened.vehicle_id,
                time_ms=now,
                actor="owner",
                customer_id=opened.customer_id,
                channel="mail",
            )
    return opened


async def _remind(office: Office, sender: ReminderSender, rows: list[OutboxRow]) -> int:
    """Send what waits for one person; how many letters went."""
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        standing = await _that_stand(uow, office, rows, now)
        customer = await uow.people.customer(_of(rows[0]).customer_id)
        if not standing or customer is None:
            return 0
        may_go_ms = await _may_go_ms(uow, office, customer, standing, now)
        if may_go_ms > now:
            for row in standing:
                at_ms = office.wall.now_ms() + may_go_ms - now
                await uow.outbox.retry(row.outbox_id, at_ms, "it is night there, or the last one was just sent")
            return 0
        letters = await _begin(uow, office, customer, standing)
    return sum([await _send(office, sender, customer, own, begun, now) for begun, own in letters])


async def _begin(
    uow: UnitOfWork, office: Office, customer: Customer, rows: Sequence[OutboxRow]
) -> list[tuple[BegunLetter, list[OutboxRow]]]:
    """Which reminders go in which letter, written down before any goes.

    What was tried before goes in the letter it was in, with nothing else: if that had arrived after all and only its
    record was lost, its outlet knows it again, and what came since is not taken for a part of it.
    """
    known = await uow.letters.begun([_of(row).reminder_id for row in rows])
    letters: dict[BegunLetter, list[OutboxRow]] = {}
    fresh: list[OutboxRow] = []
    for row in rows:
        begun_before = known.get(_of(row).reminder_id)
        (fresh if begun_before is None else letters.setdefault(begun_before, [])).append(row)
    if fresh:
        first = _of(fresh[0])
        begun = BegunLetter(first.reminder_id, office.ids.secret(16))
        ids = [_of(row).reminder_id for row in fresh]
        await uow.letters.begin(begun, ids, customer.customer_id, first.vehicle_id)
        letters[begun] = fresh
    return list(letters.items())


async def _send(
    office: Office, sender: ReminderSender, customer: Customer, rows: list[OutboxRow], begun: BegunLetter, now: int
) -> bool:
    letter = letter_of(customer, [_of(row) for row in rows], begun)
    try:
        await sender.send(customer, letter, now)
    except Unavailable as error:
        async with office.unit_of_work() as uow:
            for row in rows:
                wait = RETRY_MS[min(row.attempts, len(RETRY_MS) - 1)]
                await uow.outbox.retry(row.outbox_id, office.wall.now_ms() + wait, str(error))
        return False
    except Undeliverable as error:
        await _record_refusal(office, rows, _of(rows[0]), str(error), now)
        return False
    # Again if a prediction moved a need meanwhile: sending cannot be taken back.
    await patiently(lambda: _record_letter(office, rows, letter, customer, now))
    return True


def _together(row: OutboxRow) -> tuple[str, bool, str]:
    """What goes in one letter: all needs of a person, all news of their account, all of one visit."""
    reminder = _of(row)
    return reminder.customer_id, reminder.is_notice, reminder.path


def _of(row: OutboxRow) -> Reminder:
    assert row.reminder is not None  # noqa: S101 - claimed as a reminder
    return row.reminder


async def _that_stand(uow: UnitOfWork, office: Office, rows: Sequence[OutboxRow], now: int) -> list[OutboxRow]:
    """Those that are still true, and still wanted by who still owns or drives the car; the others are dropped."""
    standing = []
    for row in rows:
        reminder = _of(row)
        if await _stands(uow, reminder, now):
            standing.append(row)
        else:
            why = "the need or the consent no longer stands"
            await uow.outbox.drop(row.outbox_id, why, office.wall.now_ms())
    return standing


async def _stands(uow: UnitOfWork, reminder: Reminder, now: int) -> bool:
    """Whether it is still true, and for who it is for: a driver who has left hears nothing more of the car."""
    if reminder.is_of_driver:
        driving = await uow.drivers.driving(reminder.vehicle_id, reminder.customer_id)
        if driving is None or not (driving.may_book if reminder.is_notice else driving.wants_reminders):
            return False
    if reminder.is_notice:
        return True
    is_true = any(_is_worth_telling(need, reminder) for need in await _needs(uow, reminder))
    allowed = await uow.consents.live(reminder.vehicle_id, Purpose.REMINDERS, now)
    owner_id = await uow.vehicles.owner_of(reminder.vehicle_id)
    return is_true and bool(allowed) and (reminder.is_of_driver or owner_id == reminder.customer_id)


async def _may_go_ms(uow: UnitOfWork, office: Office, customer: Customer, rows: Sequence[OutboxRow], now: int) -> int:
    first = _of(rows[0])
    if first.is_notice and not first.waits_for_day:
        return now  # who is robbed of an account wants to be woken
    if first.is_notice:
        return office.reminder_policy.may_go_ms(now, customer.time_zone, None, is_urgent=True)
    needs = [need for row in rows for need in await _needs(uow, _of(row))]
    return office.reminder_policy.may_go_ms(
        now,
        customer.time_zone,
        await uow.letters.last_sent_ms(customer.customer_id),
        is_urgent=any(need.severity is Severity.URGENT and need.state.is_live for need in needs),
    )


async def _needs(uow: UnitOfWork, reminder: Reminder) -> list[MaintenanceNeed]:
    return [need for need_id in reminder.need_ids if (need := await uow.needs.get(need_id)) is not None]


async def _record_letter(
    office: Office, rows: Sequence[OutboxRow], letter: Letter, customer: Customer, now: int
) -> None:
    async with office.unit_of_work() as uow:
        await uow.outbox.done([row.outbox_id for row in rows], office.wall.now_ms())
        await uow.letters.sent(letter.letter_id, now)
        for need_id in letter.need_ids:
            need = await uow.needs.get(need_id)
            if need is not None and _waits_for_reminder(need):
                await uow.needs.update(need.to(NeedState.REMINDED, now))
        for row in rows:
            reminder = _of(row)
            await tell(
                uow,
                "owner-notified" if reminder.is_notice else "owner-reminded",
                event_id=reminder.reminder_id,
                vehicle_id=reminder.vehicle_id,
                time_ms=now,
                actor="clock",
                customer_id=customer.customer_id,
                data={"needs": len(reminder.need_ids)},
            )


async def _record_refusal(office: Office, rows: Sequence[OutboxRow], first: Reminder, why: str, now: int) -> None:
    """The letter will never arrive: its needs stand open as before, and the timeline says so."""
    async with office.unit_of_work() as uow:
        for row in rows:
            await uow.outbox.drop(row.outbox_id, why, office.wall.now_ms())
        await tell(
            uow,
            "reminder-failed",
            event_id=first.reminder_id,
            vehicle_id=first.vehicle_id,
            time_ms=now,
            actor="clock",
            cause=why,
            customer_id=first.customer_id,
        )


def _waits_for_reminder(need: MaintenanceNeed) -> bool:
    """Open, or snoozed until a time that has come."""
    return need.state is NeedState.OPEN or (need.state is NeedState.SNOOZED and need.snoozed_until_ms is None)


def _is_worth_telling(need: MaintenanceNeed, reminder: Reminder) -> bool:
    """Whether the message is still true: the need stands, or, for an all-clear, has closed."""
    if reminder.is_all_clear:
        return need.state is NeedState.CLOSED
    return need.state is NeedState.REMINDED or _waits_for_reminder(need)
