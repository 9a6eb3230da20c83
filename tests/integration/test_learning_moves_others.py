"""What a workshop measures at one car moves what is predicted for another, in the direction the physics says.

The whole way is walked in one process: service record → label → learner → snapshot → predictor, over the real log.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from adapters.clocks import SettableClock
from pitcall.node import Node
from pitcall.processes import api_of
from pitcall.settings import Settings
from simulators.actors.api import Api
from simulators.fleet import Fleet
from simulators.play import DEALERS, Play
from tests.support.http_town import PASSWORD, PlainPasswords
from workflow.identity import add_operator, sign_in

ADDRESS = "http://127.0.0.1:8080"
START_MS = 1_772_409_600_000  # 2 March 2026, a Monday
DAY_MS = 86_400_000
PADS = "front_brake_pads"
SURPRISE_MM = 2.0  # some seven times the error of a gauge: wear, and no noise
SEED = 3


@dataclass
class Workday:
    """A fleet of five on a system of its own, and the people of the car that is measured."""

    node: Node
    client: httpx.AsyncClient
    play: Play
    clock: SettableClock

    async def drive(self, days: int) -> None:
        """Let all cars drive, six hours at a time."""
        for _ in range(4 * days):
            now = self.clock.now_ms() + DAY_MS // 4
            self.clock.set(now)
            await self.play.drive(now)
            self.play.now_ms = now

    async def first_in_need(self) -> int:
        """Drive until a car needs something; which one."""
        for _ in range(20):
            await self.drive(1)
            for car in range(len(self.play.cars)):
                if (await self.seen(car))["needs"]:
                    return car
        raise AssertionError("no car needed anything in twenty days")

    async def signed_in(self, email: str, password: str) -> Api:
        """Somebody's connection."""
        session = await sign_in(self.node.office, email=email, password=password)
        return Api(self.client, session.token)

    async def owner(self, car: int) -> Api:
        """The owner of a car."""
        owner = self.play.owners[car]
        return await self.signed_in(owner.email, owner.password)

    async def seen(self, car: int) -> dict[str, Any]:
        """What the owner sees of their car."""
        page = await (await self.owner(car)).get(f"/v1/me/vehicles/{self.play.cars[car].vehicle_id}")
        assert isinstance(page, dict)
        return page

    async def pads(self, car: int) -> dict[str, Any]:
        """The newest prediction for a car's pads."""
        found = [a for a in (await self.seen(car))["assessments"] if a["item"] == PADS]
        return dict(found[0])

    async def visit(self, car: int, findings: list[dict[str, Any]]) -> None:
        """From a car's need to a visit at which `findings` were written down."""
        owner, site, vehicle_id = await self.owner(car), DEALERS[0], self.play.cars[car].vehicle_id
        dealer = await self.signed_in(site.email, self.play.dealer_password(site))
        now, odometer_m = self.clock.now_ms(), int(self.play.cars[car].car.odometer_m)
        need = (await self.seen(car))["needs"][0]
        dealer_id = (await dealer.get("/v1/me"))["dealer_id"]
        asked = {"minutes": 120, "from_ms": now + DAY_MS, "until_ms": now + 8 * DAY_MS}
        slot = (await owner.get(f"/v1/dealers/{dealer_id}/slots", **asked))["slots"][0]
        about = {"vehicle_id": vehicle_id, "dealer_id": dealer_id}
        shared = {"purpose": "booking", "data_items": ["contact", "vehicle", "odometer", "evidence"]}
        grant = await owner.post("/v1/me/consents", {**about, **shared})
        wish = {"need_ids": [need["need_id"]], "start_ms": slot["start_ms"], "grant_id": grant["grant_id"]}
        proposal_id = (await owner.post("/v1/me/proposals", {**about, **wish}))["proposal_id"]
        await owner.post(f"/v1/me/proposals/{proposal_id}/send")
        await dealer.post(f"/v1/dealer/proposals/{proposal_id}/accept")
        await owner.post(f"/v1/me/proposals/{proposal_id}/confirm")
        self.clock.set(slot["start_ms"])
        await dealer.post(f"/v1/dealer/proposals/{proposal_id}/check-in", {"odometer_m": odometer_m})
        done = {"odometer_m": odometer_m, "records": findings}
        await dealer.post(f"/v1/dealer/proposals/{proposal_id}/complete", done)
        await self.node.settle()


@asynccontextmanager
async def a_workday(folder: Path) -> AsyncIterator[Workday]:
    """The embedded system in this process, with its API behind an in-process transport."""
    clock = SettableClock(START_MS)
    node = Node(Settings(data_dir=folder), clock=clock, is_lock_step=True, passwords=PlainPasswords())
    async with node:
        transport = httpx.ASGITransport(api_of(node, ADDRESS))
        async with httpx.AsyncClient(transport=transport, base_url=ADDRESS, timeout=60.0) as client:
            play = Play(Fleet(5, SEED, START_MS), client, settle=node.settle)
            await add_operator(node.office, name="Opera Tor", email="ops@pitcall.example", password=PASSWORD)
            operator = await sign_in(node.office, email="ops@pitcall.example", password=PASSWORD)
            await play.set_up(operator.token)
            yield Workday(node, client, play, clock)


async def others_prediction(folder: Path, measured_mm_off: float | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """A car's pads before and after another's were measured so much off what was predicted (None: not measured)."""
    async with a_workday(folder) as day:
        measured = await day.first_in_need()
        other = 0 if measured != 0 else 1
        before = await day.pads(other)
        findings: list[dict[str, Any]] = [{"item": "brake_fluid", "outcome": "ok"}]
        if measured_mm_off is not None:
            wear = day.node.catalogue.items[PADS].wear
            assert wear is not None
            predicted = wear.limit + (await day.pads(measured))["health"] * (wear.new - wear.limit)
            value = round(predicted + measured_mm_off, 1)
            findings.append({"item": PADS, "outcome": "measured", "value": value, "unit": "mm"})
        await day.visit(measured, findings)
        await day.drive(3)
        return before, await day.pads(other)


async def test_a_measurement_at_one_car_moves_another_cars_prediction_as_physics_says(tmp_path: Path) -> None:
    before, without = await others_prediction(tmp_path / "without", None)
    _, worse = await others_prediction(tmp_path / "worse", -SURPRISE_MM)
    _, better = await others_prediction(tmp_path / "better", SURPRISE_MM)
    # The control: without a measurement the model stays what it was.
    assert without["model_version"] == before["model_version"]
    assert worse["model_version"] != without["model_version"] != better["model_version"]
    assert worse["health"] < without["health"] < better["health"]
    assert worse["window"]["expected_ms"] < without["window"]["expected_ms"] < better["window"]["expected_ms"]
