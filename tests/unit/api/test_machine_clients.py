"""A dealer's own systems: a client is made by a person, signs in for a token, and may do what its scopes say."""

import base64
from typing import Any

import httpx
import pytest

from domain.machine_client import Scope
from tests.support.http_town import People, Town, new_dealer, signed_in
from tests.unit.api.test_booking import draft
from workflow.machine_clients import TOKEN_MS

ALL = [str(scope) for scope in Scope]
GRANT = {"grant_type": "client_credentials"}


async def new_client(by: httpx.AsyncClient, dealer_id: str, scopes: list[str]) -> dict[str, Any]:
    answer = await by.post(f"/v1/dealers/{dealer_id}/clients", json={"name": "workshop", "scopes": scopes})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def ask(town: Town, made: dict[str, Any], **fields: str) -> httpx.Response:
    async with town.client() as anyone:
        sent = (made["client_id"], made["client_secret"])
        return await anyone.post("/v1/oauth/token", data=GRANT | fields, auth=sent)


async def machine(town: Town, by: httpx.AsyncClient, dealer_id: str, scopes: list[str]) -> httpx.AsyncClient:
    answer = await ask(town, await new_client(by, dealer_id, scopes))
    assert answer.status_code == 200, answer.text
    return town.client(answer.json()["access_token"])


async def test_a_client_takes_part_in_a_booking_for_its_dealer(town: Town, people: People) -> None:
    proposal = await draft(town, people)
    await people.owner.post(f"/v1/me/proposals/{proposal['proposal_id']}/send", json={})
    made = await new_client(people.operator, people.dealer_id, ["proposals:write", "proposals:read"])
    answer = await ask(town, made)
    assert answer.json() | {"access_token": ""} == {
        "access_token": "",
        "token_type": "Bearer",
        "expires_in": TOKEN_MS // 1000,
        "scope": "proposals:read proposals:write",
    }
    assert answer.headers["cache-control"] == "no-store"
    async with town.client(answer.json()["access_token"]) as system:
        (entry,) = (await system.get("/v1/dealer/proposals")).json()["proposals"]
        accepted = await system.post(f"/v1/dealer/proposals/{entry['proposal_id']}/accept", json={})
        assert (accepted.status_code, accepted.json()["state"]) == (200, "accepted")
        me = (await system.get("/v1/me")).json()
    assert me == {
        "role": "machine",
        "name": "workshop",
        "dealer_id": people.dealer_id,
        "client_id": made["client_id"],
        "scopes": ["proposals:read", "proposals:write"],
    }


async def test_a_token_has_the_scopes_asked_for_and_no_more(town: Town, people: People) -> None:
    made = await new_client(people.dealer, people.dealer_id, ["proposals:read", "slots:read"])
    fewer = (await ask(town, made, scope="slots:read")).json()
    assert fewer["scope"] == "slots:read"
    async with town.client(fewer["access_token"]) as system:
        assert (await system.get(f"/v1/dealers/{people.dealer_id}/slots")).status_code == 200
        refused = await system.get("/v1/dealer/proposals")
    assert refused.status_code == 403
    assert refused.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="proposals:read"'
    for scope in ("proposals:write", "everything", "slots:read everything"):
        more = await ask(town, made, scope=scope)
        assert (more.status_code, more.json()["error"]) == (400, "invalid_scope"), scope


async def test_revoking_a_client_ends_its_tokens_with_the_next_call(town: Town, people: People) -> None:
    made = await new_client(people.dealer, people.dealer_id, ALL)
    async with town.client((await ask(town, made)).json()["access_token"]) as system:
        assert (await system.get("/v1/me")).status_code == 200
        path = f"/v1/dealers/{people.dealer_id}/clients"
        revoked = await people.dealer.post(f"{path}/{made['client_id']}/revoke", json={})
        assert revoked.json()["revoked_ms"] is not None
        assert (await system.get("/v1/me")).status_code == 401
    assert (await ask(town, made)).json()["error"] == "invalid_client"
    (listed,) = (await people.dealer.get(path)).json()["clients"]
    assert listed["revoked_ms"] is not None
    assert "client_secret" not in listed


