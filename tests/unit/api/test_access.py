"""Access: every address of the API, tried by everybody it is not for.

The matrix is made from the routes themselves and the table of who may what; what a stranger sends is the example of the
OpenAPI document with somebody else's ids in it. A new route is in it without being asked.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from api.app import api_routes
from api.authentication import operation_of
from domain.machine_client import AccessToken, Scope
from domain.people import Role, Session
from tests.support.http_town import People, Town, claimed_car, new_dealer, new_owner, signed_in
from tests.unit.api.test_booking import draft
from tests.unit.api.test_machine_clients import ask as ask_for_token
from tests.unit.api.test_machine_clients import new_client
from workflow.access import ACCESS, Bears, Rule, hash_token
from workflow.machine_clients import TOKEN_PREFIX

OPEN = {"customers.register", "sessions.begin", "health.healthz", "health.readyz", "health.explain"}
# What all who are signed in may know: which dealers there are, and (owners and operators) when they are free.
PUBLIC = {"dealers.all_dealers", "dealers.free_slots"}
# These name no car: they send a code, and a wrong one is a wrong field.
GUESSED = {"me.claim", "drivers.join", "operators.release"}
NOT_SIGNED_IN = ("nobody", "forged", "expired session", "expired machine", "revoked machine")
OF_CARS = ("car", "enrolment")


@dataclass(frozen=True)
class Stranger:
    """Somebody with rights of their own, none of them over what the matrix asks for."""

    client: httpx.AsyncClient
    role: Role | None = None
    scopes: frozenset[Scope] = frozenset()

    def may(self, rule: Rule) -> bool:
        """What the table says of such a caller."""
        if self.role is Role.MACHINE:
            return rule.all_clients or rule.scope in self.scopes
        return self.role in rule.roles


class Matrix:
    """The town with one of everything, and strangers of every kind."""

    def __init__(self, town: Town, ids: dict[str, str], strangers: dict[str, Stranger]) -> None:
        self.ids = ids
        self.strangers = strangers
        self.document = town.app.openapi()
        self.cells = [(route, method) for route in api_routes() for method in sorted(route.methods or ())]

    async def ask(self, name: str, route: APIRoute, method: str) -> httpx.Response:
        path = route.path.format_map(self.ids | {"slug": "not-found"})
        return await self.strangers[name].client.request(method, path, **self.body(route, method))

    def body(self, route: APIRoute, method: str) -> dict[str, Any]:
        operation = self.document["paths"].get(route.path, {}).get(method.lower(), {})
        contents = operation.get("requestBody", {}).get("content", {})
        if "application/json" in contents and "example" in contents["application/json"]:
            return {"json": self._with_foreign_ids(contents["application/json"]["example"])}
        return {"content": b"{}"} if method == "POST" else {}

    def _with_foreign_ids(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self._with_foreign_ids(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._with_foreign_ids(inner, name.removesuffix("s")) for inner in value]
        return self.ids.get(name, value)


@pytest.fixture
async def matrix(town: Town, people: People) -> AsyncIterator[Matrix]:
    proposal: dict[str, Any] = await draft(town, people)
    await people.owner.post(f"/v1/me/proposals/{proposal['proposal_id']}/send", json={})
    ids = {
        "vehicle_id": people.vehicle_id,
        "driver_id": await a_driver(town, people),
        "signal": "Vehicle.Speed",
        "need_id": proposal["need_ids"][0],
        "grant_id": proposal["grant_id"],
        "proposal_id": proposal["proposal_id"],
        "delivery_id": f"{proposal['proposal_id']}:2",
        "dealer_id": people.dealer_id,
        "client_id": (await new_client(people.dealer, people.dealer_id, list(Scope)))["client_id"],
    }
    strangers = await strangers_of(town, people)
    yield Matrix(town, ids, strangers)
    for stranger in strangers.values():
        await stranger.client.aclose()


async def a_driver(town: Town, people: People) -> str:
    """The id of somebody who drives the car."""
    path = f"/v1/me/vehicles/{people.vehicle_id}/drivers"
    code = (await people.owner.post(f"{path}/invitations", json={})).json()["code"]
    driver, _ = await new_owner(town, "Dora Nomen")
    await driver.post("/v1/me/drives", json={"code": code})
    await driver.aclose()
    listed: str = (await people.owner.get(path)).json()["drivers"][0]["customer_id"]
    return listed


async def strangers_of(town: Town, people: People) -> dict[str, Stranger]:
    """Another owner, another dealer with its systems, their cars, and tokens that are none (any longer)."""
    owner, email = await new_owner(town, "Otto Nomen")
    _, credential = await claimed_car(town, people.enrolment_token, owner)
    dealer_id, advisor = await new_dealer(town, people.operator, "Grid Garage")
    dealer = await signed_in(town, advisor)
    made = await new_client(dealer, dealer_id, list(Scope))
    expired_session, expired_access = await run_out(town, email, made["client_id"])
    ended = await new_client(dealer, dealer_id, list(Scope))
    revoked = town.client((await ask_for_token(town, ended)).json()["access_token"])
    await dealer.post(f"/v1/dealers/{dealer_id}/clients/{ended['client_id']}/revoke", json={})
    found = {
        "nobody": Stranger(town.client()),
        "forged": Stranger(town.client("no-such-token")),
        "expired session": Stranger(town.client(expired_session)),
        "expired machine": Stranger(town.client(expired_access)),
        "revoked machine": Stranger(revoked),
        "car": Stranger(town.client(credential)),
        "enrolment": Stranger(town.client(people.enrolment_token)),
        "owner": Stranger(owner, Role.OWNER),
        "dealer": Stranger(dealer, Role.ADVISOR),
        "operator": Stranger(await signed_in(town, "operator@town.example"), Role.OPERATOR),
    }
    for scopes in [*([scope] for scope in Scope), list(Scope)]:
        client = town.client((await ask_for_token(town, made, scope=" ".join(scopes))).json()["access_token"])
        found[f"machine with {' '.join(scopes)}"] = Stranger(client, Role.MACHINE, frozenset(scopes))
    return found


async def run_out(town: Town, email: str, client_id: str) -> tuple[str, str]:
    """A session of the account and an access token of the client that ended a moment ago."""
    now, session, access = town.wall.now_ms(), "a-session-that-ended", TOKEN_PREFIX + "that-ended"
    async with town.records.unit_of_work() as uow:
        account = await uow.people.account_by_email(email)
        assert account is not None
        await uow.people.add_session(Session(hash_token(session), account.account_id, now))
        await uow.machine_clients.add_token(AccessToken(hash_token(access), client_id, tuple(Scope), now))
    return session, access


async def test_what_is_open_to_everybody_is_listed_here(matrix: Matrix) -> None:
    operations = {operation_of(route.endpoint) for route, _ in matrix.cells}
    assert {name for name in operations if ACCESS[name].bears is Bears.NOTHING} == OPEN
    assert set(ACCESS) - operations == {"metrics.metrics"}, "an entry that no route has any more"


async def test_every_cell_of_the_matrix_is_refused(matrix: Matrix) -> None:
    """Endpoint × caller × somebody else's ids: 401 unknown, 403 not of this role or scope, 404 not theirs."""
    tried = refused = 0
    wrong: list[str] = []
    for route, method in matrix.cells:
        operation = operation_of(route.endpoint)
        rule = ACCESS[operation]
        if rule.bears in (Bears.NOTHING, Bears.CLIENT_SECRET):
            continue
        for name, stranger in matrix.strangers.items():
            expected = expected_status(rule, name, stranger, names_something(matrix, route, method), operation)
            if expected is None:
                continue
            tried += 1
            answer = await matrix.ask(name, route, method)
            if answer.status_code == expected and not leaks(matrix, answer):
                refused += 1
            else:
                wrong.append(f"{name}: {method} {route.path} gave {answer.status_code}, not {expected}")
    assert wrong == []
    assert refused == tried >= 600


