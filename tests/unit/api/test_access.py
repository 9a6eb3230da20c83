"""Access: every address of the API, tried by everybody it is not for. A matrix made from the OpenAPI document."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest

from tests.support.http_town import NEW_CAR, People, Town, claimed_car, new_dealer, new_owner, signed_in
from tests.support.moments import DAY, NOW
from tests.unit.api.test_booking import draft

OPEN = {"/v1/customers", "/v1/sessions", "/v1/oauth/token", "/healthz", "/readyz"}
OF_CARS = {"/v1/telemetry", "/v1/telemetry/batch", "/v1/vehicles", "/v1/vehicles/me/claim-code"}
OF_ALL_SIGNED_IN = {"/v1/me", "/v1/dealers", "/v1/dealers/{dealer_id}/slots"}
CLIENTS = "/v1/dealers/{dealer_id}/clients"
BODIES: Mapping[str, dict[str, Any]] = {
    "/v1/vehicles": NEW_CAR,
    CLIENTS: {"name": "workshop", "scopes": ["slots:read"]},
    "/v1/me/needs/{need_id}/snooze": {"until_ms": NOW + DAY},
    "/v1/me/needs/{need_id}/dismiss": {"reason": "done elsewhere"},
    "/v1/me/vehicles/{vehicle_id}/service-history": {"records": []},
    "/v1/me/proposals/{proposal_id}/counter": {"start_ms": 1_760_000_000_000},
    "/v1/dealer/proposals/{proposal_id}/counter": {"starts_ms": [1_760_000_000_000]},
    "/v1/dealer/proposals/{proposal_id}/check-in": {"odometer_m": 1},
    "/v1/dealer/proposals/{proposal_id}/complete": {"odometer_m": 1, "records": []},
}


class Matrix:
    """The town with one of everything, and strangers of every role."""

    def __init__(self, town: Town, ids: dict[str, str], strangers: dict[str, httpx.AsyncClient]) -> None:
        self.ids = ids
        self.strangers = strangers
        self.routes = [
            (method.upper(), path)
            for path, methods in town.app.openapi()["paths"].items()
            for method in methods
            if path not in OPEN
        ]

    async def ask(self, client: httpx.AsyncClient, method: str, path: str) -> int:
        body = BODIES.get(path, {}) if method == "POST" else None
        answer = await client.request(method, path.format_map(self.ids), json=body)
        return answer.status_code


@pytest.fixture
async def matrix(town: Town, people: People) -> AsyncIterator[Matrix]:
    proposal: dict[str, Any] = await draft(town, people)
    await people.owner.post(f"/v1/me/proposals/{proposal['proposal_id']}/send", json={})
    ids = {
        "vehicle_id": people.vehicle_id,
        "signal": "Vehicle.Speed",
        "need_id": proposal["need_ids"][0],
        "grant_id": proposal["grant_id"],
        "proposal_id": proposal["proposal_id"],
        "dealer_id": people.dealer_id,
        "client_id": "no-such-client",
    }
    other_owner, _ = await new_owner(town, "Otto Nomen")
    _, advisor = await new_dealer(town, people.operator, "Grid Garage")
    _, credential = await claimed_car(town, people.enrolment_token, other_owner)
    strangers = {
        "nobody": town.client(),
        "forged": town.client("no-such-token"),
        "owner": other_owner,
        "dealer": await signed_in(town, advisor),
        "car": town.client(credential),
        "enrolment": town.client(people.enrolment_token),
    }
    yield Matrix(town, ids, strangers)
    for client in strangers.values():
        await client.aclose()


async def test_nobody_gets_anywhere_without_a_good_token(matrix: Matrix) -> None:
    for method, path in matrix.routes:
        for name in ("nobody", "forged"):
            assert await matrix.ask(matrix.strangers[name], method, path) == 401, (name, method, path)


async def test_a_cars_credential_opens_no_persons_door(matrix: Matrix) -> None:
    for method, path in matrix.routes:
        if path not in OF_CARS:
            for name in ("car", "enrolment"):
                assert await matrix.ask(matrix.strangers[name], method, path) == 401, (name, method, path)


async def test_a_role_opens_its_own_doors_only(matrix: Matrix, people: People) -> None:
    doors = {"/v1/me": "owner", "/v1/dealer/": "dealer", "/v1/operator/": "operator"}
    callers = {"owner": people.owner, "dealer": people.dealer, "operator": people.operator}
    tried = 0
    for method, path in matrix.routes:
        if path in OF_ALL_SIGNED_IN or path in OF_CARS or path.startswith(CLIENTS):
            continue
        role = next(role for start, role in doors.items() if path.startswith(start))
        for name, client in callers.items():
            if name != role:
                tried += 1
                assert await matrix.ask(client, method, path) == 403, (name, method, path)
    assert tried >= 50


async def test_what_belongs_to_somebody_else_is_not_there(matrix: Matrix) -> None:
    tried = 0
    for method, path in matrix.routes:
        if "{" not in path or path in OF_ALL_SIGNED_IN:
            continue
        name = "dealer" if path.startswith(("/v1/dealer/", CLIENTS)) else "owner"
        tried += 1
        assert await matrix.ask(matrix.strangers[name], method, path) == 404, (name, method, path)
    assert tried >= 18


async def test_a_stranger_can_book_nothing_with_anothers_car_or_consent(matrix: Matrix) -> None:
    ids = matrix.ids
    body = {
        "vehicle_id": ids["vehicle_id"],
        "need_ids": [ids["need_id"]],
        "dealer_id": ids["dealer_id"],
        "start_ms": 1_760_000_000_000,
        "grant_id": ids["grant_id"],
    }
    stranger = matrix.strangers["owner"]
    assert (await stranger.post("/v1/me/proposals", json=body)).status_code == 404
    consent = {"vehicle_id": ids["vehicle_id"], "purpose": "booking", "dealer_id": ids["dealer_id"]}
    assert (await stranger.post("/v1/me/consents", json=consent)).status_code == 404
    lists = [(await stranger.get(path)).json() for path in ("/v1/me/vehicles", "/v1/me/consents")]
    assert all(ids["vehicle_id"] not in str(found) for found in lists)
    assert (await matrix.strangers["dealer"].get("/v1/dealer/proposals")).json() == {"proposals": []}


async def test_without_consent_to_predict_an_upload_is_refused(town: Town, people: People) -> None:
    owner, _ = await new_owner(town, "Otto Nomen")
    _, credential = await claimed_car(town, people.enrolment_token, owner, consents=())
    body = {
        "schema": 1,
        "vss": "6.0",
        "boot_id": "b",
        "seq": 0,
        "start_ms": 1759737600000,
        "offsets_ms": [0],
        "signals": {"Vehicle.Speed": [1.0]},
    }
    async with town.client(credential) as car:
        assert (await car.post("/v1/telemetry", json=body)).status_code == 403
    assert town.log.taken == []
    await owner.aclose()
