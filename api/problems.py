"""The one place where errors become HTTP answers: RFC 9457 problem details, and the page that explains each type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from api.reception import reception_of
from domain.errors import (
    ChangedMeanwhile,
    Conflict,
    ConsentMissing,
    Forbidden,
    InvalidInput,
    NotFound,
    PitcallError,
    ScopeMissing,
    SlotTaken,
    TooLarge,
    TooManyTries,
    Unauthenticated,
    Unavailable,
)


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A stable kind of problem; `slug` ends its URI, under which a page explains it."""

    slug: str
    status: int
    title: str
    explanation: str


PROBLEM_TYPES: dict[str, ProblemType] = {
    kind.slug: kind
    for kind in (
        ProblemType(
            "malformed",
            400,
            "The request could not be read",
            "The body or its framing is broken, so no field was read.",
        ),
        ProblemType(
            "unauthenticated",
            401,
            "Sign in or send a valid credential",
            "There was no credential, or the one sent is unknown, has run out or was revoked.",
        ),
        ProblemType(
            "forbidden",
            403,
            "Not allowed",
            "The caller is known, but its role or a missing consent does not allow this.",
        ),
        ProblemType(
            "not-found",
            404,
            "There is no such thing",
            "Either it does not exist, or it belongs to someone else: the answer is the same on purpose.",
        ),
        ProblemType(
            "method-not-allowed", 405, "Not by this method", "The address exists; the Allow header names what it takes."
        ),
        ProblemType(
            "conflict",
            409,
            "The present state does not allow this",
            "Someone or something was faster: read the object again and decide anew.",
        ),
        ProblemType(
            "slot-taken",
            409,
            "The slot is taken",
            "The bay is held or booked for a time that overlaps. Ask for the free slots again and choose another one.",
        ),
        ProblemType(
            "consent-missing",
            409,
            "No consent permits this",
            "The owner's grant for this dealer was withdrawn, has run out, or never covered it. Nothing left.",
        ),
        ProblemType(
            "idempotency-key-in-use",
            409,
            "The call with this Idempotency-Key is still running",
            "Ask again in a moment with the same key and body: you will get its reply, and it acts once only.",
        ),
        ProblemType(
            "done-already",
            409,
            "This was done; its answer held a secret that is shown once",
            "The first call under this key was carried out. If its answer was lost, revoke what it made, if it can be "
            "revoked, and make another under a fresh key.",
        ),
        ProblemType(
            "changed-meanwhile",
            412,
            "It has changed since you read it",
            "If-Match names another version than the present one: read the object again and decide anew.",
        ),
        ProblemType(
            "too-large", 413, "Too large", "The body is over the limit of this address; send it in smaller pieces."
        ),
        ProblemType(
            "invalid-input",
            422,
            "A field is wrong",
            "`errors` names every field that is wrong, says what is wrong with it and what would be right.",
        ),
        ProblemType(
            "idempotency-key-reused",
            422,
            "This Idempotency-Key was used for another request",
            "A key stands for one request with one body. Take a fresh key for another request.",
        ),
        ProblemType(
            "too-many-requests", 429, "Too many requests", "Wait for as many seconds as the Retry-After header says."
        ),
        ProblemType(
            "internal-error", 500, "Something broke on our side", "It was written to the log. Trying again may help."
        ),
        ProblemType(
            "unavailable",
            503,
            "A part we rely on is away",
            "Nothing was acknowledged, and trying again after the seconds in Retry-After is safe.",
        ),
    )
}
BY_STATUS = {400: "malformed", 401: "unauthenticated", 403: "forbidden", 404: "not-found", 405: "method-not-allowed",
             409: "conflict", 412: "changed-meanwhile", 413: "too-large", 422: "invalid-input",
             429: "too-many-requests", 503: "unavailable"}  # fmt: skip
WHOLE_DOCUMENT = "$"  # the field of an input that could not be read at all
ERROR_SLUGS: tuple[tuple[type[PitcallError], str], ...] = (
    (SlotTaken, "slot-taken"),
    (ConsentMissing, "consent-missing"),
    (ChangedMeanwhile, "changed-meanwhile"),
    (Conflict, "conflict"),
    (TooLarge, "too-large"),
    (InvalidInput, "invalid-input"),
    (Unauthenticated, "unauthenticated"),
    (Forbidden, "forbidden"),
    (NotFound, "not-found"),
    (TooManyTries, "too-many-requests"),
    (Unavailable, "unavailable"),
)


class ReusedIdempotencyKey(InvalidInput):
    """The key came before with another request."""

    def __init__(self) -> None:
        super().__init__("this key came with another request before", field="Idempotency-Key", fix="send a fresh key")


class KeyInUse(Conflict):
    """The call with this key is still being made."""

    def __init__(self) -> None:
        super().__init__("the call with this Idempotency-Key is still running; ask again in a moment")


class DoneAlready(Conflict):
    """The call with this key was made, and its answer, which held a secret, was not kept."""

    def __init__(self) -> None:
        super().__init__("this was done already under the same Idempotency-Key; its answer is shown once")


