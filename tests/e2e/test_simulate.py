"""`pitcall simulate` against a running `pitcall api`: recorded drives, a fleet and a dealer, all from outside."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.catalogue_file import load_catalogue
from pitcall.settings import Settings
from streams.local_log import LocalLog
from streams.topics import TELEMETRY_UPLOADS
from tests.e2e.logged import log_url, records_in
from tests.e2e.part import PATIENCE_S, Person, api_part, refusal, run, url_of
from tests.e2e.recording import cut_recording
from tests.servers.process import free_port

OPERATOR = "ops@pitcall.example"
ADVISOR = "advisor@dealer.example"
PASSWORD = "a-long-password-of-this-test"
DAY_MS = 86_400_000


@dataclass(frozen=True)
class System:
    """A running API with its first operator."""

    url: str
    data_dir: Path

    def as_operator(self) -> tuple[str, ...]:
        """What tells `pitcall simulate` where, and as whom."""
        return ("--url", self.url, "--email", OPERATOR, "--password", PASSWORD)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The API in a process of its own; the operator is added while it runs."""
    folder = tmp_path_factory.mktemp("system")
    data_dir = folder / "data"
    with api_part(folder / "api.log", PITCALL_DATA_DIR=str(data_dir)) as api:
        url = url_of(api)
        added = run(
            *("operator", "add", "--email", OPERATOR, "--name", "Opera Tor"),
            given=PASSWORD + "\n",
            PITCALL_DATA_DIR=str(data_dir),
        )
        assert added.returncode == 0, added.stderr
        assert PASSWORD not in added.stdout
        yield System(url, data_dir)
        assert api.end() == 0


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two drives."""
    return cut_recording(tmp_path_factory.mktemp("recording") / "mine.parquet", 2)


@pytest.fixture(scope="module")
def replayed(system: System, recording: Path) -> dict[str, Any]:
    """What a replay of the recording printed."""
    return simulated("replay", str(recording), *system.as_operator())


def simulated(*arguments: str) -> dict[str, Any]:
    """The figures of a simulation that must work."""
    done = run("simulate", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert isinstance(figures, dict)
    return figures


def eventually(ask: Callable[[], Any]) -> Any:
    """The first answer that is not empty."""
    ends = time.monotonic() + PATIENCE_S
    while not (answer := ask()):
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.1)
    return answer


def test_a_replayed_recording_becomes_what_its_owner_sees(system: System, replayed: dict[str, Any]) -> None:
    assert replayed["drives_replayed"] == 2
    assert replayed["samples"] > 0
    with Person(system.url, replayed["email"], replayed["password"]) as owner:
        car = f"/v1/me/vehicles/{replayed['vehicle_id']}"
        expected = set(load_catalogue(Settings().catalogue).items_of("petrol"))
        # Each item is told once something is known of it, and again only when that has moved.
        eventually(lambda: {a["item"] for a in owner.get(car)["assessments"]} == expected)
        assessments = owner.get(car)["assessments"]
    assert all(a["reason"] for a in assessments)


def test_each_signal_of_a_replay_says_whether_it_was_recorded(system: System, replayed: dict[str, Any]) -> None:
    bodies = uploads_of(system, replayed["vehicle_id"])
    assert len(bodies) == replayed["uploads"]
    assert len({body["boot_id"] for body in bodies}) == 2
    for body in bodies:
        assert set(body["origins"]) == set(body["signals"])
        # What the car says on waking comes before the recording begins.
        assert body["origins"]["Vehicle.Speed"] == ("recorded" if body["seq"] else "simulated")
        assert body["origins"]["Vehicle.TraveledDistance"] == "simulated"
    assert sum(len(body["offsets_ms"]) for body in bodies) == replayed["samples"]


def uploads_of(system: System, vehicle_id: str) -> list[dict[str, Any]]:
    """A car's uploads as the log has them, from a copy: the log belongs to the process that writes it."""
    copy = system.data_dir.parent / "copy"
    copy.mkdir()
    with (
        closing(sqlite3.connect(system.data_dir / "log.sqlite")) as log_file,
        closing(sqlite3.connect(copy / "log.sqlite")) as copied,
    ):
        log_file.backup(copied)
    with LocalLog.shared(log_url(copy)) as log:
        records = [record for _, record in records_in(log, TELEMETRY_UPLOADS) if record.key == vehicle_id.encode()]
    return [json.loads(record.value or b"") for record in records]


