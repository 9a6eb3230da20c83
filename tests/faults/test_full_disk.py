"""The disk is full: nothing more is acknowledged, that is said, nothing is corrupted, and with room it goes on."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.e2e.logged import log_url
from tests.e2e.part import Part, api_part, url_of
from tests.faults.audit import KEY, assert_equal, effects_of, undisturbed, uploads_in
from tests.faults.fleet import FaultFleet, FleetSender, add_operator, drain, enrol
from tests.faults.small_disk import SmallDisk
from workflow.signal_names import SignalNames

CARS = 8
LEFT_BYTES = 600_000
"""Room for some dozens of uploads with all their effects."""
SIGNALS = frozenset(("Vehicle.Speed", "Vehicle.TraveledDistance", "Vehicle.LowVoltageBattery.CurrentVoltage"))


class Site:
    """An embedded installation on a small disk; what it prints is kept elsewhere, as a supervisor would."""

    def __init__(self, disk: SmallDisk, room: Path) -> None:
        self.disk = disk
        self.room = room
        self.data_dir = disk.folder / "data"
        self.settings = {"PITCALL_DATA_DIR": str(self.data_dir), "PITCALL_SNAPSHOT_KEY": KEY}
        self.starts = 0

    def start(self) -> Part:
        """Start the one process, which may refuse."""
        self.starts += 1
        return api_part(self.room / f"api-{self.starts}.log", **self.settings)

    def copy_records(self, to: Path) -> str:
        """A copy of the records as they are now; its URL."""
        with (
            closing(sqlite3.connect(self.data_dir / "records.sqlite")) as source,
            closing(sqlite3.connect(to)) as target,
        ):
            source.backup(target)
        return f"sqlite+aiosqlite:///{to}"

    def check_files(self) -> None:
        """Every database of the installation is whole."""
        for name in ("log", "records", "history"):
            with closing(sqlite3.connect(self.data_dir / f"{name}.sqlite")) as database:
                assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)], name


def send_until_refused(sender: FleetSender, first: int) -> int:
    """Send small batches until the disk is full; the number behind the last upload that was tried."""
    refused = len(sender.refusals)
    while len(sender.refusals) == refused:
        sender.send(range(first, first + 10))
        first += 10
        assert first < 20_000, "the control: this disk is never full"
    return first


def assert_says_so(answer: httpx.Response) -> None:
    """503, when to come again, and why."""
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    assert "full" in answer.json()["detail"]


def stay_full(sender: FleetSender, first: int, dice: random.Random) -> int:
    """Go on trying while the disk is full: each answer is an acknowledgement or the refusal."""
    for _ in range(12):
        sender.send(range(first, first + dice.randrange(1, 30)))
        first += 30
    for refusal in sender.refusals:
        assert_says_so(refusal)
    assert httpx.get(f"{sender.url}/healthz").json() == {"alive": True}
    owner = {"name": "Nora Neu", "email": f"nora-{first}@owner.example", "password": "x" * 12}
    assert httpx.post(f"{sender.url}/v1/customers", json=owner, timeout=60.0).status_code in (201, 503)
    return first


async def audit(site: Site, sender: FleetSender, before: str) -> None:
    """Whole files; every acknowledged upload in the log; and all effects as undisturbed."""
    site.check_files()
    kept = site.room / "kept"
    url = log_url(site.data_dir)
    logged = await uploads_in(url, SignalNames.of(SIGNALS))
    expected = {sender.fleet.identity(n) for n in sender.acknowledged}
    assert expected <= logged
    disturbed = await effects_of(url, f"sqlite+aiosqlite:///{site.data_dir / 'records.sqlite'}")
    kept.mkdir()
    assert_equal(disturbed, await undisturbed(url, kept, before))


@pytest.mark.parametrize("rounds", [1, pytest.param(12, marks=pytest.mark.long)])
def test_a_full_disk_stops_acknowledgements_and_corrupts_nothing(
    small_disk: SmallDisk, tmp_path: Path, rounds: int
) -> None:
    site, dice = Site(small_disk, tmp_path), random.Random(rounds)
    add_operator(**site.settings)
    with site.start() as api:
        sender = FleetSender(enrol(url_of(api), CARS), url_of(api))
        before = site.copy_records(tmp_path / "before.sqlite")
        assert sender.send_all(0, 200)
        count = 200
        for _ in range(rounds):
            small_disk.fill(leave=dice.randrange(LEFT_BYTES))
            count = stay_full(sender, send_until_refused(sender, count), dice)
            assert api.process.poll() is None, api.said()
            small_disk.make_room()
            sender.insist(count)
            drain(sender.url)
        assert "database or disk is full" in api.said()
        assert api.end() == 0
    assert "Traceback" not in api.said()
    asyncio.run(audit(site, sender, before))


@pytest.mark.parametrize("rounds", [1, pytest.param(12, marks=pytest.mark.long)])
def test_killed_on_a_full_disk_it_starts_again_or_says_why_not(
    small_disk: SmallDisk, tmp_path: Path, rounds: int
) -> None:
    site, dice = Site(small_disk, tmp_path), random.Random(100 + rounds)
    add_operator(**site.settings)
    with site.start() as api:
        fleet: FaultFleet = enrol(url_of(api), CARS)
        before = site.copy_records(tmp_path / "before.sqlite")
        assert api.end() == 0
    acknowledged: set[int] = set()
    count = 0
    for _ in range(rounds):
        with site.start() as api:
            sender = FleetSender(fleet, url_of(api), acknowledged=acknowledged)
            assert sender.send_all(count, 100)
            small_disk.fill(leave=dice.randrange(LEFT_BYTES))
            count = send_until_refused(sender, count + 100)
            api.end(signal.SIGKILL)
        small_disk.fill(leave=0)
        start_on_a_full_disk(site)
        small_disk.make_room()
        with site.start() as api:
            sender = FleetSender(fleet, url_of(api), acknowledged=acknowledged)
            sender.insist(count)
            drain(sender.url)
            assert api.end() == 0
            assert "Traceback" not in api.said()
    asyncio.run(audit(site, sender, before))


def start_on_a_full_disk(site: Site) -> None:
    """It may run, and refuse what it can't keep, or end with a sentence that names the cause."""
    with site.start() as api:
        try:
            url_of(api)
        except AssertionError:
            assert api.process.wait() == 1, api.said()
            said = api.said().strip().splitlines()
            assert said[-1].startswith("pitcall: "), api.said()
            assert "full" in said[-1] or "No space left" in said[-1], api.said()
        else:
            assert api.end() == 0
        assert "Traceback" not in api.said()
