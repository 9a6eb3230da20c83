"""A dealer's answers count from that dealer only, in time and once: forged, late and repeated ones change nothing."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.support.http_town import People, Town, new_dealer, signed_in
from tests.support.moments import DAY
from tests.unit.api.test_booking import draft
from tests.unit.api.test_machine_clients import machine

ANSWERS: dict[str, dict[str, Any]] = {
    "accept": {},
    "decline": {"reason": "full"},
    "counter": {"starts_ms": [0]},
    "move": {"start_ms": 0},
    "cancel": {"reason": "full"},
    "check-in": {"odometer_m": 61_000_000},
    "complete": {"odometer_m": 61_000_000, "records": []},
    "no-show": {},
}


async def sent(town: Town, people: People) -> str:
    proposal_id = str((await draft(town, people))["proposal_id"])
    assert (await people.owner.post(f"/v1/me/proposals/{proposal_id}/send")).status_code == 200
    return proposal_id


async def state(people: People, proposal_id: str) -> tuple[str, int]:
    found = (await people.owner.get(f"/v1/me/proposals/{proposal_id}")).json()
    return found["state"], found["version"]


def desk(proposal_id: str, answer: str) -> str:
    return f"/v1/dealer/proposals/{proposal_id}/{answer}"


def body_of(answer: str, start_ms: int) -> dict[str, Any]:
    return {
        name: [start_ms] if name == "starts_ms" else start_ms if name == "start_ms" else value
        for name, value in ANSWERS[answer].items()
    }


@pytest.mark.parametrize("answer", ANSWERS)
async def test_a_forged_answer_changes_nothing(town: Town, people: People, answer: str) -> None:
    proposal_id = await sent(town, people)
    before, body = await state(people, proposal_id), body_of(answer, await people.slot(index=5))
    _, rival_email = await new_dealer(town, people.operator, "Rival Garage")
    rival = await signed_in(town, rival_email)
    rival_id = (await rival.get("/v1/me")).json()["dealer_id"]
    bearer = people.dealer.headers["authorization"]
    forgers: dict[str, tuple[httpx.AsyncClient, set[int]]] = {
        "nobody": (town.client(), {401}),
        "a token with one letter changed": (
            town.client(bearer.removeprefix("Bearer ")[:-1] + ("A" if bearer[-1] != "A" else "B")),
            {401},
        ),
        "a car": (people.car, {401, 403}),
        "the owner": (people.owner, {403}),
        "an operator": (people.operator, {403}),
        "another dealer": (rival, {404}),
        "another dealer's system": (
            await machine(town, people.operator, rival_id, ["proposals:write", "proposals:read"]), {404}
        ),
        "the dealer's own system, which may read only": (
            await machine(town, people.operator, people.dealer_id, ["proposals:read"]), {403}
        ),
    }  # fmt: skip
    for name, (client, expected) in forgers.items():
        refused = await client.post(desk(proposal_id, answer), json=body)
        assert refused.status_code in expected, (name, refused.status_code, refused.text)
    assert await state(people, proposal_id) == before


@pytest.mark.parametrize("answer", ["accept", "decline", "counter"])
async def test_a_late_answer_is_a_conflict_whether_or_not_the_clock_has_been_round(
    town: Town, people: People, answer: str
) -> None:
    proposal_id = await sent(town, people)
    body = body_of(answer, await people.slot(index=5) + 14 * DAY)
    town.clock.set(town.clock.now_ms() + 4 * DAY)
    late = await people.dealer.post(desk(proposal_id, answer), json=body)
    assert (late.status_code, late.headers["content-type"]) == (409, "application/problem+json")
    assert (await state(people, proposal_id))[0] == "sent"


async def test_an_answer_that_comes_again_gives_the_same_reply_and_acts_once(town: Town, people: People) -> None:
    proposal_id = await sent(town, people)
    key = {"Idempotency-Key": "answer-1"}
    first, again = [await people.dealer.post(desk(proposal_id, "accept"), json={}, headers=key) for _ in range(2)]
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    other = await people.dealer.post(desk(proposal_id, "accept"), json={"x": 1}, headers=key)
    assert other.status_code == 422
    bare = await people.dealer.post(desk(proposal_id, "accept"), json={})
    assert bare.status_code == 409, "without a key it is another answer, and nothing is left to accept"
    history = (await people.owner.get(f"/v1/me/proposals/{proposal_id}")).json()["history"]
    assert [step["state"] for step in history] == ["draft", "sent", "accepted"]


async def test_an_answer_on_what_was_read_before_somebody_else_changed_it_is_refused(
    town: Town, people: People
) -> None:
    proposal_id = await sent(town, people)
    tag = (await people.dealer.get(f"/v1/dealer/proposals/{proposal_id}")).headers["etag"]
    await people.owner.post(f"/v1/me/proposals/{proposal_id}/withdraw", json={})
    stale = await people.dealer.post(desk(proposal_id, "accept"), json={}, headers={"If-Match": tag})
    assert stale.status_code in (409, 412)
    assert (await state(people, proposal_id))[0] == "withdrawn"
