"""Killed at random and started again on the same data: nothing acknowledged is lost, and nothing happens twice."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from adapters.catalogue_file import load_catalogue
from models.fold import VehicleFold
from models.vehicle_state import StateLayout
from pitcall.settings import Settings
from simulators.fleet import Fleet
from streams.local_log import LocalLog
from streams.topics import DEAD_LETTERS, TELEMETRY_REJECTS, TELEMETRY_UPLOADS, VEHICLE_STATES, changelog_name
from tests.e2e.demo_run import records_url, run_demo, start_demo
from tests.e2e.logged import log_url, records_in
from tests.e2e.outcome import outcome_of
from workflow.messages import decode_attributes
from workflow.signal_names import SignalNames
from workflow.upload_codec import decode_upload

CARS, SEED = 8, 5
ARGUMENTS = ("--cars", str(CARS), "--seed", str(SEED))


async def kill_at_random(data_dir: Path, kills: int, seed: int) -> None:
    """Start the demo and kill it, again and again, at moments drawn from `seed`; each time a little further on."""
    dice = random.Random(seed)
    for number in range(1, kills + 1):
        process = await start_demo(data_dir, *ARGUMENTS, "--until-bookings", "1000")
        while _starts(data_dir) < number and process.returncode is None:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
        try:
            await asyncio.wait_for(process.wait(), dice.uniform(0.1, 6.0))
        except TimeoutError:
            process.kill()
            await process.communicate()
        else:
            _, err = await process.communicate()
            pytest.fail(f"the demo ended by itself with {process.returncode}: {err.decode()[-1500:]}")


def _starts(data_dir: Path) -> int:
    """How often the demo has begun to work in this folder."""
    path = data_dir / "demo.json"
    return int(json.loads(path.read_text())["starts"]) if path.exists() else 0


async def test_ten_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    await kill_at_random(tmp_path, kills=10, seed=1)
    await check_after_kills(tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
async def test_two_hundred_kills_lose_nothing_and_double_nothing(tmp_path: Path, seed: int) -> None:
    await kill_at_random(tmp_path, kills=20, seed=100 + seed)
    await check_after_kills(tmp_path)


async def check_after_kills(data_dir: Path) -> None:
    killed = await outcome_of(records_url(data_dir))
    assert killed.needs, "the control: the kills came while there was something to lose"
    booked = sum(any(state == "confirmed" for state, _, _ in booking["steps"]) for booking in killed.bookings)
    figures = await run_demo(data_dir, *ARGUMENTS, "--until-bookings", str(booked + 1))
    assert figures["uploads"] > 0
    with LocalLog.shared(log_url(data_dir)) as log:
        _every_upload_is_in_the_log(log, data_dir)
        _every_state_holds_each_upload_once(log)
        assert not list(records_in(log, DEAD_LETTERS))
        assert not list(records_in(log, TELEMETRY_REJECTS))
    outcome = await outcome_of(records_url(data_dir))
    _nothing_is_doubled(outcome.needs, outcome.bookings)
    _no_reminder_twice(data_dir, outcome.reminders)
    assert outcome.overlaps == 0


def _every_upload_is_in_the_log(log: LocalLog, data_dir: Path) -> None:
    """The cars sent all that a fleet of this seed drives until now, and waited for each acknowledgement."""
    kept = json.loads((data_dir / "demo.json").read_text())
    fleet = Fleet(CARS, SEED, kept["start_ms"])
    sent = {(u.boot_id, u.seq) for car in fleet.cars for u in car.drive_until(kept["play"]["now_ms"])}
    logged = set()
    for _, record in records_in(log, TELEMETRY_UPLOADS):
        body = json.loads(record.value or b"")
        logged.add((body["boot_id"], body["seq"]))
    assert sent
    assert sent <= logged


def _every_state_holds_each_upload_once(log: LocalLog) -> None:
    """Folding the log anew, from nothing, gives the sums that the killed workers came to, to the bit."""
    catalogue = load_catalogue(Settings().catalogue)
    layout = StateLayout(catalogue)
    fold = VehicleFold(catalogue, layout)
    fresh: dict[bytes, Any] = {}
    for _, record in records_in(log, TELEMETRY_UPLOADS):
        key, headers = record.key or b"", dict(record.headers)
        attributes = decode_attributes(headers["attributes"])
        upload = decode_upload(
            record.value or b"",
            vehicle_id=key.decode(),
            received_ms=int(headers["received-ms"]),
            names=SignalNames(catalogue),
        )
        state = fresh.setdefault(key, layout.empty(catalogue, attributes))
        fold.fold(state, [upload], attributes, [record.offset])
    newest = {record.key: record.value for _, record in records_in(log, changelog_name(VEHICLE_STATES))}
    assert len(newest) == len(fresh) == CARS
    for key, value in newest.items():
        kept, again = layout.from_bytes(value or b""), fresh[key or b""]
        for name in ("observed_m", "exposure", "exposure_m", "odometer_m", "last_ms", "first_ms"):
            assert (kept[name] == again[name]).all(), name


def _nothing_is_doubled(needs: list[dict[str, Any]], bookings: list[dict[str, Any]]) -> None:
    opened = Counter((need["car"], need["item"], need["opened_ms"]) for need in needs)
    assert max(opened.values()) == 1
    live = Counter(
        (need["car"], need["item"]) for need in needs if need["state"] in ("open", "reminded", "snoozed", "booked")
    )
    assert not live or max(live.values()) == 1
    open_states = ("sent", "countered", "accepted", "confirmed", "checked-in")
    standing = Counter(booking["car"] for booking in bookings if booking["state"] in open_states)
    assert not standing or max(standing.values()) == 1
    for booking in bookings:
        states = [state for state, _, _ in booking["steps"]]
        assert states.count("confirmed") <= 1
        assert states.count("completed") <= 1


def _no_reminder_twice(data_dir: Path, reminded: int) -> None:
    lines = [json.loads(line) for line in (data_dir / "reminders.jsonl").read_text().splitlines()]
    ids = Counter(reminder_id for line in lines for reminder_id in line["reminder_ids"])
    assert max(ids.values()) == 1
    assert len(ids) == reminded