async def test_a_token_runs_out(town: Town, people: People) -> None:
    async with await machine(town, people.operator, people.dealer_id, ALL) as system:
        town.wall.set(town.wall.now_ms() + TOKEN_MS - 1)
        assert (await system.get("/v1/me")).status_code == 200
        town.wall.set(town.wall.now_ms() + 1)
        assert (await system.get("/v1/me")).status_code == 401


async def test_every_way_of_being_wrong_sounds_alike(town: Town, people: People) -> None:
    made = await new_client(people.operator, people.dealer_id, ALL)
    told = [
        await ask(town, made | wrong)
        for wrong in ({"client_secret": "x" * 43}, {"client_id": "0" * 32}, {"client_secret": made["client_id"]})
    ]
    assert {answer.status_code for answer in told} == {401}
    assert len({answer.content for answer in told}) == 1
    assert told[0].headers["www-authenticate"].startswith("Basic ")
    async with town.client(made["client_secret"]) as system:
        assert (await system.get("/v1/me")).status_code == 401, "a secret is no token"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ["client_credentials", "client_credentials"]}, "invalid_request"),
        ({"grant_type": "client_credentials", "client_secret": "twice"}, "invalid_request"),
        ({"grant_type": "client_credentials", "client_id": "another"}, "invalid_request"),
    ],
)
async def test_a_wrong_request_gets_the_error_of_the_standard(
    town: Town, people: People, data: dict[str, Any], error: str
) -> None:
    made = await new_client(people.operator, people.dealer_id, ALL)
    async with town.client() as anyone:
        answer = await anyone.post(
            "/v1/oauth/token", data=data, auth=(made["client_id"], made["client_secret"]), headers={"X-Any": "1"}
        )
    assert (answer.status_code, answer.json()["error"]) == (400, error)


async def test_credentials_may_stand_in_the_form_and_are_read_strictly(town: Town, people: People) -> None:
    made = await new_client(people.operator, people.dealer_id, ALL)
    form = GRANT | {"client_id": made["client_id"], "client_secret": made["client_secret"]}
    async with town.client() as anyone:
        assert (await anyone.post("/v1/oauth/token", data=form)).status_code == 200
        assert (await anyone.post("/v1/oauth/token", json=form)).json()["error"] == "invalid_request"
        assert (await anyone.post("/v1/oauth/token", data=GRANT)).json()["error"] == "invalid_client"
        for header in ("Basic", "Basic ====", "Bearer abc", "Basic " + base64.b64encode(b"\xff:\xff").decode()):
            answer = await anyone.post("/v1/oauth/token", data=GRANT, headers={"Authorization": header})
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), header


async def test_a_dealers_people_keep_their_own_clients_only(town: Town, people: People) -> None:
    mine = await new_client(people.dealer, people.dealer_id, ALL)
    other_id, advisor = await new_dealer(town, people.operator, "Grid Garage")
    other = await signed_in(town, advisor)
    theirs = f"/v1/dealers/{people.dealer_id}/clients"
    body = {"name": "a spy", "scopes": ["proposals:read"]}
    assert (await other.post(theirs, json=body)).status_code == 404
    assert (await other.get(theirs)).status_code == 404
    assert (await other.post(f"{theirs}/{mine['client_id']}/revoke", json={})).status_code == 404
    through_mine = f"/v1/dealers/{other_id}/clients/{mine['client_id']}/revoke"
    assert (await other.post(through_mine, json={})).status_code == 404
    assert (await people.owner.post(theirs, json=body)).status_code == 403
    async with await machine(town, people.dealer, people.dealer_id, ALL) as system:
        assert (await system.post(theirs, json=body)).status_code == 403, "a client makes no clients"
    await other.aclose()


async def test_an_answer_with_a_secret_is_not_kept_under_its_key(town: Town, people: People) -> None:
    path, body = f"/v1/dealers/{people.dealer_id}/clients", {"name": "workshop", "scopes": ["slots:read"]}
    headers = {"Idempotency-Key": "once"}
    assert (await people.dealer.post(path, json=body, headers=headers)).status_code == 201
    again = await people.dealer.post(path, json=body, headers=headers)
    assert (again.status_code, again.json()["type"].rsplit("/", 1)[1]) == (409, "done-already")
    assert len((await people.dealer.get(path)).json()["clients"]) == 1
