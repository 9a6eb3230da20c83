"""The outbox: rows written with the change that caused them leave here, each at least once and in its key's order.

What goes to dealers' webhooks leaves in `deliveries`, what goes to owners in `reminders`.
"""

from __future__ import annotations

from domain.errors import Unavailable
from workflow.ports import Office, TopicWriter

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
