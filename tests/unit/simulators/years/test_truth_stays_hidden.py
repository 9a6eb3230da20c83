"""The truth reaches the models by no path: not by reference, not by memory, not by import, not out of the future."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from domain.service_record import ServiceOutcome
from simulators.drive import Drive
from simulators.years.car import Car
from simulators.years.car_days import CarDays, TroubleCode
from simulators.years.fleet_years import FleetYears
from simulators.years.parts import Parts
from simulators.years.reported_service import ReportedService
from tests.unit.simulators.years.conftest import START_DAY, RunFleet

ROOT = Path(__file__).parents[4]
ROOMS = ("domain", "models", "workflow", "streams", "adapters", "api", "web")
SENT = (CarDays, TroubleCode, ReportedService, ServiceOutcome, Car, Drive)
# Who may know the truth and the hidden world: the fleet itself.
HIDDEN = {"truth", "world", "parts", "garage", "telltales", "owners", "workshops"}


def reachable(value: Any) -> Iterator[Any]:
    """Everything one gets to from a value, through fields, attributes and containers."""
    stack, seen = [value], set()
    while stack:
        item = stack.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        if isinstance(item, np.ndarray):
            stack += [] if item.base is None else [item.base]
        elif isinstance(item, Mapping):
            stack += [*item.keys(), *item.values()]
        elif isinstance(item, list | tuple):
            stack += item
        elif is_dataclass(item):
            stack += [getattr(item, field.name) for field in fields(item)]
            stack += list(getattr(item, "__dict__", {}).values())


def arrays_of(value: Any) -> list[np.ndarray]:
    return [item for item in reachable(value) if isinstance(item, np.ndarray)]


def test_nothing_that_is_sent_leads_to_anything_hidden(ran: RunFleet) -> None:
    allowed = (*SENT, np.ndarray, Mapping, list, tuple, str, int, float, bool, type(None), np.generic)
    strangers = {type(item) for item in reachable((ran.chunks, ran.fleet.cars)) if not isinstance(item, allowed)}
    assert strangers == set()
    assert [item for item in reachable(ran.chunks) if isinstance(item, Enum)]  # the walk did reach the records
    assert len(arrays_of(ran.chunks)) >= 19 * len(ran.chunks)


def test_the_fields_that_are_sent_are_these_and_no_more() -> None:
    """Who adds one says here that it is no truth."""
    assert [field.name for field in fields(CarDays)] == [
        *(
            "days",
            "sent",
            "trips",
            "odometer_m",
            "ambient_mean_c",
            "ambient_min_c",
            "fast_charges",
            "readings",
            "codes",
        ),
    ]
    assert [field.name for field in fields(ReportedService)] == [
        *(
            "car",
            "vehicle_id",
            "item",
            "outcome",
            "performed_day",
            "known_day",
            "odometer_m",
            "value",
            "unit",
            "source",
        ),
    ]
    assert [field.name for field in fields(Car)] == ["vehicle_id", "powertrain", "mass_kg", "built_day"]
    assert [field.name for field in fields(TroubleCode)] == ["day", "car", "code"]


def test_no_memory_is_shared_with_the_hidden_world(drives: list[Drive]) -> None:
    fleet = FleetYears(2, 20, 28, START_DAY, drives=drives, before_days=40, beyond_days=0)
    sent = arrays_of([chunk for chunk, _ in fleet.chunks()])
    world = fleet._world
    states = [
        array for parts in world.parts.values() for array in vars(parts).values() if isinstance(array, np.ndarray)
    ]
    states += [array for array in vars(world).values() if isinstance(array, np.ndarray)]
    assert len(states) > 60
    assert not any(np.shares_memory(mine, hidden) for mine in sent for hidden in states)
    assert not any(np.shares_memory(mine, hidden) for mine in sent for hidden in arrays_of(fleet.truth))


def test_no_number_that_is_sent_comes_from_the_future(ran: RunFleet) -> None:
    for days, services in ran.chunks:
        evening = int(days.days[-1])
        assert all(service.performed_day <= service.known_day <= evening for service in services)
        assert all(int(days.days[0]) <= code.day <= evening for code in days.codes)


def test_readings_and_measurements_are_not_the_truth_but_near_it(drives: list[Drive]) -> None:
    """A day's readings beside what is really left: noise, steps and failed sensors stand between."""
    fleet = FleetYears(4, 150, 1, START_DAY, drives=drives, before_days=40, beyond_days=0)
    ((days, _),) = fleet.chunks()
    shown = days.readings["state_of_health_pct"][0]
    true = fleet._world.traction.health_pct()
    off = (shown - true)[np.isfinite(shown)]
    assert len(off) > 10
    assert 0.2 < np.std(off[np.abs(off) < 4]) < 1.2
    assert (off != 0).all()


def test_no_room_of_the_product_imports_the_simulators_and_only_the_fleet_makes_a_truth() -> None:
    importers: dict[str, set[str]] = {}
    for path in ROOT.rglob("*.py"):
        if ".venv" in path.parts or "build" in path.parts:
            continue
        importers[path.relative_to(ROOT).as_posix()] = imported(path)
    assert len(importers) > 200
    product = {
        name for name, seen in importers.items() if name.split("/")[0] in ROOMS and any("simulators" in x for x in seen)
    }
    assert product == set()
    makers = {name for name, seen in importers.items() if "simulators.years.truth" in seen}
    outside = {name for name in makers if not name.startswith("tests/")}
    assert outside == {"simulators/years/fleet_years.py", "pitcall/fleet_judge.py"}, (
        "the fleet, and who judges afterwards"
    )

    for module in ("car_days", "reported_service", "car", "shift", "schedule"):
        seen = importers[f"simulators/years/{module}.py"]
        assert not {name for name in seen if name.split(".")[-1] in HIDDEN or name.endswith("_law")}


def imported(path: Path) -> set[str]:
    """The modules a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def test_the_hidden_world_is_there_to_be_found(ran: RunFleet) -> None:
    """The walk above would notice: from the fleet itself it does reach the parts."""
    assert any(isinstance(parts, Parts) for parts in ran.fleet._world.parts.values())


def test_the_replay_of_the_fleet_asks_for_no_truth() -> None:
    def asking(attribute: str) -> set[str]:
        return {
            path.name
            for path in (ROOT / "pitcall").rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Attribute) and node.attr == attribute
        }

    assert asking("truth") == {"fleet_judge.py", "fleet_costs.py"}
    assert asking("foresight") == {"fleet_judge.py"}
