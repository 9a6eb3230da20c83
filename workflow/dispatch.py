"""The outbox: rows written with the change that caused them leave here, each at least once and in its key's order.

What goes to dealers' webhooks leaves in `deliveries`.
"""

from __future__ import annotations

from domain.consent import Purpose
from domain.errors import Unavailable
from domain.need import MaintenanceNeed, NeedState
from workflow.history import tell
from workflow.outbox_rows import OutboxRow, Reminder
from workflow.patience import patiently
from workflow.ports import Office, ReminderSender, TopicWriter

BLOCK = 200
LEASE_MS = 30_000
RETRY_MS = (1_000, 5_000, 30_000, 300_000, 1_800_000, 7_200_000, 21_600_000)


async def dispatch_topics(office: Office, writer: TopicWriter) -> int:
    """Write due topic rows; how many went. Unavailable leaves them leased: they are due again when it ends."""
    now = office.wall.now_ms()
    async with office.unit_of_work() as uow:
        rows = await uow.outbox.claim("topic", BLOCK, now, LEASE_MS)
    messages = [row.message for row in rows if row.message is not None]
    if not messages:
        return 0
    try:
        await writer.write(messages)
    except Unavailable as error:
        async with office.unit_of_work() as uow:
            for row in rows:
                await uow.outbox.retry(row.outbox_id, now + RETRY_MS[0], str(error))
        raise
    async with office.unit_of_work() as uow:
        await uow.outbox.done([row.outbox_id for row in rows], office.wall.now_ms())
    return len(rows)


async def dispatch_reminders(office: Office, sender: ReminderSender) -> int:
    """Send due reminders of needs that still stand; how many went."""
    sent = 0
    async with office.unit_of_work() as uow:
        rows = await uow.outbox.claim("reminder", 50, office.wall.now_ms(), LEASE_MS)
    for row in rows:
        sent += await _remind(office, sender, row)
    return sent


async def _remind(office: Office, sender: ReminderSender, row: OutboxRow) -> bool:
    reminder = row.reminder
    assert reminder is not None  # noqa: S101 - claimed as a reminder
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        needs = [need for need_id in reminder.need_ids if (need := await uow.needs.get(need_id)) is not None]
        standing = any(_is_worth_telling(need, reminder) for need in needs)
        allowed = await uow.consents.live(reminder.vehicle_id, Purpose.REMINDERS, now)
        owner = await uow.vehicles.owner_of(reminder.vehicle_id)
        customer = await uow.people.customer(reminder.customer_id)
        if not standing or not allowed or customer is None or owner != reminder.customer_id:
            await uow.outbox.drop(row.outbox_id, "the need or the consent no longer stands", office.wall.now_ms())
            return False
    try:
        await sender.send(customer, reminder, now)
    except Unavailable as error:
        async with office.unit_of_work() as uow:
            wait = RETRY_MS[min(row.attempts, len(RETRY_MS) - 1)]
            await uow.outbox.retry(row.outbox_id, office.wall.now_ms() + wait, str(error))
        return False
    await _record_patiently(office, row, reminder, now)
    return True


async def _record_patiently(office: Office, row: OutboxRow, reminder: Reminder, now: int) -> None:
    """Record what was sent, again if a prediction moved the need meanwhile: sending cannot be taken back."""
    await patiently(lambda: _record_reminder(office, row, reminder, now))


async def _record_reminder(office: Office, row: OutboxRow, reminder: Reminder, now: int) -> None:
    async with office.unit_of_work() as uow:
        await uow.outbox.done([row.outbox_id], office.wall.now_ms())
        for need_id in reminder.need_ids:
            need = await uow.needs.get(need_id)
            if need is not None and _waits_for_reminder(need):
                await uow.needs.update(need.to(NeedState.REMINDED, now))
        await tell(
            uow,
            "owner-reminded",
            event_id=reminder.reminder_id,
            vehicle_id=reminder.vehicle_id,
            time_ms=now,
            actor="clock",
            customer_id=reminder.customer_id,
            data={"needs": len(reminder.need_ids)},
        )


def _waits_for_reminder(need: MaintenanceNeed) -> bool:
    """Open, or snoozed until a time that has come."""
    return need.state is NeedState.OPEN or (need.state is NeedState.SNOOZED and need.snoozed_until_ms is None)


def _is_worth_telling(need: MaintenanceNeed, reminder: Reminder) -> bool:
    """Whether the message is still true: the need stands, or, for an all-clear, has closed."""
    if reminder.is_all_clear:
        return need.state is NeedState.CLOSED
    return need.state is NeedState.REMINDED or _waits_for_reminder(need)
