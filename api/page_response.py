"""Answers of the pages: a rendered template for a reader."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import HTMLResponse

from api.authentication import HOME, Visitor
from api.reception import Reception, reception_of
from web.reading import Reading
from web.texts import preferred_language


def page(
    request: Request, template: str, visitor: Visitor, reading: Reading, *, status: int = 200, **values: object
) -> HTMLResponse:
    """A signed-in party's page."""
    content = reception_of(request).pages.render(
        template,
        reading,
        party=HOME[visitor.caller.role].strip("/"),
        who=visitor.caller.name,
        form_token=visitor.form_token,
        path=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        notice=request.query_params.get("notice", ""),
        **values,
    )
    return HTMLResponse(content, status)


def plain_page(request: Request, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """A page for somebody who is not signed in (yet), in the language that their browser asks for."""
    reception = reception_of(request)
    reading = Reading.of(reception.office.catalogue, locale=asked_language(request))
    return HTMLResponse(reception.pages.render(template, reading, notice="", **values), status)


def asked_language(request: Request) -> str:
    """The shipped language that the browser asks for first."""
    return preferred_language(request.headers.get("accept-language", ""))


async def owner_reading(reception: Reception, visitor: Visitor) -> Reading:
    """In the owner's own language and time zone."""
    async with reception.office.unit_of_work() as uow:
        customer = await uow.people.customer(visitor.customer_id)
    if customer is None:
        return Reading.of(reception.office.catalogue)
    office = reception.office
    return Reading.of(
        office.catalogue, locale=customer.locale, time_zone=customer.time_zone, controller=office.controller
    )


async def dealer_reading(request: Request, dealer_id: str) -> Reading:
    """In the time zone of the dealer's site, and in the language that the advisor's browser asks for."""
    reception = reception_of(request)
    async with reception.office.unit_of_work() as uow:
        dealer = await uow.people.dealer(dealer_id)
    zone = dealer.hours.time_zone if dealer else "UTC"
    return Reading.of(reception.office.catalogue, locale=asked_language(request), time_zone=zone)
