"""Choosing a slot at a dealer: what the work asks for, and what is free for it at one very start."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from domain.catalogue import Catalogue
from domain.errors import InvalidInput, SlotTaken
from domain.free_slots import free_slots
from domain.people import Dealer
from domain.site import Demand
from domain.slot import MINUTE_MS, Slot
from workflow.ports import UnitOfWork


def demand_of(catalogue: Catalogue, items: Iterable[str], *, wants_loaner: bool = False) -> Demand:
    """What a visit for these items of the catalogue takes: the minutes together, and every skill."""
    specs = [catalogue.items[item] for item in items]
    skills = sorted({spec.skill for spec in specs if spec.skill})
    return Demand(sum(spec.labour_minutes for spec in specs), tuple(skills), wants_loaner)


async def pick_slot(
    uow: UnitOfWork,
    dealer: Dealer,
    start_ms: int,
    demand: Demand,
    now_ms: int,
    *,
    but_of: str | None = None,
    also: Sequence[Slot] = (),
) -> Slot:
    """A free slot at that very start; SlotTaken when the dealer is closed or full then.

    Until the transaction ends nobody else chooses at this dealer. `but_of` names a proposal whose own held slots do not
    count as taken; `also` are taken besides those held. InvalidInput when the dealer can never do it.
    """
    await uow.holds.take_turn(dealer.dealer_id)
    return await find_slot(uow, dealer, start_ms, demand, now_ms, but_of=but_of, also=also)


async def find_slot(
    uow: UnitOfWork,
    dealer: Dealer,
    start_ms: int,
    demand: Demand,
    now_ms: int,
    *,
    but_of: str | None = None,
    also: Sequence[Slot] = (),
) -> Slot:
    """As `pick_slot`, for who does not hold it yet: another may take it at any moment."""
    if start_ms <= now_ms:
        raise InvalidInput("the slot lies in the past", field="start_ms", fix="choose one that is still ahead")
    dealer.site.check(demand)
    busy = await uow.holds.busy(dealer.dealer_id, start_ms, start_ms + demand.minutes * MINUTE_MS, but_of=but_of)
    busy += [hold for slot in also for hold in slot.holds]
    free = free_slots(dealer.site, busy, demand, start_ms, start_ms + 1)
    if not free:
        raise SlotTaken("this time is no longer free at the dealer: choose another")
    return free[0]
