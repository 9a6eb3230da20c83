"""What the outbox keeps, and for how long."""

from __future__ import annotations

from workflow.ports import Office

DAY_MS = 86_400_000
OVER_KEPT_MS = 7 * DAY_MS
GIVEN_UP_KEPT_MS = 30 * DAY_MS
# Behind an open circuit a delivery may get fewer tries than planned, or none: it is given up with the others.
LONGEST_WAIT_MS = 4 * DAY_MS
BLOCK = 1_000


async def forget_old_rows(office: Office) -> int:
    """Give up deliveries that waited too long; delete rows that were over a week ago, or given up a month ago.

    How many of at most `BLOCK` were deleted; 0 when none is left.
    """
    now = office.wall.now_ms()
    async with office.unit_of_work() as uow:
        await uow.deliveries.give_up_before(now - LONGEST_WAIT_MS, now)
        return await uow.outbox.forget(
            over_before_ms=now - OVER_KEPT_MS, dead_before_ms=now - GIVEN_UP_KEPT_MS, limit=BLOCK
        )
