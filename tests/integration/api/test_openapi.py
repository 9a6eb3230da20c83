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
