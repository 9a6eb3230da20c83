"""The operator's page: the funnel, live, without any personal data."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.authentication import Operator
from api.page_response import page
from api.patience import PatientRoute
from api.reception import Desk
from web.operator_view import operator_view
from web.reading import Reading
from workflow.dossiers import funnel

router = APIRouter(prefix="/operator", include_in_schema=False, route_class=PatientRoute)


@router.get("")
async def overview(request: Request, desk: Desk, visitor: Operator) -> Response:
    """From signal to invoice."""
    reading = Reading.of(desk.office.catalogue)
    counted = await funnel(desk.office, desk.model_versions(), await desk.volumes())
    view = operator_view(counted, await desk.waiting(), await desk.readiness(), reading)
    return page(request, "operator.html", visitor, reading, view=view)
