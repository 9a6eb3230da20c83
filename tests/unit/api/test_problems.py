"""Errors: one shape for all, and each names what is wrong and what would be right."""

import json

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from api.live_events import Listener
from api.patience import PatientRoute
from domain.errors import TryAgain
from tests.support.http_town import PASSWORD, People, Town

GOOD = {
    "schema": 1,
    "vss": "6.0",
    "boot_id": "boot-1",
    "seq": 1,
    "start_ms": 1759737600000,
    "offsets_ms": [0, 1000],
    "signals": {"Vehicle.Speed": [12.0, None]},
    "origins": {"Vehicle.Speed": "recorded"},
}


async def test_a_good_upload_is_taken_once_it_is_in_the_log(town: Town, people: People) -> None:
    answer = await people.car.post("/v1/telemetry", json=GOOD)
    assert answer.status_code == 202
    assert answer.json() == {"accepted": True, "upload": f"{people.vehicle_id}/boot-1/1", "partition": 0, "offset": 0}
    assert town.log.taken[0][0] == people.vehicle_id


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"not json", "$"),
        (json.dumps(GOOD | {"offsets_ms": [0, 1000, 2000]}).encode(), "signals.Vehicle.Speed"),
        (json.dumps(GOOD | {"signals": {"Vehicle.Warp": [1.0, 2.0]}}).encode(), "signals.Vehicle.Warp"),
        (json.dumps(GOOD).replace("12.0", "NaN").encode(), "signals"),
        (json.dumps(GOOD | {"offsets_ms": [0, 0]}).encode(), "offsets_ms"),
    ],
)
async def test_a_bad_upload_gets_a_problem_that_names_the_field(
    town: Town, people: People, body: bytes, field: str
) -> None:
    answer = await people.car.post("/v1/telemetry", content=body)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.status_code == (400 if field == "$" else 422)
    assert answer.json()["status"] == answer.status_code
    assert answer.json()["errors"][0]["field"].startswith(field)
    assert answer.json()["errors"][0]["fix"]
    assert town.log.taken == []


async def test_a_car_cannot_speak_for_another(town: Town, people: People) -> None:
    answer = await people.car.post("/v1/telemetry", json=GOOD | {"vehicle_id": "another"})
    assert answer.status_code == 403
    assert town.log.taken == []
    assert [error["field"] for error in answer.json()["errors"]] == ["vehicle_id"]


async def test_a_body_over_the_limit_is_refused_while_reading(town: Town, people: People) -> None:
    async def endless():  # type: ignore[no-untyped-def]
        for _ in range(64):
            yield b" " * 65_536

    answer = await people.car.post("/v1/telemetry", content=endless())  # no Content-Length
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (413, "body")
    answer = await people.owner.post("/v1/me/consents", content=b"x" * 300_000)
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[1]) == (413, "too-large")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"until_ms": "tomorrow"}, "until_ms"),
        ({}, "until_ms"),
        ({"until_ms": 1, "colour": "blue"}, "colour"),
    ],
)
async def test_a_wrong_field_is_named_with_its_fix(people: People, body: dict[str, object], field: str) -> None:
    answer = await people.owner.post("/v1/me/needs/need-1/snooze", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert answer.json()["errors"][0]["fix"]


async def test_the_path_into_a_list_is_told(people: People) -> None:
    records = [{"item": "engine_oil", "outcome": "replaced", "performed_ms": 1, "odometer_m": 1}, {"item": "x"}]
    answer = await people.owner.post(f"/v1/me/vehicles/{people.vehicle_id}/service-history", json={"records": records})
    fields = [error["field"] for error in answer.json()["errors"]]
    assert fields == ["records[1].outcome", "records[1].performed_ms", "records[1].odometer_m"]


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e999"])
async def test_numbers_that_are_none_are_refused(people: People, number: bytes) -> None:
    record = b'{"item":"engine_oil","outcome":"measured","performed_ms":1,"odometer_m":1,"value":%s}' % number
    answer = await people.owner.post(
        f"/v1/me/vehicles/{people.vehicle_id}/service-history",
        content=b'{"records":[%s]}' % record,
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "records[0].value")


async def test_unknown_addresses_and_wrong_methods_are_problems_too(town: Town) -> None:
    async with town.client() as anyone:
        absent = await anyone.get("/v1/nothing")
        wrong = await anyone.put("/v1/sessions", json={})
        page = await anyone.get("/nothing", headers={"Accept": "text/html"})
    assert (absent.status_code, absent.json()["type"].rsplit("/", 1)[1]) == (404, "not-found")
    assert (wrong.status_code, wrong.json()["type"].rsplit("/", 1)[1]) == (405, "method-not-allowed")
    assert "POST" in wrong.headers["allow"]
    assert page.headers["content-type"].startswith("text/html")


async def test_each_problem_type_has_a_page_that_explains_it(town: Town) -> None:
    async with town.client() as anyone:
        told = (await anyone.get("/v1/me")).json()
        assert (told["status"], told["title"]) == (401, "Sign in or send a valid credential")
        page = await anyone.get(told["type"])
        assert page.status_code == 200
        assert (await anyone.get("/problems/unheard-of")).status_code == 404


async def test_a_bug_says_nothing_of_our_insides(town: Town) -> None:
    town.readiness["fault"] = "secret detail"
    async with town.client() as anyone:
        answer = await anyone.get("/readyz")
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[1]) == (500, "internal-error")
    assert "secret" not in answer.text


