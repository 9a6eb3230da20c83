"""The pages, tried by everybody they are not for: a matrix of route, browser and somebody else's ids."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
import pytest
from fastapi.routing import APIRoute

from api.app import PAGE_ROUTERS
from api.authentication import COOKIE_NAMES, form_token_of, operation_of
from domain.people import Role
from tests.support.http_town import ADDRESS, People, Town, new_dealer, new_owner, signed_in
from tests.unit.api.test_access import Matrix
from tests.unit.api.test_access import matrix as matrix
from web.need_view import DISMISSALS, SNOOZE_DAYS

OPEN = {
    "sign_in_pages.start",
    "sign_in_pages.sign_in_form",
    "sign_in_pages.sign_in_posted",
    "sign_in_pages.sign_in_link",
    "sign_in_pages.register_form",
    "sign_in_pages.register_posted",
    "sign_in_pages.open_reminder",
}
ROLE_OF_PATH = {"/owner": Role.OWNER, "/dealer": Role.ADVISOR, "/operator": Role.OPERATOR}
ACTIONS = {Role.OWNER: "withdraw", Role.ADVISOR: "accept"}
# What the forms ask for, so that a refusal is about whose it is.
FIELDS = {"days": str(SNOOZE_DAYS[0]), "reason": DISMISSALS[0]}
ROUTES = [
    (route, method)
    for room in PAGE_ROUTERS
    for route in room.router.routes
    if isinstance(route, APIRoute) and operation_of(route.endpoint) not in OPEN
    for method in sorted(route.methods or ())
]


@dataclass(frozen=True)
class Browser:
    """A browser whose one session stands in the cookies of all roles."""

    client: httpx.AsyncClient
    role: Role | None
    form_token: str

    async def ask(self, route: APIRoute, method: str, ids: dict[str, str]) -> httpx.Response:
        role = ROLE_OF_PATH["/" + route.path.split("/")[1]]
        path = route.path.format_map(ids | {"action": ACTIONS.get(role, "")})
        data = FIELDS | ids | {"form_token": self.form_token, "need_ids": ids["need_id"]} if method == "POST" else None
        return await self.client.request(method, path, data=data, headers={"Origin": ADDRESS})


@pytest.fixture
async def browsers(town: Town, people: People, matrix: Matrix) -> dict[str, Browser]:
    owner, _ = await new_owner(town, "Oda Nomen")
    _, advisor = await new_dealer(town, people.operator, "Third Garage")
    sessions = {
        "owner": (owner, Role.OWNER),
        "dealer": (await signed_in(town, advisor), Role.ADVISOR),
        "operator": (await signed_in(town, "operator@town.example"), Role.OPERATOR),
        "a machine client": (matrix.strangers["machine with " + " ".join(ALL)].client, None),
        "a car": (matrix.strangers["car"].client, None),
        "nobody": (town.client(), None),
    }
    found = {}
    for name, (signed, role) in sessions.items():
        token = signed.headers.get("authorization", "").removeprefix("Bearer ")
        client = town.client()
        for cookie in COOKIE_NAMES.values():
            if token:
                client.cookies.set(cookie, token)
        found[name] = Browser(client, role, form_token_of(token))
    return found


ALL = ("proposals:read", "proposals:write", "slots:read", "webhooks:manage", "deliveries:read")


async def test_a_page_of_another_role_or_person_is_not_shown(matrix: Matrix, browsers: dict[str, Browser]) -> None:
    tried = 0
    wrong: list[str] = []
    for route, method in ROUTES:
        role = ROLE_OF_PATH["/" + route.path.split("/")[1]]
        for name, browser in browsers.items():
            if browser.role is role and "{" not in route.path:
                continue  # its own affair
            expected = 404 if browser.role is role else 204 if route.path.endswith("/events") else 303
            tried += 1
            answer = await browser.ask(route, method, matrix.ids)
            is_to_the_door = answer.status_code != 303 or answer.headers["location"].startswith("/sign-in")
            if answer.status_code != expected or not is_to_the_door:
                wrong.append(f"{name}: {method} {route.path} gave {answer.status_code}, not {expected}")
    assert wrong == []
    assert tried >= 110


async def test_a_form_without_its_token_changes_nothing(matrix: Matrix, browsers: dict[str, Browser]) -> None:
    tried = 0
    for route, method in ROUTES:
        role = ROLE_OF_PATH["/" + route.path.split("/")[1]]
        for browser in browsers.values():
            if method == "POST" and browser.role is role:
                tried += 1
                forged = Browser(browser.client, browser.role, "0" * 64)
                assert (await forged.ask(route, method, matrix.ids)).status_code == 403, route.path
    assert tried >= 8
