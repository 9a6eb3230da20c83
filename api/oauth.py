"""`POST /v1/oauth/token`: access tokens for machine clients, by client credentials (RFC 6749)."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from api.patience import PatientRoute
from api.reception import Desk
from domain.errors import InvalidInput, Unauthenticated
from workflow.machine_clients import TOKEN_MS, issue_token

router = APIRouter(prefix="/v1/oauth", tags=["machine clients"], route_class=PatientRoute)
FORM = "application/x-www-form-urlencoded"
KNOWN_FIELDS = ("grant_type", "scope", "client_id", "client_secret")

TOKEN_REQUEST = {
    "type": "object",
    "required": ["grant_type"],
    "properties": {
        "grant_type": {"const": "client_credentials"},
        "scope": {"type": "string", "description": "space-separated; all of the client's without it"},
        "client_id": {"type": "string", "description": "unless HTTP Basic carries it"},
        "client_secret": {"type": "string", "description": "unless HTTP Basic carries it"},
    },
}
TOKEN_ANSWER = {
    "type": "object",
    "required": ["access_token", "token_type", "expires_in", "scope"],
    "properties": {
        "access_token": {"type": "string"},
        "token_type": {"const": "Bearer"},
        "expires_in": {"type": "integer", "description": "seconds"},
        "scope": {"type": "string"},
    },
}
TOKEN_REFUSAL = {
    "type": "object",
    "required": ["error", "error_description"],
    "properties": {
        "error": {"enum": ["invalid_request", "invalid_client", "unsupported_grant_type", "invalid_scope"]},
        "error_description": {"type": "string"},
    },
}


def _json(description: str, schema: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema, "example": example}}}


DOCUMENTED: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            FORM: {
                "schema": TOKEN_REQUEST,
                "example": {"grant_type": "client_credentials", "scope": "proposals:read"},
            }
        },
    },
    "responses": {
        "200": _json(
            "An access token",
            TOKEN_ANSWER,
            {
                "access_token": "pitcall_at_n3Kq…",
                "token_type": "Bearer",
                "expires_in": TOKEN_MS // 1000,
                "scope": "proposals:read",
            },
        ),
        "400": _json(
            "The request is none that RFC 6749 knows",
            TOKEN_REFUSAL,
            {"error": "invalid_scope", "error_description": "there is no scope 'everything'"},
        ),
        "401": _json(
            "Not the client's id and secret",
            TOKEN_REFUSAL,
            {"error": "invalid_client", "error_description": "the client id or its secret is wrong"},
        ),
    },
}


class _Refusal(Exception):
    """One of the errors of RFC 6749, section 5.2."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error


@router.post("/token", summary="An access token for a client's id and secret", openapi_extra=DOCUMENTED)
async def token(request: Request, desk: Desk) -> Response:
    """Opaque, good for 30 minutes or until the client is revoked. Id and secret by HTTP Basic or as form fields."""
    try:
        form = _form(request.headers.get("content-type", ""), await request.body())
        client_id, secret = _credentials(request.headers.getlist("authorization"), form)
        issued = await issue_token(
            desk.office, client_id=client_id, secret=secret, scopes=form.get("scope", "").split()
        )
    except _Refusal as refusal:
        return _refused(refusal.error, str(refusal))
    except Unauthenticated as error:
        return _refused("invalid_client", str(error))
    except InvalidInput as error:
        return _refused("invalid_scope", f"{error}: {error.fix}")
    return JSONResponse(
        {
            "access_token": issued.token,
            "token_type": "Bearer",
            "expires_in": issued.lasts_s,
            "scope": " ".join(issued.scopes),
        },
        headers={"Pragma": "no-cache"},
    )


def _form(content_type: str, body: bytes) -> dict[str, str]:
    """The fields of the form, each at most once; unknown ones are ignored, as RFC 6749 wants it."""
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise _Refusal("invalid_request", f"send the fields as {FORM}")
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError as error:
        raise _Refusal("invalid_request", "the form could not be read") from error
    form = {name: value for name, value in pairs if name in KNOWN_FIELDS}
    if len(form) < sum(name in KNOWN_FIELDS for name, _ in pairs):
        raise _Refusal("invalid_request", "a field stands there twice")
    if not form.get("grant_type"):
        raise _Refusal("invalid_request", "grant_type is missing")
    if form["grant_type"] != "client_credentials":
        raise _Refusal("unsupported_grant_type", "the one grant type here is client_credentials")
    return form


def _credentials(authorization: list[str], form: dict[str, str]) -> tuple[str, str]:
    """Id and secret from HTTP Basic or from the form, not from both."""
    if authorization and ("client_secret" in form or len(authorization) > 1):
        raise _Refusal("invalid_request", "send the client's secret in one place only")
    if not authorization:
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    else:
        client_id, secret = _basic(authorization[0])
        if form.get("client_id", client_id) != client_id:
            raise _Refusal("invalid_request", "the header and the form name different clients")
    if not client_id or not secret:
        raise _Refusal("invalid_client", "the client's id and secret are missing")
    return client_id, secret


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("utf-8") if scheme.lower() == "basic" else ""
    except (binascii.Error, ValueError) as error:
        raise _Refusal("invalid_client", "the Authorization header could not be read") from error
    client_id, _, secret = text.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)


def _refused(error: str, description: str) -> Response:
    # RFC 6749 allows printable ASCII without quotes and backslashes in a description.
    plain = "".join(c if " " <= c <= "~" and c not in '"\\' else "?" for c in description)
    headers = {"Pragma": "no-cache"}
    if error == "invalid_client":
        headers["WWW-Authenticate"] = 'Basic realm="pitcall", charset="UTF-8"'
    status = 401 if error == "invalid_client" else 400
    return JSONResponse({"error": error, "error_description": plain}, status, headers)
