"""Dealers as an owner chooses among them, and their free slots."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.answers import DealersAnswer, RankedSlotsAnswer
from api.authentication import SignedIn
from api.bodies import Identifier
from api.conditional import ConditionalRoute
from api.paging import LongPaging
from api.reception import Desk, Reception
from api.representations import dealer_json, ranked_slot_json
from domain.errors import InvalidInput
from domain.prediction import DueWindow
from domain.site import Demand
from workflow.access import Caller, require_own_site, require_owner
from workflow.dealers import dealers
from workflow.free_slots import demand_of_items, free_slots_of, work_of_needs

router = APIRouter(prefix="/v1/dealers", tags=["dealers"], route_class=ConditionalRoute)
Time = Annotated[int | None, Query(ge=0, le=2**53)]
Ids = Annotated[list[Identifier], Query(max_length=50)]
USUAL_MINUTES = 60


@router.get("", summary="The dealers")
async def all_dealers(desk: Desk, _caller: SignedIn, asked: LongPaging) -> DealersAnswer:
    """Those an operator approved, by name."""
    page = asked.page(await dealers(desk.office), lambda dealer: (dealer.name, dealer.dealer_id))
    return {"dealers": [dealer_json(dealer) for dealer in page.rows], "next": page.next}


@router.get("/{dealer_id}/slots", summary="A dealer's free slots")
async def free_slots(
    dealer_id: str,
    desk: Desk,
    caller: SignedIn,
    minutes: Annotated[int | None, Query(ge=5, le=24 * 60)] = None,
    items: Ids = [],  # noqa: B006 - FastAPI copies it
    need_ids: Ids = [],  # noqa: B006
    loaner: bool = False,
    from_ms: Time = None,
    until_ms: Time = None,
) -> RankedSlotsAnswer:
    """Starts at which everything is free that the visit takes: a bay, a technician, with `loaner` a car to go on with.

    Say how long (`minutes`), or for what: `items` of the catalogue, or an owner's own `need_ids`, each given as often
    as there are some. For needs, the slots inside their due window come first, those of quiet half-days
    (`is_recommended`) before the others; otherwise the order is that of time. Dealers and their systems see their own
    only.
    """
    require_own_site(caller, dealer_id)
    demand, windows = await _asked(desk, caller, minutes, items, need_ids, loaner)
    slots = await free_slots_of(
        desk.office, dealer_id=dealer_id, demand=demand, windows=windows, from_ms=from_ms, until_ms=until_ms
    )
    return {"slots": [ranked_slot_json(slot) for slot in slots]}


async def _asked(
    desk: Reception, caller: Caller, minutes: int | None, items: list[str], need_ids: list[str], loaner: bool
) -> tuple[Demand, list[DueWindow]]:
    given = {"minutes": minutes is not None, "items": bool(items), "need_ids": bool(need_ids)}
    if sum(given.values()) > 1:
        last = [name for name, is_given in given.items() if is_given][-1]
        raise InvalidInput("the visit is described twice", field=last, fix="give minutes, items or need_ids, not two")
    windows: list[DueWindow] = []
    if need_ids:
        items, windows = await work_of_needs(desk.office, customer_id=require_owner(caller), need_ids=need_ids)
    if items:
        return demand_of_items(desk.office, items, wants_loaner=loaner), windows
    return Demand(USUAL_MINUTES if minutes is None else minutes, wants_loaner=loaner), windows
