"""What the bench of bookings counts: everything exactly, and nothing that did not arrive."""

import asyncio
import base64
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from standardwebhooks import Webhook

from adapters.records import open_records
from domain.errors import Conflict
from pitcall.bench.booking_town import bench_office, open_garages, settle_owners
from pitcall.bench.bookings import BookingsBench, bench_bookings
from pitcall.bench.dealer_server import DealerServer
from pitcall.bench.options import has_worked

CATALOGUE = Path("pitcall/data/car.yaml").resolve()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'records.db'}"
    return str(request.getfixturevalue("postgres_database"))


async def test_every_booking_is_completed_and_every_delivery_arrives_once(database_url: str) -> None:
    figures = await bench_bookings(BookingsBench(CATALOGUE, database_url, bookings=24, dealers=4, bad=0.0))
    assert {"database", "bookings", "wall_s", "per_s", "p99_ms", "double_booked", "lost"} <= set(figures)
    assert figures["failures"] == []
    assert (figures["bookings"], figures["completed"]) == (24, 24)
    assert (figures["double_booked"], figures["lost"]) == (0, 0)
    # A dealer hears of what is sent and of what is confirmed.
    assert (figures["deliveries"], figures["deliveries_per_booking"]) == (48, 2.0)
    assert (figures["repeated"], figures["forged"]) == (0, 0)
    # Three want each time of two bays: one of them is refused and asks for another.
    assert figures["refused_times"] == 8
    # Seven steps, a refused draft is none; and what the outbox needs for two deliveries.
    assert figures["transactions_per_booking"] >= 7
    assert has_worked(figures)


async def test_redirects_and_endless_answers_lead_nowhere_and_the_others_get_theirs() -> None:
    figures = await bench_bookings(BookingsBench(CATALOGUE, bookings=18, dealers=6, bad=2 / 6))
    assert (figures["bad_dealers"], figures["completed"]) == (2, 18)
    assert (figures["deliveries"], figures["lost"], figures["redirects_followed"]) == (24, 0, 0)


async def test_only_what_is_signed_right_has_arrived() -> None:
    secret = "whsec_" + base64.b64encode(b"a secret of a bench's dealer").decode()
    dealers = DealerServer({"/healthy/1": secret, "/healthy/2": "whsec_" + base64.b64encode(b"another").decode()})
    server = await asyncio.start_server(dealers.serve, "127.0.0.1", 0)
    body, now = '{"time_ms":1}', datetime.now(UTC)
    headers = {
        "webhook-id": "proposal-1:2",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("proposal-1:2", now, body),
    }
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, httpx.AsyncClient(base_url=url, trust_env=False) as client:
        for path, content in (("1", body), ("1", body), ("2", body), ("1", '{"time_ms":2}'), ("3", body)):
            await client.post(f"/healthy/{path}", content=content, headers=headers)
        report = (await client.get("/report")).json()
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
    assert list(report["waits_ms"]) == ["proposal-1:2"]
    assert (report["repeated"], report["forged"]) == (1, 3)


async def test_a_database_that_is_in_use_is_refused(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'records.db'}"
    records = open_records(url)
    await records.migrate()
    office = bench_office(records, CATALOGUE)
    await open_garages(office, ["/healthy/0"])
    await settle_owners(office, 1)
    await records.close()
    with pytest.raises(Conflict, match="has cars already"):
        await bench_bookings(BookingsBench(CATALOGUE, url, bookings=1, dealers=1))


@pytest.mark.parametrize("wrong", ["lost", "double_booked"])
def test_what_is_lost_or_booked_twice_fails_the_bench(wrong: str) -> None:
    assert not has_worked({"lost": 0, "double_booked": 0, wrong: 1})
