"""The actors know the system by its HTTP contract only; one seed gives one outcome."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from simulators.actors.api import Api, RefusedError
from simulators.dealer_desk import advisor, run_desk
from simulators.drive import Drive
from simulators.fleet import Fleet
from simulators.fleet_run import run_fleet
from simulators.play import Play
from simulators.replay import replay_drives
from simulators.wear_truth import BATTERY, ITEMS, OIL, PADS

from .conftest import DAY_MS, START_MS
from .pretend_system import PretendSystem

MakeFleet = Callable[..., Fleet]


@pytest.fixture
def system() -> PretendSystem:
    return PretendSystem(START_MS)


async def no_pause(seconds: float) -> None:
    return None


async def set_up(system: PretendSystem, fleet: Fleet, **options: Any) -> Play:
    play = Play(fleet, system.client(), pause=no_pause, **options)
    await play.set_up("operator")
    return play


async def run(system: PretendSystem, fleet: Fleet, days: int) -> Play:
    play = await set_up(system, fleet)
    for car in play.cars:
        for item in ITEMS[car.car.identity.index % 4 :][:2]:
            system.need(car.vehicle_id, item)
    for day in range(1, days + 1):
        await play.step(START_MS + day * DAY_MS)
    return play


async def test_each_car_enrols_is_claimed_by_its_owner_and_has_its_past_entered(
    system: PretendSystem, make_fleet: MakeFleet
) -> None:
    play = await set_up(system, make_fleet())
    assert len({car.vehicle_id for car in play.cars}) == 5
    assert len(set(system.owner_of.values())) == 5
    for car in play.cars:
        assert system.history[car.vehicle_id] == car.car.history
    await play.set_up("operator")
    assert len(system.owner_of) == 5


async def test_from_need_to_completed_visit(system: PretendSystem, make_fleet: MakeFleet) -> None:
    play = await run(system, make_fleet(), 30)
    counts = play.summary()
    assert set(system.states()) == {"completed"}
    assert counts["completed"] == counts["confirmed"] == counts["proposals_sent"] == len(system.proposals) >= 5
    assert counts["dealer_replies"] == counts["completed"]
    assert counts["simulated_days"] == 30
    assert counts["uploads"] == len(system.uploads) == system.deliveries
    assert counts["drives_replayed"] == len({boot for _, boot, _ in system.uploads})
    assert counts["samples"] == sum(len(json.loads(body)["offsets_ms"]) for body in system.uploads.values())
    assert not any(system.needs.values())


async def test_one_seed_gives_one_outcome_and_another_seed_another(make_fleet: MakeFleet) -> None:
    outcomes = []
    for seed in (3, 3, 4):
        system = PretendSystem(START_MS)
        play = await run(system, make_fleet(seed=seed), 25)
        outcomes.append((play.summary(), system.proposals, system.completed, system.uploads))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0] != outcomes[2]


async def test_while_the_system_is_away_an_upload_is_kept_and_sent_again(
    system: PretendSystem, make_fleet: MakeFleet
) -> None:
    other = PretendSystem(START_MS)
    steady = await set_up(other, make_fleet())
    await steady.drive(START_MS + DAY_MS)
    pauses: list[float] = []

    async def note(seconds: float) -> None:
        pauses.append(seconds)

    play = Play(make_fleet(), system.client(), pause=note)
    await play.set_up("operator")
    system.away = 25
    await play.drive(START_MS + DAY_MS)
    assert pauses == [2.0] * 25
    # Which car got which id depends on who enrolled first; what was sent does not.
    assert sorted(system.uploads.values()) == sorted(other.uploads.values())


async def test_after_a_restart_what_was_acknowledged_meanwhile_comes_again_under_the_same_name(
    system: PretendSystem, make_fleet: MakeFleet
) -> None:
    kept: list[dict[str, Any]] = []
    play = await set_up(system, make_fleet(), keep=lambda state: kept.append(json.loads(json.dumps(state))))
    await play.step(START_MS + DAY_MS)
    state = kept[-1]
    await play.step(START_MS + 2 * DAY_MS)
    sent = dict(system.uploads)
    again = Play(make_fleet(), system.client(), pause=no_pause)
    again.restore(state)
    await again.set_up("operator")
    await again.step(START_MS + 2 * DAY_MS)
    assert system.uploads == sent
    assert again.summary() == play.summary()
    assert again.state() == play.state()


async def test_a_play_that_dies_between_the_job_and_its_report_reports_the_same_findings(
    system: PretendSystem, make_fleet: MakeFleet
) -> None:
    def as_json(state: dict[str, Any]) -> None:
        if any(p["state"] == "checked-in" for p in system.proposals.values()):
            kept.append(json.loads(json.dumps(state)))
            raise KeyboardInterrupt

    kept: list[dict[str, Any]] = []
    play = await set_up(system, make_fleet(), keep=as_json)
    system.need(play.cars[0].vehicle_id, PADS)
    play.fleet.cars[0].truth.pad_mm = 3.2
    with pytest.raises(KeyboardInterrupt):
        for day in range(1, 40):
            await play.step(START_MS + day * DAY_MS)
    again = Play(make_fleet(), system.client(), pause=no_pause)
    again.restore(kept[-1])
    await again.receive(play.now_ms + DAY_MS)
    (report,) = system.completed
    assert report["records"] == kept[-1]["fleet"]["workshop"]["visits"]["p0"]["findings"]
    assert again.fleet.cars[0].truth.pad_mm > 11.0


async def test_the_system_settles_after_every_visit(system: PretendSystem, make_fleet: MakeFleet) -> None:
    seen: list[int] = []

    async def settle() -> None:
        seen.append(len(system.completed))

    play = await set_up(system, make_fleet(), settle=settle)
    for car in play.cars:
        system.need(car.vehicle_id, OIL)
    for day in range(1, 30):
        await play.step(START_MS + day * DAY_MS)
    assert sorted(set(seen)) == list(range(len(system.completed) + 1))
    assert len(system.completed) == 5


async def test_whom_a_person_plays_the_script_leaves_alone(system: PretendSystem, make_fleet: MakeFleet) -> None:
    play = await set_up(system, make_fleet())
    play.left_to_people = {0}
    play.dealers_left_to_people = {play.sites[0].email}
    for car in play.cars:
        system.need(car.vehicle_id, OIL)
    for day in range(1, 4):
        await play.step(START_MS + day * DAY_MS)
    assert play.cars[0].vehicle_id not in {p["vehicle_id"] for p in system.proposals.values()}
    waiting = {p["dealer_id"] for p in system.proposals.values() if p["state"] == "sent"}
    assert waiting == {play.sites[0].name}
    assert play.cars[0].uploads_sent > 0


async def test_a_session_that_ends_is_begun_anew(system: PretendSystem, make_fleet: MakeFleet) -> None:
    play = await set_up(system, make_fleet(1))
    system.ends_sessions = True
    await play.owners[0].act(START_MS)
    assert not system.ends_sessions


async def test_a_breakdown_is_entered_by_the_owner(system: PretendSystem, make_fleet: MakeFleet) -> None:
    play = await set_up(system, make_fleet(1))
    play.fleet.cars[0].truth.battery_used = 1.3
    await play.step(START_MS + 2 * DAY_MS)
    entered = system.history[play.cars[0].vehicle_id][-1]
    assert (entered["item"], entered["outcome"]) == (BATTERY, "failed")


async def test_simulated_time_does_not_run_backwards(system: PretendSystem, make_fleet: MakeFleet) -> None:
    play = await set_up(system, make_fleet(1))
    await play.step(START_MS + DAY_MS)
    with pytest.raises(ValueError, match="backwards"):
        await play.step(START_MS)


async def test_a_refusal_names_what_was_asked_and_why(system: PretendSystem) -> None:
    api = Api(system.client(), "nobody", no_pause)
    with pytest.raises(RefusedError, match=r"POST /v1/operator/dealers: 403 operators only") as refusal:
        await api.post("/v1/operator/dealers", {})
    assert refusal.value.status == 403


async def test_a_lost_connection_is_tried_again() -> None:
    tries: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        tries.append(1)
        if len(tries) < 4:
            raise httpx.ConnectError("nobody there")
        return httpx.Response(200, json={"ok": True})

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://pretend.example")
    assert await Api(client, pause=no_pause).get("/v1/me") == {"ok": True}
    assert len(tries) == 4


async def moments(*times: int) -> AsyncIterator[int]:
    for time in times:
        yield time


async def test_a_fleet_runs_against_any_system(system: PretendSystem, make_fleet: MakeFleet) -> None:
    days = (START_MS + DAY_MS, START_MS + 2 * DAY_MS)
    counts = await run_fleet(system.client(), "operator", make_fleet(), moments(*days))
    assert counts["cars"] == 5
    assert counts["uploads"] == len(system.uploads) > 10
    assert not system.dealers


async def test_a_desk_answers_what_waits(system: PretendSystem, make_fleet: MakeFleet) -> None:
    play = await set_up(system, make_fleet())
    for car in play.cars:
        system.need(car.vehicle_id, OIL)
    await play.ask(START_MS)
    mine = [p for p in system.proposals.values() if p["dealer_id"] == play.sites[0].name]
    desk = advisor(play.sites[0].email, play.dealer_password(play.sites[0]), Api(system.client()))
    assert await run_desk(desk, moments(START_MS, START_MS + DAY_MS)) == len(mine) > 0
    assert all(p["state"] in ("accepted", "countered") for p in mine)


@pytest.mark.parametrize("end_ms", [None, START_MS])
async def test_drives_of_a_file_are_replayed_as_one_car(
    system: PretendSystem, drives: list[Drive], end_ms: int | None
) -> None:
    told = await replay_drives(system.client(), "operator", drives[:3], "own", end_ms=end_ms)
    bodies = [json.loads(body) for body in system.uploads.values()]
    assert told["drives_replayed"] == 3
    assert told["uploads"] == len(bodies)
    assert {vehicle for vehicle, _, _ in system.uploads} == {told["vehicle_id"]}
    last = max(body["start_ms"] + body["offsets_ms"][-1] for body in bodies)
    recorded = drives[2].recorded_ms + drives[2].duration_ms
    assert last == (recorded if end_ms is None else end_ms)
    again = await replay_drives(system.client(), "operator", drives[:3], "own", end_ms=end_ms)
    assert again["vehicle_id"] != told["vehicle_id"]
