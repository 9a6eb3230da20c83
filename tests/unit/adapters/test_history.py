"""What the two histories promise beyond their contract, and which URL opens which."""

import sqlite3
from pathlib import Path

import pytest

from adapters.history import file_url, open_history
from adapters.history.influx import InfluxHistory
from adapters.history.line_protocol import lines_of
from adapters.history.sqlite import SCHEMA_VERSION, SqliteHistory
from domain.errors import InvalidInput, Unavailable
from domain.signal_history import SignalAggregate
from domain.telemetry import SIMULATED

DAY_MS = 86_400_000


def aggregate(vehicle_id: str = "car-1", start_ms: int = 1_760_000_000_000, **changes: object) -> SignalAggregate:
    figures = {"count": 2, "mean": 1.5, "minimum": 1.0, "maximum": 2.0, "signal": "Vehicle.Speed"} | changes
    return SignalAggregate(vehicle_id=vehicle_id, start_ms=start_ms, end_ms=start_ms + 59_000, **figures)  # type: ignore[arg-type]


async def test_a_forgotten_car_is_in_no_byte_of_any_file(tmp_path: Path) -> None:
    history = SqliteHistory(tmp_path / "history.sqlite", retention_days=10)
    try:
        await history.append([aggregate("canary-7f3a", 1_760_000_000_000 + i * 60_000) for i in range(500)])
        await history.append([aggregate("other-car", 1_760_000_000_000 + i * 60_000) for i in range(500)])
        assert _files_with(tmp_path, b"canary-7f3a")
        await history.forget("canary-7f3a")
        assert _files_with(tmp_path, b"canary-7f3a") == []
        assert _files_with(tmp_path, b"other-car")
    finally:
        await history.close()


def _files_with(folder: Path, text: bytes) -> list[str]:
    return [path.name for path in folder.iterdir() if text in path.read_bytes()]


async def test_retention_reaches_every_series_and_takes_the_empty_ones_away(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    history = SqliteHistory(path, retention_days=10)
    await history.append([aggregate(f"car-{i}") for i in range(1_234)])
    await history.append([aggregate("car-7", 1_760_000_000_000 + DAY_MS)])
    await history.expire(1_760_000_000_000 + 10 * DAY_MS + 1)
    await history.close()
    with sqlite3.connect(path) as file:
        assert file.execute("SELECT vehicle_id FROM series").fetchall() == [("car-7",)]
        assert file.execute("SELECT count(*) FROM aggregates").fetchone() == (1,)
    file.close()


async def test_a_file_of_a_newer_pitcall_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    await SqliteHistory(path, retention_days=10).close()
    with sqlite3.connect(path) as file:
        file.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    file.close()
    before = path.read_bytes()
    with pytest.raises(InvalidInput, match="newer Pitcall"):
        SqliteHistory(path, retention_days=10)
    assert path.read_bytes() == before


def test_a_place_that_cannot_hold_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="does not answer"):
        SqliteHistory(tmp_path / "file" / "history.sqlite", retention_days=10)


async def test_a_locked_file_is_unavailable_and_nothing_of_the_batch_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.history.sqlite._PATIENCE_S", 0.05)
    path = tmp_path / "history.sqlite"
    history = SqliteHistory(path, retention_days=10)
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            await history.append([aggregate()])
        other.execute("ROLLBACK")
        await history.append([aggregate("car-2")])
        assert other.execute("SELECT vehicle_id FROM series").fetchall() == [("car-2",)]
    finally:
        other.close()
        await history.close()


def test_an_upload_is_one_line_whatever_its_signals() -> None:
    lines = lines_of(
        [
            aggregate(signal="Vehicle.Speed"),
            aggregate("car 2"),
            aggregate(signal="a,b=c", origin=SIMULATED, mean=1.0, maximum=1.0),
        ]
    )
    assert lines == [
        "uploads,vehicle=car-1 "
        "Vehicle.Speed#count=2i,Vehicle.Speed#total=3.0,Vehicle.Speed#min=1.0,Vehicle.Speed#max=2.0,"
        "Vehicle.Speed#simulated=0i,"
        "a\\,b\\=c#count=2i,a\\,b\\=c#total=2.0,a\\,b\\=c#min=1.0,a\\,b\\=c#max=1.0,a\\,b\\=c#simulated=2i "
        "1760000000000",
        "uploads,vehicle=car\\ 2 "
        "Vehicle.Speed#count=2i,Vehicle.Speed#total=3.0,Vehicle.Speed#min=1.0,Vehicle.Speed#max=2.0,"
        "Vehicle.Speed#simulated=0i 1760000000000",
    ]


async def test_a_url_says_which_history_is_meant(tmp_path: Path) -> None:
    file = open_history(file_url(tmp_path / "with space, 50%.sqlite"))
    server = open_history("http://influx.example:8086/works/signals", token="secret")
    assert isinstance(file, SqliteHistory)
    assert file.path == tmp_path / "with space, 50%.sqlite"
    assert isinstance(server, InfluxHistory)
    await file.close()
    await server.close()


@pytest.mark.parametrize(
    ("url", "token", "days", "field"),
    [
        ("", "", 1, "history_url"),
        ("sqlite://", "", 1, "history_url"),
        ("sqlite://relative/file", "", 1, "history_url"),
        ("postgresql://host/db", "", 1, "history_url"),
        ("http://host:8086", "token", 1, "history_url"),
        ("http://host:8086/org", "token", 1, "history_url"),
        ("http://host:8086/org/bucket/more", "token", 1, "history_url"),
        ("http://user:password@host:8086/org/bucket", "token", 1, "history_url"),
        ("http://host:8086/org/bucket", "", 1, "history_token"),
        ("http://host:8086/org/bucket", "token", 0, "history_retention_days"),
    ],
)
def test_a_wrong_setting_is_named(url: str, token: str, days: int, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        open_history(url, token=token, retention_days=days)
    assert refusal.value.field == field
    assert "password" not in str(refusal.value)
