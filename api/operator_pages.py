"""The operator's pages: the funnel, live, and how good the models are; without any personal data."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.authentication import Operator
from api.page_response import page
from api.patience import PatientRoute
from api.reception import Desk
from web.operator_view import operator_view
from web.quality_view import quality_view
from web.reading import Reading
from workflow.dossiers import funnel
from workflow.model_quality import model_quality

router = APIRouter(prefix="/operator", include_in_schema=False, route_class=PatientRoute)


@router.get("")
async def overview(request: Request, desk: Desk, visitor: Operator) -> Response:
    """From signal to invoice."""
    reading = Reading.of(desk.office.catalogue)
    counted = await funnel(desk.office, desk.model_versions(), await desk.volumes())
    view = operator_view(counted, await desk.waiting(), await desk.readiness(), reading)
    return page(request, "operator.html", visitor, reading, view=view)


@router.get("/models")
async def models(request: Request, desk: Desk, visitor: Operator) -> Response:
    """Each model by the labels that have come in."""
    reading = Reading.of(desk.office.catalogue)
    quality = await model_quality(desk.office, desk.model_versions())
    return page(request, "operator_models.html", visitor, reading, view=quality_view(quality, reading))
