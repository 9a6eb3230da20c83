"""The OpenAPI document tells every answer, with an example of each that its schema accepts."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from api.app import api_routes
from tests.support.http_town import Town

JSON = ("application/json", "application/problem+json", "application/x-www-form-urlencoded")


@pytest.fixture
def document(town: Town) -> dict[str, Any]:
    return town.app.openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        yield "request", media_type, content
    for status, response in operation["responses"].items():
        for media_type, content in response.get("content", {}).items():
            yield status, media_type, content


def examples_of(content: dict[str, Any]) -> list[Any]:
    return [content["example"]] if "example" in content else [e["value"] for e in content.get("examples", {}).values()]


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    return jsonschema_rs.Draft202012Validator({**schema, "components": document["components"]})


def test_every_request_and_answer_has_an_example_that_its_schema_accepts(document: dict[str, Any]) -> None:
    checked = 0
    for where, operation in operations(document):
        for part, media_type, content in contents(operation):
            if media_type not in JSON:
                continue
            examples = examples_of(content)
            assert examples, f"{where} {part} has no example"
            for example in examples:
                found = [error.message for error in validator(document, content["schema"]).iter_errors(example)]
                assert found == [], f"{where} {part}: {found}"
                checked += 1
    assert checked > 400


def test_a_wrong_example_would_be_seen(document: dict[str, Any]) -> None:
    schema = {"$ref": "#/components/schemas/NeedAnswer"}
    assert not validator(document, schema).is_valid({"need_id": 7})


def test_parameters_that_must_be_sent_have_examples(document: dict[str, Any]) -> None:
    for where, operation in operations(document):
        for parameter in operation.get("parameters", []):
            if parameter.get("required"):
                assert validator(document, parameter["schema"]).is_valid(parameter["example"]), (
                    where,
                    parameter["name"],
                )


def test_every_operation_says_who_may_call_and_what_else_may_come(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for where, operation in operations(document):
        assert operation["summary"], where
        assert "security" in operation, where
        if operation["security"]:
            assert "401" in operation["responses"], where
        answers = {s: r for s, r in operation["responses"].items() if s.startswith("2")}
        assert len(answers) == 1, where
        for answer in answers.values():
            schemas = [content["schema"] for content in answer.get("content", {}).values()]
            assert {} not in schemas, f"{where} says nothing of its answer"


def test_every_route_of_the_api_is_in_it(document: dict[str, Any]) -> None:
    told = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    served = {(m, r.path) for r in api_routes() for m in r.methods or () if r.include_in_schema}
    assert served == told
    assert document["openapi"].startswith("3.1")


def test_every_unsafe_call_of_a_signed_in_caller_takes_a_key(document: dict[str, Any]) -> None:
    tried = 0
    for where, operation in operations(document):
        ways = {name for way in operation["security"] for name in way}
        if where.startswith("GET ") or not ways & {"session", "client"}:
            continue
        tried += 1
        assert "Idempotency-Key" in {parameter["name"] for parameter in operation["parameters"]}, where
    assert tried >= 20


def test_every_list_that_grows_comes_in_pages(document: dict[str, Any]) -> None:
    """Not those that are bounded by what was asked: a span, the newest hundred."""
    bounded = {"dealers_free_slots", "me_ledger", "dealer_desk_ledger", "signals_signal", "operators_read_models"}
    schemas, paged = document["components"]["schemas"], 0
    for where, operation in operations(document):
        schema = operation["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
        fields = schemas.get(schema.get("$ref", "").rsplit("/", 1)[-1], {}).get("properties", {})
        is_list = any(inner.get("type") == "array" for inner in fields.values()) and len(fields) <= 3
        if not where.startswith("GET ") or not is_list or operation["operationId"] in bounded:
            continue
        paged += 1
        assert "next" in fields, where
        assert {"limit", "cursor"} <= {parameter["name"] for parameter in operation["parameters"]}, where
    assert paged >= 5
