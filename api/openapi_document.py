"""The OpenAPI document: what FastAPI reads from the routes, with who may call, every refusal, and examples of all."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api.authentication import operation_of
from api.call_limits import UNCOUNTED
from api.conditional import ConditionalRoute, as_seen
from api.example import Examples
from api.idempotency import LONGEST_KEY, UNSAFE, IdempotentRoute
from api.problems import PROBLEM_TYPES, problem_document
from domain.machine_client import Scope
from domain.people import Role
from workflow.access import ACCESS, Bears, Rule

Json = dict[str, Any]
PROBLEM = "application/problem+json"
PROBLEM_SCHEMA: Json = {
    "title": "Problem",
    "description": "RFC 9457; `type` leads to a page that explains it, `errors` names the fields that are wrong.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "detail", "fix"],
                "properties": {name: {"type": "string"} for name in ("field", "detail", "fix")},
            },
        },
    },
}
SCOPE_TEXTS = {
    Scope.PROPOSALS_READ: "read the dealer's proposals",
    Scope.PROPOSALS_WRITE: "answer the dealer's proposals and visits",
    Scope.SLOTS_READ: "read the dealer's free slots",
    Scope.WEBHOOKS_MANAGE: "manage the dealer's webhook",
    Scope.DELIVERIES_READ: "list the dealer's deliveries",
}
SECURITY_SCHEMES: Json = {
    "session": {"type": "http", "scheme": "bearer", "description": "a session token, from POST /v1/sessions"},
    "car": {"type": "http", "scheme": "bearer", "description": "a car's own credential"},
    "enrolment": {"type": "http", "scheme": "bearer", "description": "an enrolment token of an operator"},
    "client": {
        "type": "oauth2",
        "description": "a machine client's access token",
        "flows": {
            "clientCredentials": {
                "tokenUrl": "/v1/oauth/token",
                "scopes": {str(scope): text for scope, text in SCOPE_TEXTS.items()},
            }
        },
    },
    "clientSecret": {"type": "http", "scheme": "basic", "description": "a machine client's id and secret"},
}
# Refusals beside those that follow from how a caller signs in, what is sent and what the path names.
ALSO: dict[str, Sequence[int]] = {
    "telemetry.upload": (403,),
    "telemetry.upload_batch": (403,),
    "customers.register": (409,),
    "sessions.begin": (401, 429),
    "me.claim": (404,),
    "consents.grant": (404,),
    "proposals.draft": (404,),
    "proposals.appointment": (409,),
    "health.readyz": (),
}
SLUGS_OF_STATUS = {
    status: [slug for slug, kind in PROBLEM_TYPES.items() if kind.status == status]
    for status in {kind.status for kind in PROBLEM_TYPES.values()}
}


def openapi_document(app: FastAPI, routes: Sequence[APIRoute], public_url: str) -> Json:
    """The whole document of the JSON API, in OpenAPI 3.1."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        license_info=app.license_info,
        servers=[{"url": public_url}],
        tags=None,
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for replaced in ("HTTPValidationError", "ValidationError"):
        schemas.pop(replaced, None)
    schemas["Problem"] = PROBLEM_SCHEMA
    components["securitySchemes"] = SECURITY_SCHEMES
    by_path = {(route.path, method): route for route in routes for method in route.methods or ()}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            route = by_path.get((path, method.upper()))
            if route is not None:
                _complete(operation, route, method.upper(), public_url, Examples(document))
    return document


def _complete(operation: Json, route: APIRoute, method: str, public_url: str, examples: Examples) -> None:
    name = operation_of(route.endpoint)
    rule = ACCESS[name]
    operation["security"] = _security(rule)
    _describe_parties(operation, rule)
    if isinstance(route, IdempotentRoute) and method in UNSAFE:
        operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    if isinstance(route, ConditionalRoute) and method == "GET":
        _describe_tags(operation)
    if route.path.startswith("/v1/") and not route.path.startswith(UNCOUNTED):
        operation["responses"]["429"] = _problem(429, public_url)
    if any(dependency.call is as_seen for dependency in route.dependant.dependencies):
        operation.setdefault("parameters", []).append(IF_MATCH)
        operation["responses"]["412"] = _problem(412, public_url)
    for status in _refusals(name, rule, operation, route, method):
        operation["responses"][str(status)] = _problem(status, public_url)
    _give_examples(operation, name.replace(".", "_"), examples)


IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "one key, one effect: the same call again gets the stored reply (kept for seven days)",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
    "example": "b7c4e0f2-4a1d-4a53-9f0c-2f6f1d1f8c11",
}


IF_MATCH: Json = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "the ETag of the proposal as it was read: the call acts on no other version (412)",
    "schema": {"type": "string", "maxLength": 1000},
    "example": '"3.0f1e2d3c4b5a69788796a5b4"',
}


def _describe_tags(operation: Json) -> None:
    answer = operation["responses"]["200"]
    if "application/json" not in answer.get("content", {}):
        return
    answer["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "changes when the answer does"}}
    operation["responses"]["304"] = {"description": "The answer is still the one whose ETag If-None-Match names"}


def _security(rule: Rule) -> list[Json]:
    if rule.bears is Bears.NOTHING:
        return []
    if rule.bears is Bears.CAR:
        return [{"car": []}]
    if rule.bears is Bears.ENROLMENT:
        return [{"enrolment": []}]
    if rule.bears is Bears.CLIENT_SECRET:
        return [{"clientSecret": []}, {}]
    ways: list[Json] = [{"session": []}] if rule.roles else []
    if rule.scope is not None or rule.all_clients:
        ways.append({"client": [str(rule.scope)] if rule.scope else []})
    return ways


def _describe_parties(operation: Json, rule: Rule) -> None:
    if rule.bears is not Bears.ACCOUNT:
        return
    operation["x-roles"] = sorted(str(role) for role in rule.roles)


def _refusals(name: str, rule: Rule, operation: Json, route: APIRoute, method: str) -> list[int]:
    """Every status that may come instead of the answer; 5xx other than 503 would be a bug."""
    if rule.bears is Bears.CLIENT_SECRET:
        return [413, 503]
    found = set(ALSO.get(name, ()))
    if name.startswith("health."):
        return sorted(found)
    found.add(503)
    if rule.bears is not Bears.NOTHING:
        found.add(401)
    if rule.bears is Bears.ACCOUNT and not (rule.all_clients and rule.roles | {Role.MACHINE} == set(Role)):
        found.add(403)
    if "{" in route.path:
        found.add(404)
    if method in UNSAFE:
        found |= {413}
        if rule.bears is Bears.ACCOUNT:
            found.add(409)
    if "requestBody" in operation:
        found |= {400, 422}
    if operation.get("parameters"):
        found.add(422)
    return sorted(found)


def _problem(status: int, public_url: str) -> Json:
    kinds = [PROBLEM_TYPES[slug] for slug in SLUGS_OF_STATUS[status]]
    examples = {
        kind.slug: {"summary": kind.title, "value": problem_document(kind, kind.explanation, public_url)}
        for kind in kinds
    }
    return {
        "description": HTTPStatus(status).phrase,
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}},
    }


def _give_examples(operation: Json, name: str, examples: Examples) -> None:
    for parameter in operation.get("parameters", []):
        if "example" not in parameter and (parameter.get("required") or parameter["in"] == "path"):
            parameter["example"] = examples.of(parameter["schema"], name, parameter["name"])
    contents = list(operation.get("requestBody", {}).get("content", {}).items())
    for status, response in operation["responses"].items():
        if not status.startswith(("4", "5")):
            contents += response.get("content", {}).items()
    for media_type, content in contents:
        if not {"example", "examples"} & content.keys() and "json" in media_type and "ndjson" not in media_type:
            content["example"] = examples.of(content["schema"], name)
