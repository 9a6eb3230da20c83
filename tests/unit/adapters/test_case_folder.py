"""A case in a folder: the same history whatever its files are, in stretches of time, with memory that does not grow."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.case_folder import CaseFolder
from adapters.case_stretches import GapCounts, TimeCounts
from domain.backtest_case import Decide, InvalidCase
from domain.iso_time import DAY_MS, HOUR_MS, moment_ms
from domain.service_record import ServiceOutcome
from tests.support.case_files import SERVICES, TELEMETRY, write_case, write_table
from workflow.case_history import CaseHistory, CaseService

NEW_YEAR = moment_ms("2024-01-01")


def at(hours: float) -> str:
    return (datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hours)).isoformat()


@dataclass
class Whole:
    """A history joined from its spans, as plain lists."""

    rows: list[tuple[Any, ...]]
    events: list[tuple[int, ...]]
    services: list[CaseService]
    shape: list[tuple[int, int, int, int]]


def whole(case: CaseHistory) -> Whole:
    found = Whole([], [], [], [])
    before = -(1 << 62)
    for span in case.spans():
        for times in (span.time_ms, span.events.time_ms, np.array([s.known_ms for s in span.services], np.int64)):
            assert np.all((times > before) & (times <= span.until_ms))
        values = [tuple(None if np.isnan(v) else v for v in row) for row in span.values.tolist()]
        found.rows += zip(span.time_ms.tolist(), span.vehicle.tolist(), values, strict=True)
        events = span.events
        found.events += zip(events.time_ms.tolist(), events.vehicle.tolist(), events.code.tolist(), strict=True)
        found.services += span.services
        found.shape.append((span.until_ms, len(span.time_ms), len(events.code), len(span.services)))
        before = span.until_ms
    return found


def test_a_case_is_read_as_it_stands(tmp_path: Path) -> None:
    with CaseFolder(write_case(tmp_path)) as case:
        assert case.settings.name == "pumps"
        assert case.settings.decide == Decide(3 * HOUR_MS, NEW_YEAR + DAY_MS, moment_ms("2024-02-01"), 2 * DAY_MS)
        assert (case.signals, case.vehicle_ids) == (("pressure", "load"), ("p1", "p2"))
        assert case.usual_gap_ms == HOUR_MS
        history = whole(case)
    hour = NEW_YEAR + HOUR_MS
    assert history.rows == [(NEW_YEAR, 0, (5.0, 50.0)), (NEW_YEAR, 1, (6.0, None)), (hour, 0, (5.5, 51.0))]
    june = moment_ms("2023-06-01")
    assert history.services == [CaseService(0, june, june, "seal", ServiceOutcome.REPLACED, None)]


def test_a_case_without_a_name_is_called_like_its_folder_and_may_leave_staleness_open(tmp_path: Path) -> None:
    settings_text = "decide: {every: PT1H, from: 2024-01-01T00:00:00+01:00, to: 2024-01-03}"
    with CaseFolder(write_case(tmp_path / "lifts", settings=settings_text)) as case:
        assert case.settings.name == "lifts"
        assert case.settings.decide == Decide(HOUR_MS, NEW_YEAR - HOUR_MS, NEW_YEAR + 2 * DAY_MS, None)


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
def test_services_stand_where_they_become_known_in_the_items_unit(tmp_path: Path, ending: str) -> None:
    def service(item: str, outcome: str, **more: Any) -> dict[str, Any]:
        base = {"vehicle_id": "p2", "time": at(0), "item": item, "outcome": outcome}
        return base | {"value": None, "unit": None, "known_time": None} | more

    services = [
        service("bearing", "measured", value=1.5, unit="cm", known_time=at(900)),
        service("bearing", "measured", value=3.0, unit="K"),
        service("bearing", "replaced", value=7.0, unit="mm"),
        service("seal", "ok", value=9.0, unit="whatever"),  # an item without a unit takes the value as it is
    ]
    with CaseFolder(write_case(tmp_path, services=services, ending=ending)) as case:
        history = whole(case)
    told = [(found.item, found.known_ms, found.value) for found in history.services]
    assert sorted(told[:3], key=str) == [
        ("bearing", NEW_YEAR, 5.0),
        ("bearing", NEW_YEAR, 7.0),
        ("seal", NEW_YEAR, 9.0),
    ]
    assert told[3] == ("bearing", NEW_YEAR + 900 * HOUR_MS, 15.0)  # after the last telemetry, in the last span
    assert history.shape[-1][0] == NEW_YEAR + 900 * HOUR_MS


def test_what_is_no_finite_number_or_not_plausible_is_a_gap(tmp_path: Path) -> None:
    words = ["NaN", "inf", "-Infinity", "", "null", "NA", "101", "-0.1", "100", " 7e0 ", "true"]
    telemetry = [{"vehicle_id": "p1", "time": at(n), "pressure": word, "load": 1} for n, word in enumerate(words)]
    with CaseFolder(write_case(tmp_path, telemetry=telemetry)) as case:
        values = [row[2][0] for row in whole(case).rows]
        assert case.implausible == {"pressure": 2, "load": 0}
    assert values == [None] * 8 + [100.0, 7.0, 1.0]


def test_attributes_are_numbers_where_all_that_is_told_are(tmp_path: Path) -> None:
    vehicles = [
        {"vehicle_id": "p3", "model": "B", "age": None},
        {"vehicle_id": "p1", "model": None, "age": "3"},
        {"vehicle_id": "p2", "model": "2", "age": "4.5"},
    ]
    with CaseFolder(write_case(tmp_path, vehicles=vehicles)) as case:
        assert case.vehicle_ids == ("p1", "p2", "p3")  # also the one that never reported
        assert case.attributes["model"] == ("", "2", "B")
        np.testing.assert_array_equal(case.attributes["age"], [3.0, 4.5, np.nan])


def test_an_attribute_that_the_catalogue_calls_text_stays_text(tmp_path: Path) -> None:
    catalogue = "signals: [a]\nattributes: {code: {type: category}}\nitems: {x: {kind: wear}}"
    folder = write_case(
        tmp_path,
        catalogue=catalogue,
        telemetry=[{"vehicle_id": "p1", "time": at(0), "a": 1}],
        services=[{"vehicle_id": "p1", "time": at(0), "item": "x", "outcome": "ok"}],
        vehicles=[{"vehicle_id": "p1", "code": "0042"}],
    )
    with CaseFolder(folder) as case:
        assert case.attributes == {"code": ("0042",)}


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_parquet_is_taken_with_the_types_that_programs_write(tmp_path: Path, unit: str) -> None:
    write_case(tmp_path)
    (tmp_path / "telemetry.csv").unlink()
    times = pa.array([NEW_YEAR // 1000, NEW_YEAR // 1000], pa.int64()).cast(pa.timestamp("s", "Europe/Berlin"))
    table = pa.table(
        {
            "vehicle_id": pa.array([7, 12]),
            "time": times.cast(pa.timestamp(unit, "Europe/Berlin")),
            "pressure": pa.array([1, None], pa.int32()),
            "load": pa.array([True, False]),
            "__index_level_0__": pa.array([0, 1]),
        }
    )
    pa.parquet.write_table(table, tmp_path / "telemetry.parquet")
    with CaseFolder(tmp_path) as case:
        assert case.vehicle_ids == ("12", "7", "p1")
        assert whole(case).rows == [(NEW_YEAR, 0, (None, 0.0)), (NEW_YEAR, 1, (1.0, 1.0))]


def test_categories_and_large_texts_in_parquet_are_texts(tmp_path: Path) -> None:
    write_case(tmp_path)
    (tmp_path / "telemetry.csv").unlink()
    table = pa.table(
        {
            "vehicle_id": pa.array(["a", "b", "a"]).dictionary_encode(),
            "time": pa.array([at(0), at(0), at(1)], pa.large_string()),
            "pressure": pa.array(["1", "2", None], pa.large_string()),
            "load": pa.nulls(3),
        }
    )
    pa.parquet.write_table(table, tmp_path / "telemetry.parquet")
    with CaseFolder(tmp_path) as case:
        assert [row[2] for row in whole(case).rows] == [(1.0, None), (2.0, None), (None, None)]


def test_times_may_be_written_in_any_way_that_has_a_zone(tmp_path: Path) -> None:
    ways = [
        "2024-01-01T00:00:00Z", "2024-01-01 01:00:00+00:00", "2024-01-01T04:00:00.000+0200", "2024-01-01T03:00Z",
        "2024-01-01 04:00:00 UTC", " 2024-01-01T05:00:00.000000Z ", "20240101T060000Z", "2024-01-01T05:00:00-02",
    ]  # fmt: skip
    telemetry = [{"vehicle_id": "p1", "time": way, "pressure": 1, "load": 1} for way in ways]
    with CaseFolder(write_case(tmp_path, telemetry=telemetry)) as case:
        assert [row[0] for row in whole(case).rows] == [NEW_YEAR + n * HOUR_MS for n in range(len(ways))]


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    write_case(tmp_path)
    text = "\ufeffvehicle_id, time,pressure,load\r\np1,2024-01-01T00:00:00Z,1,2\r\n"
    (tmp_path / "telemetry.csv").write_bytes(text.encode())
    with CaseFolder(tmp_path) as case:
        assert whole(case).rows == [(NEW_YEAR, 0, (1.0, 2.0))]


def test_an_empty_table_of_events_is_no_mistake(tmp_path: Path) -> None:
    write_case(tmp_path)
    (tmp_path / "events.csv").write_text("vehicle_id,time,code\n")
    with CaseFolder(tmp_path) as case:
        assert whole(case).events == []


HISTORIES = st.fixed_dictionaries(
    {
        "telemetry": st.dictionaries(
            st.tuples(st.sampled_from(["p1", "p2", "p10"]), st.integers(0, 400)),
            st.tuples(*[st.none() | st.floats(0, 100, width=32)] * 2),
            min_size=1,
            max_size=60,
        ),
        "events": st.lists(
            st.tuples(st.sampled_from(["p1", "p2"]), st.integers(-500, 900), st.sampled_from(["error1", "error2"])),
            max_size=20,
        ),
        "services": st.lists(
            st.tuples(
                st.sampled_from(["p1", "p2", "p9"]),
                st.integers(-900, 900),
                st.integers(0, 500),
                st.sampled_from(["seal", "bearing"]),
                st.sampled_from(["failed", "replaced", "measured", "ok"]),
                st.floats(0, 50),
            ),
            min_size=1,
            max_size=20,
        ),
        "rows_per_span": st.integers(1, 40),
    }
)


@given(history=HISTORIES, seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_csv_and_parquet_in_any_order_of_rows_give_the_same_spans(
    history: dict[str, Any], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    telemetry = [
        {"vehicle_id": vehicle, "time": at(hour), "pressure": pressure, "load": load}
        for (vehicle, hour), (pressure, load) in history["telemetry"].items()
    ]
    events = [{"vehicle_id": vehicle, "time": at(hour), "code": code} for vehicle, hour, code in history["events"]]
    services = [
        {
            "vehicle_id": vehicle, "time": at(hour), "known_time": at(hour + late),
            "item": item, "outcome": outcome, "value": value,
        }
        for vehicle, hour, late, item, outcome, value in history["services"]
    ]  # fmt: skip
    found = []
    for turn, ending in enumerate((".csv", ".parquet", ".csv.gz")):
        folder = tmp_path_factory.mktemp("case")
        for rows in (telemetry, events, services) if turn else ():
            random.Random(seed + turn).shuffle(rows)
        write_case(folder, telemetry=telemetry, services=services, events=events or None, ending=ending)
        with CaseFolder(folder, rows_per_span=history["rows_per_span"]) as case:
            found.append((case.vehicle_ids, case.usual_gap_ms, whole(case)))
            assert whole(case) == found[-1][2], "a history that is read again is the same"
    assert found[0] == found[1] == found[2]
    rows = found[0][2].rows
    assert rows == sorted(rows, key=lambda row: row[:2]) and len(rows) == len(telemetry)
    assert (len(found[0][2].events), len(found[0][2].services)) == (len(events), len(services))
    known = [service.known_ms for service in found[0][2].services]
    assert known == sorted(known)


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_what_is_held_does_not_grow_with_the_history(tmp_path: Path, ending: str) -> None:
    largest = []
    for days in (30, 240):
        telemetry = [
            {"vehicle_id": f"p{vehicle}", "time": at(hour), "pressure": 1.0, "load": 2.0}
            for vehicle in range(5)  # sorted by vehicle: each batch touches all of the time there is
            for hour in range(days * 24)
        ]
        folder = write_case(tmp_path / f"{days}", telemetry=telemetry, ending=ending)
        with CaseFolder(folder, rows_per_span=500) as case:
            sizes = [len(span.time_ms) for span in case.spans()]
            largest.append(case.largest_held)
        assert sum(sizes) == len(telemetry)
        assert max(sizes) <= 500 and len(sizes) == -(-len(telemetry) // 500)
    assert largest == [500, 500]


def test_the_temporary_files_go_at_the_end_and_after_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    folder = write_case(tmp_path / "case")
    with CaseFolder(folder) as case:
        assert len(list(scratch.iterdir())) == 1
        assert len(whole(case).rows) == len(TELEMETRY)
    assert not list(scratch.iterdir())
    with pytest.raises(ValueError, match="closed"):
        next(case.spans())
    left = CaseFolder(folder)
    del left
    assert not list(scratch.iterdir())
    write_table(folder / "services.csv", [{**SERVICES[0], "item": "lid"}])
    with pytest.raises(InvalidCase):
        CaseFolder(folder)
    assert not list(scratch.iterdir())


@given(
    gaps=st.lists(st.lists(st.integers(1, 10**6), max_size=30), max_size=5),
    most=st.sampled_from([4, 1000]),
)
def test_the_usual_gap_is_the_median_whatever_the_memory_for_it(gaps: list[list[int]], most: int) -> None:
    counts = GapCounts(most)
    for some in gaps:
        counts.add(np.array(some, dtype=np.int64))
    every = sorted(gap for some in gaps for gap in some)
    true = every[(len(every) - 1) // 2] if every else 0
    assert true * 0.998 <= counts.median() <= true
    if most > len(every):
        assert counts.median() == true


@given(
    batches=st.lists(st.lists(st.integers(0, 10**12), max_size=20), max_size=5),
    bins=st.sampled_from([2, 16, 1024]),
    rows=st.integers(1, 30),
)
def test_stretches_cover_all_times_in_bins_that_stay_few(batches: list[list[int]], bins: int, rows: int) -> None:
    counts = TimeCounts(bins)
    for times in batches:
        counts.add(np.array(times, dtype=np.int64))
    untils = counts.untils(rows)
    every = [time for times in batches for time in times]
    assert np.all(np.diff(untils) > 0)
    assert len(untils) <= max(bins, 1)
    assert not every or max(every) <= untils[-1]
