"""The whole chain on one command: from recorded drives to a visit that taught a model."""

from __future__ import annotations

import json
from pathlib import Path

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


async def test_one_seed_gives_one_outcome(tmp_path: Path) -> None:
    first = await run_demo(tmp_path / "a", *SMALL)
    second = await run_demo(tmp_path / "b", *SMALL)
    assert await outcome_of(records_url(tmp_path / "a")) == await outcome_of(records_url(tmp_path / "b"))
    assert first["models"] == second["models"]
    differing = {key for key in first if first[key] != second[key]}
    assert differing <= {"wall_s", "urls"}


async def test_another_seed_gives_another_outcome(tmp_path: Path) -> None:
    """The control of the test above: the outcome is not the same whatever happens."""
    await run_demo(tmp_path / "a", *SMALL)
    await run_demo(tmp_path / "b", *SMALL[:2], "--seed", "4", *SMALL[4:])
    assert await outcome_of(records_url(tmp_path / "a")) != await outcome_of(records_url(tmp_path / "b"))


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


async def test_every_need_cites_uploads_of_this_run(tmp_path: Path) -> None:
    await run_demo(tmp_path, *SMALL)
    outcome = await outcome_of(records_url(tmp_path))
    logged = _uploads_in(tmp_path)
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
    tmp_path: Path, own_kafka_broker: str, postgres_database: str
) -> None:
    embedded = await run_demo(tmp_path / "embedded", *SMALL)
    cluster = await run_demo(
        tmp_path / "cluster",
        *SMALL,
        PITCALL_BROKER_URL=f"pitcall-kafka://{own_kafka_broker}",
        PITCALL_DATABASE_URL=postgres_database,
        PITCALL_KAFKA_PARTITIONS="4",
        PITCALL_SNAPSHOT_KEY="a-key-of-this-test-that-is-long-enough",
    )
    assert cluster["broker"] == "kafka"
    assert await outcome_of(postgres_database) == await outcome_of(records_url(tmp_path / "embedded"))
    assert cluster["models"] == embedded["models"]
