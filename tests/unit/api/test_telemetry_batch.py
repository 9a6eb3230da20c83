"""A maker's cloud sends for many cars: each upload has its own result, and only its own cars are listened to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.telemetry import TelemetryUpload, UploadId
from tests.support.http_town import People, Town, claimed_car
from tests.support.moments import NOW
from workflow.upload_batch import MAX_BATCH_BYTES, MAX_BATCH_UPLOADS
from workflow.upload_codec import MAX_UPLOAD_BYTES, encode_binary

PATH = "/v1/telemetry/batch"


def line(vehicle_id: str, seq: int = 0, **changes: Any) -> bytes:
    whole = {
        "schema": 1,
        "vss": "6.0",
        "vehicle_id": vehicle_id,
        "boot_id": "b",
        "seq": seq,
        "start_ms": NOW,
        "offsets_ms": [0],
        "signals": {"Vehicle.Speed": [1.0]},
    }
    return json.dumps(whole | changes).encode()


def binary(vehicle_id: str, seq: int = 0) -> bytes:
    return encode_binary(TelemetryUpload(UploadId(vehicle_id, "b", seq), NOW, [0], {"Vehicle.Speed": [1.0]}, NOW))


async def post(town: Town, token: str, body: bytes) -> httpx.Response:
    async with town.client(token) as cloud:
        return await cloud.post(PATH, content=body)


async def send(town: Town, people: People, uploads: Sequence[bytes]) -> dict[str, Any]:
    answer = await post(town, people.enrolment_token, b"\n".join(uploads))
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    assert found["accepted"] + found["refused"] == len(found["results"])
    return found


async def test_each_upload_has_its_own_result_in_order(town: Town, people: People) -> None:
    good = people.vehicle_id
    found = await send(
        town,
        people,
        [line(good, 0), b"{nope", line(good, 1, offsets_ms=[0, 1]), line("no-such-car"), line(good, 2)],
    )
    assert [result["accepted"] for result in found["results"]] == [True, False, False, False, True]
    assert found["results"][4]["upload"] == f"{good}/b/2"
    assert (found["accepted"], found["refused"]) == (2, 3)
    problems = [result["problem"] for result in found["results"] if not result["accepted"]]
    assert [problem["status"] for problem in problems] == [400, 422, 404]
    assert problems[1]["errors"][0]["field"] == "signals.Vehicle.Speed"
    assert [value for _, value, _ in town.log.taken] == [line(good, 0), line(good, 2)]
    assert {key for key, _, _ in town.log.taken} == {good}
    assert all(headers["attributes"] and headers["received-ms"] for _, _, headers in town.log.taken)


async def test_a_binary_batch_may_hold_uploads_of_either_encoding(town: Town, people: People) -> None:
    bodies = [binary(people.vehicle_id, 1), line(people.vehicle_id, 2), b"", b"\xc1"]
    answer = await post(town, people.enrolment_token, msgspec.msgpack.encode(bodies))
    assert [result["accepted"] for result in answer.json()["results"]] == [True, True, False, False]
    assert [value for _, value, _ in town.log.taken] == bodies[:2]


async def test_a_car_of_another_makers_token_is_not_there(town: Town, people: People) -> None:
    other = (await people.operator.post("/v1/operator/enrolment-tokens", json={})).json()["token"]
    foreign, _ = await claimed_car(town, other, people.owner)
    found = await send(town, people, [line(foreign), line("no-such-car")])
    foreign_problem, unknown_problem = (result["problem"] for result in found["results"])
    assert foreign_problem == unknown_problem
    assert foreign_problem["status"] == 404
    assert (await post(town, other, line(foreign))).json()["accepted"] == 1


async def test_a_car_must_be_named_by_each_upload(town: Town, people: People) -> None:
    found = await send(town, people, [line("x").replace(b'"x"', b"null"), line("a\u0000b"), line("")])
    assert {result["problem"]["errors"][0]["field"] for result in found["results"]} == {"vehicle_id"}


async def test_a_car_without_consent_is_refused_and_the_others_are_taken(town: Town, people: People) -> None:
    silent, _ = await claimed_car(town, people.enrolment_token, people.owner, consents=())
    found = await send(town, people, [line(silent), line(people.vehicle_id)])
    assert [result["accepted"] for result in found["results"]] == [False, True]
    assert found["results"][0]["problem"]["status"] == 403


async def test_a_withdrawal_reaches_the_batch_door_within_a_second(town: Town, people: People) -> None:
    await send(town, people, [line(people.vehicle_id)])
    for grant in (await people.owner.get("/v1/me/consents")).json()["consents"]:
        await people.owner.post(f"/v1/me/consents/{grant['grant_id']}/withdraw", json={})
    town.wall.set(town.wall.now_ms() + 1_000)
    found = await send(town, people, [line(people.vehicle_id)])
    assert found["accepted"] == 0


async def test_while_the_log_is_away_nothing_is_acknowledged(town: Town, people: People) -> None:
    town.log.is_away = True
    answer = await post(town, people.enrolment_token, line(people.vehicle_id) + b"\nbroken")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "7"
    town.log.is_away = False
    assert (await send(town, people, [line(people.vehicle_id)]))["accepted"] == 1


@pytest.mark.parametrize("token", ["", "no-such-token"])
async def test_who_has_no_token_gets_nowhere(town: Town, people: People, token: str) -> None:
    assert (await post(town, token, line(people.vehicle_id))).status_code == 401


async def test_neither_a_cars_nor_a_persons_token_opens_this_door(town: Town, people: People) -> None:
    for client in (people.car, people.operator, people.owner, people.dealer):
        assert (await client.post(PATH, content=line(people.vehicle_id))).status_code == 401


@pytest.mark.parametrize("body", [b"", b"\n\n \n", b"\x90", b"\x91\x80", b"\x80", b"\xc1", b"\xdd\xff\xff\xff\xff"])
async def test_what_is_no_batch_is_refused_whole(town: Town, people: People, body: bytes) -> None:
    answer = await post(town, people.enrolment_token, body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["fix"]


async def test_a_batch_has_limits_in_uploads_and_bytes(town: Town, people: People) -> None:
    most = b"\n".join([b"{}"] * MAX_BATCH_UPLOADS)
    assert (await post(town, people.enrolment_token, most)).json()["refused"] == MAX_BATCH_UPLOADS
    assert (await post(town, people.enrolment_token, most + b"\n{}")).status_code == 413
    assert (await post(town, people.enrolment_token, b" " * (MAX_BATCH_BYTES + 1))).status_code == 413


async def test_one_upload_that_is_too_large_is_refused_alone(town: Town, people: People) -> None:
    found = await send(town, people, [line(people.vehicle_id) + b" " * MAX_UPLOAD_BYTES, line(people.vehicle_id)])
    assert [result["accepted"] for result in found["results"]] == [False, True]
    assert found["results"][0]["problem"]["status"] == 413


async def test_a_binary_upload_is_taken_at_the_cars_own_door(town: Town, people: People) -> None:
    kind = {"Content-Type": "application/vnd.pitcall.upload+msgpack"}
    answer = await people.car.post("/v1/telemetry", content=binary(people.vehicle_id), headers=kind)
    assert answer.status_code == 202, answer.text
    assert town.log.taken[-1][1] == binary(people.vehicle_id)
    assert (await people.car.post("/v1/telemetry", content=binary("another"), headers=kind)).status_code == 403
    assert (await people.car.post("/v1/telemetry", content=b"\x81\xa1", headers=kind)).status_code == 400


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies=st.lists(st.binary(min_size=1, max_size=60).filter(lambda b: b.strip() and b"\n" not in b), max_size=5))
async def test_whatever_comes_each_upload_has_a_result(town: Town, people: People, bodies: list[bytes]) -> None:
    every = [line(people.vehicle_id), *bodies, binary(people.vehicle_id)]
    answer = await post(town, people.enrolment_token, msgspec.msgpack.encode(every))
    assert answer.status_code == 202
    results = answer.json()["results"]
    assert len(results) == len(every)
    assert results[0]["accepted"]
    assert results[-1]["accepted"]
