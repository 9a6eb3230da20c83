"""The whole chain on one command: from recorded drives to a visit that taught a model."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from streams.local_log import LocalLog
from streams.topics import TELEMETRY_UPLOADS
from tests.e2e.demo_run import records_url, run_demo
from tests.e2e.logged import log_url, records_in
from tests.e2e.outcome import outcome_of

KEYS = {
    "broker", "cars", "simulated_days", "drives_replayed", "uploads", "samples", "predictions", "needs_opened",
    "reminders", "consents_granted", "proposals_sent", "dealer_replies", "counter_offers", "confirmed", "completed",
    "labels_learned", "wall_s", "urls",
}  # fmt: skip
SMALL = ("--cars", "6", "--seed", "3", "--until-bookings", "2")


async def test_twenty_cars_reach_three_bookings_and_a_visit_that_taught(tmp_path: Path) -> None:
    figures = await run_demo(tmp_path, "--cars", "20", "--until-bookings", "3")
    assert set(figures) >= KEYS
    assert figures["broker"] == "embedded"
    assert figures["cars"] == 20
    assert figures["drives_replayed"] >= 10
    assert figures["confirmed"] >= 3
    assert figures["completed"] >= 1
    assert figures["labels_learned"] >= 1
    outcome = await outcome_of(records_url(tmp_path))
    assert outcome.overlaps == 0
    assert len(outcome.needs) == figures["needs_opened"]


@pytest.fixture(scope="module")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run of six cars with its figures, which several tests look at."""
    data_dir = tmp_path_factory.mktemp("small")
    return data_dir, asyncio.run(run_demo(data_dir, *SMALL))


async def test_one_seed_gives_one_outcome(small_run: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    first_dir, first = small_run
    second = await run_demo(tmp_path / "again", *SMALL)
    outcome = await outcome_of(records_url(first_dir))
    assert outcome == await outcome_of(records_url(tmp_path / "again"))
    assert first["models"] == second["models"]
    assert {key for key in first if first[key] != second[key]} <= {"wall_s", "urls"}
    # The control: the outcome is not the same whatever happens.
    await run_demo(tmp_path / "other", *SMALL[:2], "--seed", "4", *SMALL[4:])
    assert outcome != await outcome_of(records_url(tmp_path / "other"))


async def test_cars_that_never_brake_never_need_pads(tmp_path: Path) -> None:
    braking = await run_demo(tmp_path / "braking", "--cars", "10", "--seed", "1", "--until-bookings", "3")
    cruising = await run_demo(
        tmp_path / "cruising", "--cars", "10", "--seed", "1", "--until-bookings", "3", "--brake-energy", "zero"
    )
    items = {n["item"] for n in (await outcome_of(records_url(tmp_path / "braking"))).needs}
    assert "front_brake_pads" in items, "the control needs a fleet in which pads do come due"
    assert braking["needs_opened"] > 0 < cruising["needs_opened"]
    without = {n["item"] for n in (await outcome_of(records_url(tmp_path / "cruising"))).needs}
    assert "front_brake_pads" not in without


async def test_every_need_cites_uploads_of_this_run(small_run: tuple[Path, dict[str, Any]]) -> None:
    data_dir, _ = small_run
    outcome = await outcome_of(records_url(data_dir))
    logged = _uploads_in(data_dir)
    assert outcome.needs
    for need in outcome.needs:
        assert need["uploads"], need
        for boot, first, last in need["uploads"]:
            assert (boot, first) in logged
            assert (boot, last) in logged


def _uploads_in(data_dir: Path) -> set[tuple[str, int]]:
    with LocalLog.shared(log_url(data_dir)) as log:
        bodies = [json.loads(record.value or b"") for _, record in records_in(log, TELEMETRY_UPLOADS)]
    return {(body["boot_id"], body["seq"]) for body in bodies}


@pytest.mark.kafka
@pytest.mark.postgres
async def test_kafka_and_postgresql_reach_the_same_needs_and_bookings(
    small_run: tuple[Path, dict[str, Any]], tmp_path: Path, own_kafka_broker: str, postgres_database: str
) -> None:
    embedded_dir, embedded = small_run
    cluster = await run_demo(
        tmp_path / "cluster",
        *SMALL,
        PITCALL_BROKER_URL=f"pitcall-kafka://{own_kafka_broker}",
        PITCALL_DATABASE_URL=postgres_database,
        PITCALL_KAFKA_PARTITIONS="4",
        PITCALL_SNAPSHOT_KEY="a-key-of-this-test-that-is-long-enough",
    )
    assert cluster["broker"] == "kafka"
    assert await outcome_of(postgres_database) == await outcome_of(records_url(embedded_dir))
    assert cluster["models"] == embedded["models"]
