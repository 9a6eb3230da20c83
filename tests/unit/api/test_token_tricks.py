"""Tokens are opaque: what is no token that we gave out, to this kind of caller, opens nothing."""

import base64
import json

import pytest

from domain.machine_client import Scope
from tests.support.http_town import People, Town
from tests.unit.api.test_machine_clients import ask, new_client
from workflow.identity import make_sign_in_link
from workflow.machine_clients import TOKEN_PREFIX


def part(value: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


CLAIMS = part({"sub": "operator", "role": "operator", "exp": 9_999_999_999, "aud": "pitcall", "iss": "pitcall"})
JWK = {"kty": "oct", "k": "AAAA"}
MADE_UP = {
    "a JWT without algorithm": f"{part({'alg': 'none', 'typ': 'JWT'})}.{CLAIMS}.",
    "a JWT signed with a public key as a secret": f"{part({'alg': 'HS256'})}.{CLAIMS}.{part({'signed': 'yes'})}",
    "a JWT with its own key": f"{part({'alg': 'HS256', 'jwk': JWK})}.{CLAIMS}.AAAA",
    "a JWT that says where its key is": f"{part({'alg': 'RS256', 'jku': 'http://127.0.0.1/keys'})}.{CLAIMS}.AAAA",
    "a JWT with a critical field": f"{part({'alg': 'none', 'crit': ['exp']})}.{CLAIMS}.",
    "the prefix of an access token alone": TOKEN_PREFIX,
    "a prefix twice": TOKEN_PREFIX * 2,
    "very long": "a" * 60_000,
    "a wildcard": "%",
    "SQL": "' OR '1'='1",
    "NUL": "abc\0def",
    "Latin": "\xff\xfe",
    "two tokens": "abc, def",
}


@pytest.mark.parametrize("name", MADE_UP)
async def test_a_made_up_token_opens_nothing(town: Town, people: People, name: str) -> None:
    header = b"Bearer " + MADE_UP[name].encode("latin-1")
    async with town.client() as anyone:
        for path in ("/v1/me", "/v1/dealer/proposals", "/v1/operator/funnel", "/v1/me/vehicles"):
            answer = await anyone.get(path, headers={"Authorization": header})  # type: ignore[dict-item]
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"] == "Bearer"
        for path in ("/v1/telemetry", "/v1/telemetry/batch", "/v1/vehicles/me/claim-code"):
            answer = await anyone.post(path, content=b"{}", headers={"Authorization": header})  # type: ignore[dict-item]
            assert answer.status_code == 401, path


async def test_a_token_of_one_kind_is_none_of_another(town: Town, people: People) -> None:
    made = await new_client(people.operator, people.dealer_id, list(Scope))
    access = (await ask(town, made)).json()["access_token"]
    async with town.records.unit_of_work() as uow:
        account = await uow.people.account_by_email("olla@owner.example")
    assert account is not None
    link = await make_sign_in_link(town.office, account.account_id)
    session = people.owner.headers["authorization"].removeprefix("Bearer ")
    car = people.car.headers["authorization"].removeprefix("Bearer ")
    others_of_people = {"car": car, "enrolment": people.enrolment_token, "secret": made["client_secret"], "link": link}
    for name, token in others_of_people.items():
        async with town.client(token) as bearer:
            assert (await bearer.get("/v1/me")).status_code == 401, name
    for name, token in {"session": session, "access": access, "enrolment": people.enrolment_token}.items():
        async with town.client(token) as bearer:
            assert (await bearer.post("/v1/vehicles/me/claim-code", json={})).status_code == 401, name
    async with town.client() as browser:
        browser.cookies.set("pitcall_dealer", access)
        page = await browser.get("/dealer")
        assert (page.status_code, page.headers["location"].split("?")[0]) == (303, "/sign-in")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "Basic {token}"),
        ("Authorization", "{token}"),
        ("Authorization", "Token {token}"),
        ("X-Authorization", "Bearer {token}"),
        ("X-Forwarded-User", "operator"),
        ("Cookie", "token={token}"),
    ],
)
async def test_a_good_token_counts_in_its_own_place_only(town: Town, people: People, name: str, value: str) -> None:
    token = people.operator.headers["authorization"].removeprefix("Bearer ")
    async with town.client() as anyone:
        assert (await anyone.get("/v1/operator/funnel", headers={name: value.format(token=token)})).status_code == 401
        assert (await anyone.get("/v1/operator/funnel", params={"access_token": token})).status_code == 401


async def test_two_authorizations_are_not_chosen_among(town: Town, people: People) -> None:
    headers = [("Authorization", "Bearer forged"), ("Authorization", people.operator.headers["authorization"])]
    async with town.client() as anyone:
        assert (await anyone.get("/v1/operator/funnel", headers=headers)).status_code == 401
        assert (await anyone.get("/v1/operator/funnel", headers=headers[::-1])).status_code == 401


async def test_nothing_of_a_token_comes_back_in_a_header(town: Town, people: People) -> None:
    made = await new_client(people.operator, people.dealer_id, list(Scope))
    async with town.client() as anyone:
        scope = 'x\r\nSet-Cookie: a=b\u2028"\\'
        sent = {"grant_type": "client_credentials", "scope": scope}
        answer = await anyone.post("/v1/oauth/token", data=sent, auth=(made["client_id"], made["client_secret"]))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
    assert "set-cookie" not in answer.headers
    assert all(" " <= c <= "~" and c not in '"\\' for c in answer.json()["error_description"])
