"""Hundreds want one bay at one time, at once, by HTTP: one gets it, the others hear 409, and nothing is held twice.

The whole way is real: calls over loopback, the API, the use cases, SQLite or PostgreSQL. Only the crowd is copied from
one proposal that was made by the use cases, since it has to be large.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import pytest

from api.app import create_api
from domain.people import Ownership
from domain.proposal import Actor, BookingProposal, ProposalState, ProposalStep
from domain.slot import Slot
from pitcall.serving import open_socket, serving
from tests.support.http_town import MemoryLog
from tests.support.moments import DAY, HOUR, NOW
from tests.support.town import PASSWORD, TOMORROW, Garage, Town
from workflow.identity import sign_in
from workflow.ingest import Ingest

S = ProposalState
RIVALS = 400


@dataclass(frozen=True)
class Way:
    """A call by which a proposal in `state` gets hold of the time; `release` lets go of it again."""

    state: ProposalState
    path: str
    release: str
    body: Mapping[str, Any]


DEALER, OWNER = "/v1/dealer/proposals/{}", "/v1/me/proposals/{}"
WAYS = {
    # A dealer who has offered other times accepts the owner's wish after all: that slot is no longer held.
    "accept": Way(S.COUNTERED, f"{DEALER}/accept", f"{DEALER}/decline", {}),
    "send": Way(S.DRAFT, f"{OWNER}/send", f"{OWNER}/withdraw", {}),
    "offer": Way(S.SENT, f"{DEALER}/counter", f"{DEALER}/decline", {"starts_ms": [TOMORROW]}),
    "counter": Way(S.COUNTERED, f"{OWNER}/counter", f"{OWNER}/withdraw", {"start_ms": TOMORROW}),
}


class Rivals:
    """Owners' proposals of one state at one dealer with one bay, none of which holds the time that all of them want."""

    def __init__(self, town: Town, way: Way, url: str, tokens: Mapping[str, str]) -> None:
        self.town = town
        self.way = way
        self.waiting: list[str] = []
        self._url = url
        self._tokens = tokens

    async def call(self, path: str, asking: Sequence[str], body: Mapping[str, Any]) -> list[tuple[int, str]]:
        """Status and kind of problem of one call for each proposal, all at once, each over its own connection."""
        token = self._tokens["dealer" if path.startswith("/v1/dealer/") else "owner"]

        async def ask(one: str) -> tuple[int, str]:
            status, told = 503, {}
            # Where the machine has little time, the queue for the database may be told to come again, and does.
            while status == 503:
                async with session.post(path.format(one), json=body) as answer:
                    status, told = answer.status, await answer.json(content_type=None)
            return status, str(told.get("type", "")).rpartition("/")[2]

        async with aiohttp.ClientSession(
            self._url, headers={"Authorization": f"Bearer {token}"}, connector=aiohttp.TCPConnector(limit=0)
        ) as session:
            return await asyncio.gather(*map(ask, asking))

    async def rush(self, count: int) -> None:
        """Let that many ask at once; one must win, and lets go of the time again."""
        asking = self.waiting[:count]
        answers = await self.call(self.way.path, asking, self.way.body)
        assert Counter(answers) == {(200, ""): 1, (409, "slot-taken"): count - 1}
        assert await self._overlaps() == 0
        (winner,) = [one for one, answer in zip(asking, answers, strict=True) if answer == (200, "")]
        assert await self._holders() == [winner]
        assert await self.call(self.way.release, [winner], {}) == [(200, "")]
        assert await self._holders() == []
        self.waiting.remove(winner)

    async def _overlaps(self) -> int:
        async with self.town.records.unit_of_work() as uow:
            return await uow.holds.overlaps()

    async def _holders(self) -> list[str]:
        """The rivals whose proposals stand with the time that all want."""
        async with self.town.records.unit_of_work() as uow:
            found = [await uow.proposals.get(one) for one in self.waiting]
        return [p.proposal_id for p in found if p and TOMORROW in (slot.start_ms for slot in p.slots_held)]


