"""One key, one effect, whichever processes the calls reach; on SQLite and on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.http_town import People, Town, a_town, people_of

CALLS = 24
PATH = "/v1/me/consents"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def records_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'records.db'}"
    return str(request.getfixturevalue("postgres_database"))


@pytest.fixture
async def towns(tmp_path: Path, records_url: str) -> AsyncIterator[tuple[Town, Town]]:
    """Two processes' worth of API, with connections of their own, over one database."""
    async with (
        a_town(tmp_path, records_url=records_url) as one,
        a_town(tmp_path, records_url=records_url) as other,
    ):
        yield one, other


@pytest.fixture
async def people(towns: tuple[Town, Town]) -> AsyncIterator[People]:
    async with people_of(towns[0]) as everybody:
        yield everybody


@pytest.fixture
async def owners(towns: tuple[Town, Town], people: People) -> AsyncIterator[list[httpx.AsyncClient]]:
    """The same owner at either process."""
    token = people.owner.headers["authorization"].removeprefix("Bearer ")
    async with towns[1].client(token) as at_the_other:
        yield [people.owner, at_the_other]


def a_grant(people: People) -> dict[str, Any]:
    return {"vehicle_id": people.vehicle_id, "purpose": "booking", "dealer_id": people.dealer_id, "data_items": []}


async def grants_of(people: People) -> int:
    return len((await people.owner.get(PATH)).json()["consents"])


async def test_of_concurrent_calls_with_one_key_one_acts_and_all_hear_the_same(
    people: People, owners: list[httpx.AsyncClient]
) -> None:
    before, headers = await grants_of(people), {"Idempotency-Key": "once"}
    calls = [owners[n % 2].post(PATH, json=a_grant(people), headers=headers) for n in range(CALLS)]
    answers = await asyncio.gather(*calls)
    assert [answer.status_code for answer in answers] == [201] * CALLS
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert await grants_of(people) == before + 1


async def test_without_a_key_each_of_them_acts(people: People, owners: list[httpx.AsyncClient]) -> None:
    """What the test above rests on: nothing else holds these calls together."""
    before = await grants_of(people)
    answers = await asyncio.gather(*(owners[n % 2].post(PATH, json=a_grant(people)) for n in range(6)))
    assert len({answer.json()["grant_id"] for answer in answers}) == 6
    assert await grants_of(people) == before + 6


async def test_concurrent_calls_with_one_key_and_other_bodies_are_refused_but_one(
    people: People, owners: list[httpx.AsyncClient]
) -> None:
    before, headers = await grants_of(people), {"Idempotency-Key": "once"}
    items = ["contact", "vehicle", "odometer", "evidence"]
    bodies = [a_grant(people) | {"data_items": [item]} for item in items]
    answers = await asyncio.gather(
        *(owners[n % 2].post(PATH, json=body, headers=headers) for n, body in enumerate(bodies))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 422, 422, 422]
    refused = {answer.json()["type"].rsplit("/", 1)[1] for answer in answers if answer.status_code == 422}
    assert refused == {"idempotency-key-reused"}
    assert await grants_of(people) == before + 1


async def test_a_refused_call_gives_its_key_back(people: People, owners: list[httpx.AsyncClient]) -> None:
    headers = {"Idempotency-Key": "once"}
    nowhere = a_grant(people) | {"vehicle_id": "no-such-car"}
    assert [(await owner.post(PATH, json=nowhere, headers=headers)).status_code for owner in owners] == [404, 404]
    assert (await owners[1].post(PATH, json=a_grant(people), headers=headers)).status_code == 201


async def test_a_claim_whose_process_died_lapses_for_the_same_call(
    towns: tuple[Town, Town], people: People, owners: list[httpx.AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"Idempotency-Key": "once"}
    monkeypatch.setattr("api.idempotency.LOOK_AGAIN_S", 0.0)
    monkeypatch.setattr("api.idempotency._Call.act", _die)
    assert (await owners[0].post(PATH, json=a_grant(people), headers=headers)).status_code == 500
    monkeypatch.undo()
    monkeypatch.setattr("api.idempotency.LOOK_AGAIN_S", 0.0)
    waiting = await owners[1].post(PATH, json=a_grant(people), headers=headers)
    assert (waiting.status_code, waiting.json()["type"].rsplit("/", 1)[1]) == (409, "idempotency-key-in-use")
    towns[1].wall.set(towns[1].wall.now_ms() + 120_000)
    assert (await owners[1].post(PATH, json=a_grant(people), headers=headers)).status_code == 201


async def _die(*_arguments: object, **_named: object) -> None:
    raise RuntimeError("the process was killed here")
