"""The whole API under fire: whatever is sent, it answers as its document says, and never with a 5xx of ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.integration.api.served_town import ServedTown, served_town

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SHORT, LONG = 6, 300


@schemathesis.serializer(
    "application/x-ndjson", "application/vnd.pitcall.upload+msgpack", "application/vnd.pitcall.uploads+msgpack"
)
def as_it_is(_context: object, value: object) -> bytes:
    """Bodies that are no JSON are made as text or bytes, and sent so."""
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedTown]:
    folder: Path = tmp_path_factory.mktemp("town")
    if request.param == "sqlite":
        with served_town(folder) as served:
            yield served
        return
    cluster = request.getfixturevalue("postgres_cluster")
    with cluster.fresh_database() as url, served_town(folder, url) as served:
        yield served


def test_every_answer_is_a_documented_one(town: ServedTown) -> None:
    assert fire(town, SHORT) >= 500


@pytest.mark.long
def test_every_answer_is_a_documented_one_for_long(town: ServedTown) -> None:
    assert fire(town, LONG) >= 25_000


def fire(town: ServedTown, examples: int) -> int:
    """Call every operation with made-up input, good and bad; how many calls were made. Every surprise is told."""
    answers: Counter[int] = Counter()
    surprises: list[str] = []
    for found in schemathesis.openapi.from_dict(town.document).get_all_operations():
        operation = found.ok()
        for mode in MODES:
            try:
                fire_at(town, operation, mode, examples, answers)
            except Unsatisfiable:
                assert mode is GenerationMode.NEGATIVE, f"{operation.label} was never called"  # nothing to get wrong
            except BaseExceptionGroup as group:
                surprises += [f"{operation.label}, {mode.value} data: {error}" for error in group.exceptions]
            except (AssertionError, Failure) as error:
                surprises.append(f"{operation.label}, {mode.value} data: {error}")
    assert surprises == [], "\n\n".join(surprises)
    assert {200, 201, 401, 404, 422} <= answers.keys(), "some kind of answer was never met"
    return answers.total()


def fire_at(
    town: ServedTown,
    operation: APIOperation[Any, Any, Any, Any],
    mode: GenerationMode,
    examples: int,
    answers: Counter[int],
) -> None:
    callers = cycle(tokens_for(town, operation.definition.raw))

    @seed(6)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=operation.as_strategy(mode))
    def call(case: Case) -> None:
        aim(town, case)
        token = next(callers)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = case.call(base_url=town.url, headers=headers)
        answers[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)

    call()


def tokens_for(town: ServedTown, operation: dict[str, Any]) -> list[str]:
    """Those who may call, mostly; and nobody, now and then."""
    schemes = {name for way in operation.get("security", ()) for name in way}
    people = [town.tokens[role] for role in ("owner", "dealer", "operator") if names_role(operation, role)]
    if "client" in schemes:
        people.append(town.tokens["machine"])
    people += [town.tokens[name] for name in ("car", "enrolment") if name in schemes]
    return [*people * 2, ""]


def names_role(operation: dict[str, Any], role: str) -> bool:
    return {"dealer": "advisor"}.get(role, role) in operation.get("x-roles", ())


def aim(town: ServedTown, case: Case) -> None:
    """Every other call at something that is there: a made-up id would always end in 404."""
    if case.path_parameters and sum(map(ord, repr(case.body))) % 2:
        for name in case.path_parameters:
            case.path_parameters[name] = town.ids.get(name, case.path_parameters[name])