def test_a_fleet_drives_and_is_seen(system: System) -> None:
    with Person(system.url, OPERATOR, PASSWORD) as operator:
        before = operator.get("/v1/operator/funnel")
        # A week, for there are cars that stay at home on some days of it.
        figures = simulated("fleet", "--cars", "2", "--days", "7", "--seed", "4", *system.as_operator())
        after = operator.get("/v1/operator/funnel")
    assert figures["cars"] == 2
    assert figures["uploads"] > 0
    assert after["vehicles"] - before["vehicles"] == 2
    assert after["uploads"] - before["uploads"] == figures["uploads"]


def test_a_scripted_dealer_answers_what_an_owner_proposed(system: System, replayed: dict[str, Any]) -> None:
    with Person(system.url, OPERATOR, PASSWORD) as operator:
        dealer_id = operator.post("/v1/operator/dealers", dealer())["dealer_id"]
    with Person(system.url, replayed["email"], replayed["password"]) as owner:
        proposal_id = propose(owner, replayed["vehicle_id"], dealer_id)
        done = simulated("dealer", "--rounds", "1", "--url", system.url, "--email", ADVISOR, "--password", PASSWORD)
        assert done == {"dealer_replies": 1}
        assert owner.get(f"/v1/me/proposals/{proposal_id}")["state"] in ("accepted", "countered")


def dealer() -> dict[str, Any]:
    """A dealer that is always open."""
    opening = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), ("07:00", "19:00"))
    advisor = {"name": "Ad Visor", "email": ADVISOR, "password": PASSWORD}
    return {"name": "Pit Lane Garage", "time_zone": "UTC", "opening": opening, "bays": 2, "advisor": advisor}


def propose(owner: Person, vehicle_id: str, dealer_id: str) -> str:
    """Tell of brake fluid that is three years old, and propose the need that comes of it."""
    now = int(time.time() * 1000)
    fluid = {"item": "brake_fluid", "outcome": "replaced", "performed_ms": now - 1100 * DAY_MS, "odometer_m": 9_000_000}
    owner.post(f"/v1/me/vehicles/{vehicle_id}/service-history", {"records": [fluid]})
    need = eventually(lambda: owner.get(f"/v1/me/vehicles/{vehicle_id}")["needs"])[0]
    asked = {"minutes": 60, "from_ms": now + DAY_MS, "until_ms": now + 5 * DAY_MS}
    slot = owner.get(f"/v1/dealers/{dealer_id}/slots", **asked)["slots"][0]
    about = {"vehicle_id": vehicle_id, "dealer_id": dealer_id}
    consent = {"purpose": "booking", "data_items": ["contact", "vehicle", "odometer", "evidence"]}
    grant = owner.post("/v1/me/consents", {**about, **consent})
    wanted = {"need_ids": [need["need_id"]], "start_ms": slot["start_ms"], "grant_id": grant["grant_id"]}
    proposal = owner.post("/v1/me/proposals", {**about, **wanted})
    owner.post(f"/v1/me/proposals/{proposal['proposal_id']}/send")
    return str(proposal["proposal_id"])


def test_a_file_that_is_none_is_named(system: System, tmp_path: Path) -> None:
    said = refusal("simulate", "replay", tmp_path / "nowhere.parquet", *system.as_operator())
    assert "nowhere.parquet: there is no such file" in said
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    assert "lacks the column(s) ts, speed_kmh" in refusal(
        "simulate", "replay", tmp_path / "notes.csv", *system.as_operator()
    )
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and nothing after it")
    assert "broken.parquet is no recording of drives" in refusal(
        "simulate", "replay", tmp_path / "broken.parquet", *system.as_operator()
    )


def test_a_wrong_password_is_refused_in_one_sentence(system: System, recording: Path) -> None:
    account = ("--email", OPERATOR, "--password", "not-the-password")
    said = refusal("simulate", "replay", recording, "--url", system.url, *account)
    assert "e-mail or password is wrong" in said
    assert "not-the-password" not in said


@pytest.mark.parametrize("url", [f"http://127.0.0.1:{free_port()}", "localhost", "http://[", "ftp://127.0.0.1"])
def test_an_api_that_is_away_is_said_at_once(url: str, recording: Path) -> None:
    account = ("--email", OPERATOR, "--password", PASSWORD)
    said = refusal("simulate", "replay", recording, "--url", url, *account)
    assert url in said


def test_somebody_who_is_no_operator_enrols_no_cars(system: System, replayed: dict[str, Any]) -> None:
    account = ("--email", replayed["email"], "--password", replayed["password"])
    assert "refused" in refusal("simulate", "fleet", "--cars", "1", "--url", system.url, *account)
