"""What a dealer has free for a visit, in the order that suits the work and evens out the workshop's load."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from domain.errors import InvalidInput, NotFound
from domain.free_slots import free_slots
from domain.prediction import DueWindow
from domain.site import Demand
from domain.workload import RankedSlot, Workload, common_window, rank_slots
from workflow.known_dealer import known_dealer
from workflow.ports import Office
from workflow.seat import is_seen
from workflow.slot_choice import demand_of

LEAD_MS = 2 * 3_600_000  # nobody books a bay for the next minute
SPAN_MS = 21 * 86_400_000
MOST_SPAN_MS = 92 * 86_400_000
AROUND_MS = 86_400_000  # a half-day's load needs what is held before and after the slots in it


async def free_slots_of(
    office: Office,
    *,
    dealer_id: str,
    demand: Demand,
    windows: Iterable[DueWindow] = (),
    from_ms: int | None = None,
    until_ms: int | None = None,
) -> list[RankedSlot]:
    """Free slots for the demand, by default from two hours ahead over three weeks.

    With due windows those inside what they have in common come first, the emptiest half-days before the others.
    InvalidInput when the dealer can never do it.
    """
    if not 5 <= demand.minutes <= 12 * 60:
        raise InvalidInput("work takes 5 to 720 minutes", field="minutes", fix="give the minutes the needs add up to")
    now = office.clock.now_ms()
    start = max(from_ms or 0, now + LEAD_MS)
    end = until_ms if until_ms is not None else start + SPAN_MS
    if end - start > MOST_SPAN_MS:
        raise InvalidInput("the span is too long", field="until_ms", fix="ask for at most three months")
    async with office.unit_of_work() as uow:
        dealer = await known_dealer(uow, dealer_id)
        holds = await uow.holds.busy(dealer_id, start - AROUND_MS, end + AROUND_MS)
    site = dealer.site
    site.check(demand)
    slots = free_slots(site, holds, demand, start, end)
    load = Workload(site, holds, start - AROUND_MS, end + AROUND_MS)
    return rank_slots(slots, load, common_window(windows, now))


def demand_of_items(office: Office, items: Sequence[str], *, wants_loaner: bool) -> Demand:
    """What a visit for these items takes; InvalidInput for one that the catalogue does not have."""
    for item in items:
        if item not in office.catalogue.items:
            raise InvalidInput("there is no such item", field="items", fix="of " + ", ".join(office.catalogue.items))
    return demand_of(office.catalogue, dict.fromkeys(items), wants_loaner=wants_loaner)


async def work_of_needs(
    office: Office, *, customer_id: str, need_ids: Sequence[str]
) -> tuple[list[str], list[DueWindow]]:
    """The items of needs and when they are due; NotFound for cars that are neither theirs nor lent to them."""
    items: list[str] = []
    windows: list[DueWindow] = []
    async with office.unit_of_work() as uow:
        for need_id in dict.fromkeys(need_ids):
            need = await uow.needs.get(need_id)
            if need is None or not await is_seen(uow, customer_id, need.vehicle_id):
                raise NotFound("there is no such need")
            items.append(need.item)
            windows.append(need.window)
    return items, windows
