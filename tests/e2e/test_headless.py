"""The whole chain on one command: from recorded drives to a visit that taught a model."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from streams.local_log import LocalLog
from streams.topics import TELEMETRY_UPLOADS
from tests.e2e.demo_run import records_url, run_demo
from tests.e2e.logged import log_url, records_in
from tests.e2e.outcome import outcome_of
from tests.support.http_town import PASSWORD, a_town, signed_in
from tests.support.moments import DAY
from workflow.identity import add_operator

KEYS = {
    "broker", "cars", "simulated_days", "drives_replayed", "uploads", "samples", "predictions", "needs_opened",
    "reminders", "consents_granted", "proposals_sent", "dealer_replies", "counter_offers", "confirmed", "completed",
    "labels_learned", "wall_s", "urls",
}  # fmt: skip
SMALL = ("--cars", "6", "--seed", "3", "--until-bookings", "2")


@pytest.fixture(scope="module")
def taught_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run of twenty cars with its figures, long enough for a visit to teach."""
    data_dir = tmp_path_factory.mktemp("taught")
    return data_dir, asyncio.run(run_demo(data_dir, "--cars", "20", "--until-bookings", "3"))


async def test_twenty_cars_reach_three_bookings_and_a_visit_that_taught(
    taught_run: tuple[Path, dict[str, Any]],
) -> None:
    data_dir, figures = taught_run
    assert set(figures) >= KEYS
    assert figures["broker"] == "embedded"
    assert figures["cars"] == 20
    assert figures["drives_replayed"] >= 10
    assert figures["confirmed"] >= 3
    assert figures["completed"] >= 1
    assert figures["labels_learned"] >= 1
    outcome = await outcome_of(records_url(data_dir))
    assert outcome.overlaps == 0
    assert len(outcome.needs) == figures["needs_opened"]


async def test_the_operators_figures_are_those_that_the_labels_of_the_run_give(
    taught_run: tuple[Path, dict[str, Any]],
) -> None:
    data_dir, figures = taught_run
    rows = ledger_rows(data_dir)
    assert len(rows) == figures["labels_learned"]
    assert all(row["model_version"] for row in rows)
    assert any(row["promise"] for row in rows), "a visit follows a need, and the need was told"
    now_ms = max(row["known_ms"] for row in rows) + 1
    async with a_town(data_dir, now_ms=now_ms) as town:
        await add_operator(town.office, name="Opera Tor", email="ops@run.example", password=PASSWORD)
        operator = await signed_in(town, "ops@run.example")
        items = (await operator.get("/v1/operator/models")).json()["items"]
        await operator.aclose()
    assert sum(item["overall"]["labels"] for item in items) == len(rows)
    for item in items:
        own = [row for row in rows if row["item"] == item["item"]]
        for span, since_ms in (("overall", 0), ("recent", now_ms - 90 * DAY)):
            assert_figures(item[span], [row for row in own if row["known_ms"] > since_ms])


def ledger_rows(data_dir: Path) -> list[dict[str, Any]]:
    """The ledger as it lies in the database, read by nothing of ours."""
    with closing(sqlite3.connect(data_dir / "records.sqlite")) as database:
        return [json.loads(row[0]) for row in database.execute("SELECT document FROM judged_labels")]


def assert_figures(said: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """One item's figures over one stretch are what a person would reckon from its rows."""
    assert said["labels"] == len(rows)
    ranges = [row for row in rows if row["lower"] is not None]
    chances = [row for row in rows if row["kind"] == "hazard"]
    assert (said["windows"] is None, said["chances"] is None) == (not ranges, not chances)
    if ranges:
        inside = [row["lower"] <= row["target"] <= row["upper"] for row in ranges]
        errors = [abs(row["predicted"] - row["target"]) for row in ranges]
        assert said["windows"]["coverage"]["value"] == pytest.approx(fmean(inside))
        assert said["windows"]["mean_width"] == pytest.approx(fmean(row["upper"] - row["lower"] for row in ranges))
        assert said["windows"]["mean_absolute_error"] == pytest.approx(fmean(errors))
    if chances:
        squares = [(row["predicted"] - row["target"]) ** 2 for row in chances]
        assert said["chances"]["brier"] == pytest.approx(fmean(squares))
        assert said["chances"]["failures"] == sum(row["target"] for row in chances)


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
