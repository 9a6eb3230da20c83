"""`/v1/dealer/site`: what a dealer can promise, read and changed by its own people."""

from __future__ import annotations

from typing import TypedDict

from fastapi import APIRouter

from api.answers import SiteAnswer
from api.authentication import DealerCaller
from api.bodies import SiteBody
from api.idempotency import IdempotentRoute
from api.reception import Desk
from api.representations import site_json
from domain.opening_hours import OpeningHours, opening_hours
from workflow.access import require_dealer
from workflow.dealers import change_site, site_of

router = APIRouter(prefix="/v1/dealer/site", tags=["dealers"], route_class=IdempotentRoute)


class SiteFields(TypedDict):
    """What the use cases want of a site."""

    hours: OpeningHours
    bays: int
    technicians: list[tuple[str, list[str]]]
    loaners: list[str]


def site_from(body: SiteBody) -> SiteFields:
    """The fields of a site; InvalidInput names the one that is wrong."""
    opening = {day: [spans] if isinstance(spans, tuple) else spans for day, spans in body.opening.items()}
    holidays = [(holiday.date, holiday.name) for holiday in body.holidays]
    return {
        "hours": opening_hours(body.time_zone, opening, holidays),
        "bays": body.bays,
        "technicians": [(technician.id, technician.skills) for technician in body.technicians],
        "loaners": body.loaners,
    }


@router.get("", summary="My site: hours, holidays, bays, technicians, loaner cars")
async def read(desk: Desk, caller: DealerCaller) -> SiteAnswer:
    """As it stands; what `PUT` takes."""
    return site_json(await site_of(desk.office, require_dealer(caller)))


@router.put("", summary="Change what my site can promise")
async def change(body: SiteBody, desk: Desk, caller: DealerCaller) -> SiteAnswer:
    """All of it at once, from now on. Appointments and offers that stand keep what they hold."""
    return site_json(await change_site(desk.office, dealer_id=require_dealer(caller), **site_from(body)))