OWN_SLUGS: Mapping[type[PitcallError], str] = {
    ReusedIdempotencyKey: "idempotency-key-reused",
    KeyInUse: "idempotency-key-in-use",
    DoneAlready: "done-already",
}


def problem_type_of(error: PitcallError) -> ProblemType:
    """The kind of problem an error of the domain's tree is."""
    slug = OWN_SLUGS.get(type(error)) or next(
        (slug for kind, slug in ERROR_SLUGS if isinstance(error, kind)), "internal-error"
    )
    return PROBLEM_TYPES[slug]


def problem_document(
    kind: ProblemType, detail: str, public_url: str, errors: Sequence[Mapping[str, str]] = ()
) -> dict[str, Any]:
    """The members of RFC 9457, and `errors` where fields are named."""
    document: dict[str, Any] = {
        "type": f"{public_url.rstrip('/')}/problems/{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
    }
    if errors:
        document["errors"] = list(errors)
    return document


def problem_response(
    request: Request,
    kind: ProblemType,
    detail: str,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem as JSON, or as a page for a person who browses."""
    reception = reception_of(request)
    if wants_page(request):
        page = reception.pages.render("problem.html", kind=kind, detail=detail, errors=errors)
        return Response(page, kind.status, headers, media_type="text/html")
    document = problem_document(kind, detail, reception.public_url, errors)
    return JSONResponse(document, kind.status, headers, media_type="application/problem+json")


def wants_page(request: Request) -> bool:
    """Whether a person browses: the API's own paths always answer in JSON."""
    is_api = request.url.path.startswith(("/v1/", "/healthz", "/readyz", "/openapi.json"))
    return not is_api and "text/html" in request.headers.get("accept", "")


def _kind_and_fields(error: PitcallError) -> tuple[ProblemType, list[dict[str, str]]]:
    kind = problem_type_of(error)
    if not isinstance(error, InvalidInput | Forbidden) or not error.field:
        return kind, []
    if error.field == WHOLE_DOCUMENT and not isinstance(error, TooLarge):
        kind = PROBLEM_TYPES["malformed"]
    return kind, [{"field": error.field, "detail": str(error), "fix": error.fix}]


def problem_of(error: PitcallError, public_url: str) -> dict[str, Any]:
    """The members of RFC 9457 for an error that concerns a part of a request."""
    kind, errors = _kind_and_fields(error)
    return problem_document(kind, str(error), public_url, errors)


async def answer_domain_error(request: Request, error: PitcallError) -> Response:
    """Map an error of the domain's tree."""
    kind, errors = _kind_and_fields(error)
    headers: dict[str, str] = {}
    if isinstance(error, Unavailable | TooManyTries):
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, ScopeMissing):
        headers["WWW-Authenticate"] = f'Bearer error="insufficient_scope", scope="{error.scope}"'
    if kind.status == 500:
        return problem_response(request, kind, kind.explanation)
    return problem_response(request, kind, str(error), errors, headers)


async def answer_validation_error(request: Request, error: RequestValidationError) -> Response:
    """Map what pydantic found wrong, field by field, without repeating what was sent."""
    found = [dict(e) for e in error.errors()]
    if any(e["type"] == "json_invalid" for e in found):
        fields = [{"field": "body", "detail": "this is not JSON", "fix": "send one JSON object in UTF-8"}]
        return problem_response(request, PROBLEM_TYPES["malformed"], "the body is not JSON", fields)
    fields = [{"field": _path(e["loc"]), "detail": _told(e), "fix": _fix(e)} for e in found]
    named = ", ".join(field["field"] for field in fields)
    return problem_response(request, PROBLEM_TYPES["invalid-input"], f"wrong: {named}", fields)


async def answer_http_exception(request: Request, error: HTTPException) -> Response:
    """Map what the framework refuses: unknown addresses, wrong methods, broken bodies."""
    slug = BY_STATUS.get(error.status_code)
    if slug is None:
        slug = "internal-error" if error.status_code >= 500 else "malformed"
    kind = PROBLEM_TYPES[slug]
    is_plain = error.detail == HTTPStatus(error.status_code).phrase
    return problem_response(request, kind, kind.explanation if is_plain else error.detail, headers=error.headers)


async def answer_unforeseen(request: Request, _error: Exception) -> Response:
    """A bug: say so without saying anything about our insides (the server logs the trace)."""
    kind = PROBLEM_TYPES["internal-error"]
    return problem_response(request, kind, kind.explanation)


def _path(location: Sequence[str | int]) -> str:
    parts = list(location)
    if parts and parts[0] in ("body", "query", "path", "header", "cookie") and len(parts) > 1:
        parts = parts[1:]
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else str(part))
    return text


def _told(error: Mapping[str, Any]) -> str:
    message = str(error["msg"])
    return message[:1].lower() + message[1:]


def _fix(error: Mapping[str, Any]) -> str:
    kind, context = str(error["type"]), error.get("ctx", {})
    if kind == "missing":
        return "add the field"
    if kind == "extra_forbidden":
        return "leave the field out; no such field is known here"
    if kind in ("enum", "literal_error"):
        return f"one of {context.get('expected', 'the documented values')}"
    if kind == "finite_number":
        return "send a finite number"
    return "see /openapi.json for what fits"
