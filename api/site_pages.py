"""The dealer's day: what its site has promised, and days on which it is closed."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.authentication import Advisor, Visitor
from api.forms import form_of, see, text
from api.page_response import dealer_reading, page
from api.patience import PatientRoute
from api.reception import Desk, Reception
from domain.errors import InvalidInput, NotFound
from web.site_day_view import site_day_view
from workflow.dealers import close_day, open_day
from workflow.site_day import site_day

router = APIRouter(prefix="/dealer/day", include_in_schema=False, route_class=PatientRoute)


@router.get("")
async def day(request: Request, desk: Desk, visitor: Advisor) -> Response:
    """Today, or the `date` that is asked for."""
    asked = request.query_params.get("date", "")
    return await _day_page(request, desk, visitor, _date(asked) if asked else None)


def _date(written: str) -> date:
    try:
        found = date.fromisoformat(written)
    except ValueError as error:
        raise NotFound("there is no such day") from error
    if not 2000 <= found.year < 2200:
        raise NotFound("there is no such day")
    return found


async def _day_page(
    request: Request, desk: Reception, visitor: Visitor, shown: date | None, *, error: str = "", status: int = 200
) -> Response:
    reading = await dealer_reading(request, visitor.dealer_id)
    found = await site_day(desk.office, dealer_id=visitor.dealer_id, day=shown)
    view = site_day_view(found, reading)
    return page(request, "dealer_day.html", visitor, reading, status=status, view=view, error=error)


@router.post("/{action}")
async def act(action: str, request: Request, desk: Desk, visitor: Advisor) -> Response:
    """Close a day, or open it again."""
    form = await form_of(request)
    shown = _date(text(form, "date"))
    try:
        if action == "close":
            await close_day(desk.office, dealer_id=visitor.dealer_id, day=shown, name=text(form, "name"))
        elif action == "open":
            await open_day(desk.office, dealer_id=visitor.dealer_id, day=shown)
        else:
            raise NotFound("there is no such action")
    except InvalidInput as error:
        return await _day_page(request, desk, visitor, shown, error=f"{error}: {error.fix}", status=422)
    return see(f"/dealer/day?date={shown.isoformat()}")
