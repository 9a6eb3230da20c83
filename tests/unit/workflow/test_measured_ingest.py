"""The edge counts each upload by what became of it, in a batch as one by one."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.support.http_town import People, Town, a_town, people_of
from tests.support.moments import NOW
from workflow.measured_ingest import MeasuredIngest, result_of
from workflow.metrics import UPLOAD_RESULTS, NoMetrics

GOOD: dict[str, Any] = {
    "schema": 1,
    "vss": "6.0",
    "boot_id": "boot",
    "seq": 1,
    "start_ms": NOW,
    "offsets_ms": [0, 1000],
    "signals": {"Vehicle.Speed": [1.0, 2.0]},
}


class Tally(NoMetrics):
    """Behind the port: uploads by result."""

    def __init__(self) -> None:
        self.results: Counter[str] = Counter()

    def uploaded(self, result: str, uploads: int = 1) -> None:
        self.results[result] += uploads


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with a_town(tmp_path) as place:
        yield place


@pytest.fixture
async def people(town: Town) -> AsyncIterator[People]:
    async with people_of(town) as everybody:
        yield everybody


def counting(town: Town) -> Tally:
    """Let the town's edge count from here on."""
    tally = Tally()
    ingest = MeasuredIngest(town.office, town.log, tally)
    object.__setattr__(town.app.state.reception, "ingest", ingest)
    return tally


async def send(client: httpx.AsyncClient, **changes: Any) -> int:
    answer = await client.post("/v1/telemetry", content=msgspec.json.encode(GOOD | changes))
    return answer.status_code


def lines(uploads: list[dict[str, Any]]) -> bytes:
    """A batch, a JSON upload per line."""
    return b"\n".join(map(msgspec.json.encode, uploads))


async def test_each_upload_counts_once_by_its_result(town: Town, people: People) -> None:
    tally = counting(town)
    assert await send(people.car) == 202
    assert await send(people.car, schema=9) == 422
    assert await send(people.car, vehicle_id="another") == 403
    assert tally.results == {"accepted": 1, "invalid": 1, "forbidden": 1}


async def test_an_upload_that_the_log_did_not_take_is_not_accepted(town: Town, people: People) -> None:
    tally = counting(town)
    town.log.is_away = True
    assert await send(people.car) == 503
    assert tally.results == {"unavailable": 1}


async def test_in_a_batch_each_upload_counts_by_itself(town: Town, people: People) -> None:
    tally = counting(town)
    good = GOOD | {"vehicle_id": people.vehicle_id}
    uploads = [good, good | {"seq": 2}, good | {"schema": 9}, good | {"vehicle_id": "nobody"}, GOOD]
    async with town.client(people.enrolment_token) as maker:
        answer = await maker.post("/v1/telemetry/batch", content=lines(uploads))
    assert answer.status_code == 202, answer.text
    assert tally.results == {"accepted": 2, "invalid": 2, "unknown_car": 1}


async def test_a_batch_that_the_log_did_not_take_counts_whole(town: Town, people: People) -> None:
    tally = counting(town)
    town.log.is_away = True
    good = GOOD | {"vehicle_id": people.vehicle_id}
    async with town.client(people.enrolment_token) as maker:
        answer = await maker.post("/v1/telemetry/batch", content=lines([good, good | {"seq": 2}]))
    assert answer.status_code == 503
    assert tally.results == {"unavailable": 2}


def test_what_nobody_has_thought_of_is_a_result_too() -> None:
    assert result_of(RuntimeError()) == "failed"
    assert "failed" in UPLOAD_RESULTS