async def test_a_wrong_password_and_an_unknown_address_sound_alike(town: Town, people: People) -> None:
    async with town.client() as anyone:
        told = [
            (await anyone.post("/v1/sessions", json={"email": email, "password": "wrong password"})).json()
            for email in ("olla@owner.example", "nobody@owner.example")
        ]
        right = await anyone.post("/v1/sessions", json={"email": "olla@owner.example", "password": PASSWORD})
    assert told[0] == told[1]
    assert (right.status_code, right.json()["role"]) == (201, "owner")


async def test_readiness_is_told_by_the_status(town: Town) -> None:
    async with town.client() as anyone:
        assert (await anyone.get("/readyz")).status_code == 200
        town.readiness["ready"] = False
        assert (await anyone.get("/readyz")).status_code == 503
        assert (await anyone.get("/healthz")).status_code == 200


async def test_a_call_that_met_another_writer_is_run_again() -> None:
    tries: list[int] = []
    app = FastAPI()
    router = APIRouter(route_class=PatientRoute)

    @router.get("/")
    async def third_time_lucky() -> int:
        tries.append(len(tries))
        if len(tries) < 3:
            raise TryAgain("another writer was in the way")
        return len(tries)

    app.include_router(router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://town.example") as anyone:
        assert (await anyone.get("/")).json() == 3


async def test_every_answer_carries_the_security_headers(town: Town, people: People) -> None:
    async with town.client() as anyone:
        answers = [await anyone.get(path) for path in ("/sign-in", "/v1/me", "/static/pitcall.css", "/healthz")]
        refused = await people.car.post("/v1/telemetry", content=b"x" * 1_200_000)
    for answer in [*answers, refused]:
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_the_openapi_document_tells_of_the_api_and_not_of_the_pages(town: Town) -> None:
    async with town.client() as anyone:
        paths = (await anyone.get("/openapi.json")).json()["paths"]
        assert (await anyone.get("/docs")).status_code == 404
    assert "/v1/telemetry" in paths
    assert all(path.startswith(("/v1/", "/healthz", "/readyz")) for path in paths)


async def test_a_page_hears_only_of_its_own(town: Town, people: People) -> None:
    live = town.app.state.reception.live_events
    live._poll_s = 0.01
    stream = live.stream(Listener(customer_id="somebody-else"))
    mine = live.stream(Listener(hears_all=True))
    assert b"listening" in await anext(stream)
    assert b"listening" in await anext(mine)
    body = {"vehicle_id": people.vehicle_id, "purpose": "model_improvement"}
    for _ in range(3):  # the poller begins where the timeline ends when it first looks
        await people.owner.post("/v1/me/consents", json=body)
    heard = await anext(mine)
    assert heard.startswith(b"event: changed\n")
    assert b"consent-granted" in heard
    assert people.vehicle_id.encode() not in heard
    await live.close()
    assert [chunk async for chunk in stream] == []
    await mine.aclose()
