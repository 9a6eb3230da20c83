"""Calls are counted per caller and per address; headers say what is left, and who calls too often waits."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api.call_limits import CallLimits
from tests.support.http_town import People, Town, a_town, people_of

LIMITS = CallLimits(per_caller=5, at_doors=40)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with a_town(tmp_path, call_limits=LIMITS) as place:
        yield place


@pytest.fixture
async def people(town: Town) -> AsyncIterator[People]:
    async with people_of(town) as everybody:
        town.wall.set(town.wall.now_ms() + 60_000)
        yield everybody


async def test_the_headers_count_down_and_then_it_is_429(town: Town, people: People) -> None:
    left = [(await people.owner.get("/v1/me")).headers["ratelimit-remaining"] for _ in range(5)]
    assert left == ["4", "3", "2", "1", "0"]
    refused = await people.owner.get("/v1/me")
    assert (refused.status_code, refused.headers["content-type"]) == (429, "application/problem+json")
    assert refused.json()["type"].endswith("/problems/too-many-requests")
    assert refused.headers["retry-after"] == refused.headers["ratelimit-reset"]
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert "content-security-policy" in refused.headers
    assert (await people.dealer.get("/v1/me")).status_code == 200, "another caller is not counted with them"
    town.wall.set(town.wall.now_ms() + 1000 * int(refused.headers["retry-after"]))
    assert (await people.owner.get("/v1/me")).headers["ratelimit-remaining"] == "4"


async def test_guessing_passwords_from_one_address_ends_whatever_token_is_sent(town: Town, people: People) -> None:
    answers = []
    for n in range(LIMITS.at_doors + 1):
        # Of another account each: guesses at one are slowed down long before.
        wrong = {"email": f"somebody-{n}@owner.example", "password": "not the password"}
        async with town.client(f"made-up-{n}") as somebody:
            answers.append((await somebody.post("/v1/sessions", json=wrong)).status_code)
    assert answers == [401] * LIMITS.at_doors + [429]
    async with town.client() as client:
        sent = {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}
        assert (await client.post("/v1/oauth/token", data=sent)).status_code == 429, "the doors are counted together"


async def test_uploads_and_health_are_not_counted(town: Town, people: People) -> None:
    for _ in range(LIMITS.per_caller + 3):
        assert (await people.car.post("/v1/telemetry", content=b"{")).status_code != 429
        assert (await people.car.get("/healthz")).status_code == 200


async def test_without_a_token_an_address_is_counted(town: Town) -> None:
    async with town.client() as anyone:
        codes = [(await anyone.get("/v1/me")).status_code for _ in range(LIMITS.per_caller + 1)]
    assert codes == [401] * LIMITS.per_caller + [429]
