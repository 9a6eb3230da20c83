"""Liveness and readiness, and the pages that explain the problem types."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import HTMLResponse, JSONResponse, Response

from api.answers import AliveAnswer, ReadinessAnswer
from api.problems import PROBLEM_TYPES
from api.reception import Desk
from domain.errors import NotFound, PitcallError

router = APIRouter()


@router.get("/healthz", tags=["health"], summary="Is the process alive")
async def healthz() -> AliveAnswer:
    """200 as long as the event loop turns."""
    return {"alive": True}


@router.get("/readyz", tags=["health"], summary="Can it serve", response_model=ReadinessAnswer)
async def readyz(desk: Desk) -> Response:
    """503 while a part it relies on is away."""
    try:
        parts = await desk.readiness()
    except PitcallError as error:
        return JSONResponse({"ready": False, "reason": str(error)}, 503)
    return JSONResponse(parts, 200 if parts.get("ready", True) else 503)


@router.get("/problems/{slug}", include_in_schema=False)
async def explain(slug: str, desk: Desk) -> Response:
    """What a problem type means."""
    kind = PROBLEM_TYPES.get(slug)
    if kind is None:
        raise NotFound("there is no such type of problem")
    return HTMLResponse(desk.pages.render("problem.html", kind=kind, detail=kind.explanation, errors=()))