async def copy(town: Town, garage: Garage, like: BookingProposal, way: Way, count: int) -> list[str]:
    """As many cars of one owner, each with a need, a grant and a proposal of the way's state; the proposals' ids."""
    ids: list[str] = []
    async with town.records.unit_of_work() as uow:
        vehicle = await uow.vehicles.get(like.vehicle_id)
        need = await uow.needs.get(like.need_ids[0])
        grant = await uow.consents.get(like.grant_id)
        assert vehicle and need and grant and like.slot
        for n in range(count):
            car, own = f"car-{n}", like.slot
            # Wherever a state holds something, each holds its own time, far from the one that all want.
            elsewhere = Slot(NOW + 5 * DAY + 2 * n * HOUR, NOW + 5 * DAY + 2 * n * HOUR + HOUR, own.bay_id)
            proposal = replace(
                like,
                proposal_id=f"rival-{n}",
                state=way.state,
                vehicle_id=car,
                grant_id=f"grant-{n}",
                need_ids=(f"need-{n}",),
                slot=elsewhere if way.state is S.SENT else own,
                offered=(elsewhere,) if way.state is S.COUNTERED else (),
            )
            await uow.vehicles.add(replace(vehicle, vehicle_id=car))
            await uow.vehicles.own(Ownership(car, like.customer_id, NOW - DAY))
            await uow.needs.add(replace(need, need_id=f"need-{n}", vehicle_id=car))
            await uow.consents.add(replace(grant, grant_id=f"grant-{n}", vehicle_id=car))
            await uow.proposals.add(proposal)
            if way.state is not S.DRAFT:
                await uow.proposals.add_step(
                    ProposalStep(f"rival-{n}", 0, S.SENT, Actor.OWNER, like.customer_id, NOW, "", "api")
                )
                await uow.holds.hold(garage.id, f"rival-{n}", [elsewhere])
            ids.append(proposal.proposal_id)
    return ids


@contextlib.asynccontextmanager
async def rivals(town: Town, way: Way, count: int) -> AsyncIterator[Rivals]:
    home, garage = await town.household(), await town.garage(webhook_url="")
    like = await town.draft(home, garage, await town.grant(home, garage), await town.need(home))
    tokens = {
        "owner": (await sign_in(town.office, email=home.owner.email, password=PASSWORD)).token,
        "dealer": (await sign_in(town.office, email=garage.advisor.email, password=PASSWORD)).token,
    }
    ids = await copy(town, garage, like, way, count)
    nothing: Callable[[], Awaitable[dict[str, Any]]] = _nothing
    app = create_api(
        town.office, Ingest(town.office, MemoryLog()), waiting=nothing, readiness=nothing,
        model_versions=dict, public_url="http://town.example",
    )  # fmt: skip
    listener = open_socket("127.0.0.1", 0, "")
    async with serving(app, listener, app.state.reception.live_events.close) as url:
        crowd = Rivals(town, way, url, tokens)
        crowd.waiting = ids
        yield crowd


async def _nothing() -> dict[str, Any]:
    return {}


@pytest.mark.parametrize(("name", "count"), [("accept", RIVALS), ("send", 50), ("offer", 50), ("counter", 50)])
async def test_of_hundreds_who_want_one_bay_at_one_time_one_gets_it(town: Town, name: str, count: int) -> None:
    async with rivals(town, WAYS[name], count + 1) as crowd:
        for _ in range(2):
            await crowd.rush(count)


@pytest.mark.long
@pytest.mark.parametrize(("name", "rounds"), [("accept", 100), ("send", 100), ("offer", 10), ("counter", 10)])
async def test_in_a_hundred_rushes_of_hundreds_for_one_bay_one_gets_it_each_time(
    town: Town, name: str, rounds: int
) -> None:
    async with rivals(town, WAYS[name], RIVALS + rounds - 1) as crowd:
        for _ in range(rounds):
            await crowd.rush(RIVALS)
