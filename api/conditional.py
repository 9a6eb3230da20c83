"""ETags: a reader who has the newest already gets 304, and a change may say which version it was decided on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from api.patience import Handler, PatientRoute
from api.reception import Desk, Reception
from domain.errors import ChangedMeanwhile
from workflow.expected_version import expecting

JSON = "application/json"


class ConditionalRoute(PatientRoute):
    """A route whose JSON answers to GET carry a strong ETag, and which answers 304 to who has them already.

    The tag is made of the answer's bytes, after its `version` where it has one: "7.1f0c…".
    """

    def get_route_handler(self) -> Handler:
        """The handler of the route, behind the comparison of tags."""
        handle = super().get_route_handler()

        async def handle_conditionally(request: Request) -> Response:
            response = await handle(request)
            is_json = response.headers.get("content-type", "").startswith(JSON)
            if request.method != "GET" or response.status_code != 200 or not is_json:
                return response
            tag = _tag_of(bytes(response.body))
            if tag in _tags(request.headers.get("if-none-match", "")):
                return Response(status_code=304, headers={"ETag": tag})
            response.headers["ETag"] = tag
            return response

        return handle_conditionally


def _tag_of(body: bytes) -> str:
    version = json.loads(body).get("version", "") if body.startswith(b'{"proposal_id"') else ""
    return f'"{version}.{hashlib.sha256(body).hexdigest()[:24]}"'


def _tags(header: str) -> set[str]:
    """The tags of If-None-Match, which compares weakly: the mark W/ does not count."""
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}


async def as_seen(request: Request, desk: Desk, proposal_id: str) -> Reception:
    """The reception, whose use cases change the proposal only as If-Match has seen it (412 otherwise)."""
    header = request.headers.get("if-match")
    if header is None or header.strip() == "*":
        return desk
    versions = {_version_of(tag.strip()) for tag in header.split(",")} - {None}
    if not versions:
        raise ChangedMeanwhile("If-Match names no version that this proposal ever had; read it and send its ETag")
    return replace(desk, office=expecting(desk.office, proposal_id, frozenset(v for v in versions if v is not None)))


def _version_of(tag: str) -> int | None:
    version = tag.strip('"').partition(".")[0]
    return (
        int(version) if tag.startswith('"') and version.isascii() and version.isdigit() and len(version) < 10 else None
    )


AsSeen = Annotated[Reception, Depends(as_seen)]