def expected_status(rule: Rule, name: str, stranger: Stranger, is_foreign: bool, operation: str) -> int | None:
    """None where the caller is no stranger to it: there is nothing of anybody else's in the call."""
    if rule.bears is Bears.CAR or rule.bears is Bears.ENROLMENT:
        own = {Bears.CAR: "car", Bears.ENROLMENT: "enrolment"}[rule.bears]
        return None if name == own else 401
    if name in NOT_SIGNED_IN or name in OF_CARS:
        return 401
    if not stranger.may(rule):
        return 403
    if operation in GUESSED:
        return 422
    is_own_affair = stranger.role is Role.OPERATOR or (operation in PUBLIC and stranger.role is Role.OWNER)
    return None if is_own_affair or not is_foreign else 404


def names_something(matrix: Matrix, route: APIRoute, method: str) -> bool:
    """Whether the call names an object of somebody else's, in its path or body."""
    sent = route.path + str(matrix.body(route, method))
    return "{" in route.path or any(found in sent for found in matrix.ids.values())


def leaks(matrix: Matrix, answer: httpx.Response) -> bool:
    """Whether a refusal tells more than the caller said itself: none may repeat an id."""
    return any(found in answer.text for name, found in matrix.ids.items() if name != "signal")


async def test_lists_hold_nothing_of_anybody_elses(matrix: Matrix) -> None:
    tried = 0
    hidden = [found for name, found in matrix.ids.items() if name not in ("signal", "dealer_id")]
    for route, method in matrix.cells:
        operation = operation_of(route.endpoint)
        if method != "GET" or "{" in route.path or ACCESS[operation].bears is not Bears.ACCOUNT:
            continue
        for name, stranger in matrix.strangers.items():
            if not stranger.may(ACCESS[operation]) or name == "operator":
                continue
            tried += 1
            answer = await matrix.ask(name, route, method)
            assert answer.status_code == 200, (name, route.path)
            assert not any(found in answer.text for found in hidden), (name, route.path)
    assert tried >= 10


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
