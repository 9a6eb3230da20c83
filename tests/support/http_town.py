"""A town reached by HTTP: an office on a real SQLite database, its API, and people who use it from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from adapters.catalogue_file import load_catalogue
from adapters.clocks import SettableClock
from adapters.ids import RandomIds
from adapters.records.records import Records, open_records
from api.app import create_api
from api.call_limits import CallLimits
from domain.errors import Unavailable
from domain.prediction import Prediction
from tests.support.moments import HOUR, NOW
from workflow.identity import add_operator
from workflow.ingest import Ingest
from workflow.needs import record_predictions
from workflow.ports import LoggedUpload, Office

ADDRESS = "http://town.example"
PASSWORD = "a quite long password"


class PlainPasswords:
    """Behind the port: hashing that costs nothing, so that tests don't wait for argon2."""

    async def hash(self, password: str) -> str:
        return f"plain:{password}"

    async def verify(self, password_hash: str, password: str) -> bool:
        return password_hash == f"plain:{password}"


@dataclass
class MemoryLog:
    """Behind the port: an upload log in memory."""

    taken: list[tuple[str, bytes, Mapping[str, bytes]]] = field(default_factory=list)
    is_away: bool = False

    async def append(
        self, vehicle_id: str, value: bytes, headers: Mapping[str, bytes], received_ms: int
    ) -> tuple[int, int]:
        if self.is_away:
            raise Unavailable("the log is away", retry_after_s=7)
        self.taken.append((vehicle_id, value, headers))
        return 0, len(self.taken) - 1

    async def append_many(self, uploads: Sequence[LoggedUpload]) -> list[tuple[int, int]]:
        return [await self.append(*upload, 0) for upload in uploads]


@dataclass
class Town:
    """The office and its API, with shortcuts for what every test needs first."""

    office: Office
    records: Records
    clock: SettableClock
    wall: SettableClock
    app: FastAPI
    log: MemoryLog
    readiness: dict[str, Any]

    def client(self, token: str = "") -> httpx.AsyncClient:
        """A caller from outside, with a bearer token or without."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(transport=transport, base_url=ADDRESS, headers=headers)

    async def predict(self, *predictions: Prediction) -> None:
        """Let the stream say this of a car."""
        await record_predictions(self.office, [[prediction] for prediction in predictions])


@asynccontextmanager
async def a_town(
    folder: Path,
    *,
    public_url: str = ADDRESS,
    now_ms: int = NOW,
    records_url: str | None = None,
    call_limits: CallLimits | None = None,
) -> AsyncIterator[Town]:
    """A town whose records lie in `folder`, or where `records_url` says."""
    records = open_records(records_url or f"sqlite+aiosqlite:///{folder / 'records.sqlite'}")
    clock, wall, log = SettableClock(now_ms), SettableClock(now_ms), MemoryLog()
    readiness: dict[str, Any] = {"ready": True, "database": "SQLite", "log": "memory"}
    await records.migrate()
    office = Office(
        unit_of_work=records.unit_of_work,
        clock=clock,
        wall=wall,
        ids=RandomIds(),
        catalogue=load_catalogue(Path(str(files("pitcall") / "data" / "car.yaml"))),
        passwords=PlainPasswords(),
    )

    async def waiting() -> dict[str, Any]:
        return {"waiting": 0, "topics": {"telemetry-uploads": 0}, "outbox": 0}

    async def ready() -> dict[str, Any]:
        if "fault" in readiness:
            raise RuntimeError(readiness["fault"])
        return readiness

    async def volumes() -> dict[str, int]:
        return {"uploads": len(log.taken), "predictions": 0}

    app = create_api(
        office,
        Ingest(office, log),
        waiting=waiting,
        readiness=ready,
        model_versions=lambda: {"front_brake_pads": "pads-7"},
        volumes=volumes,
        public_url=public_url,
        call_limits=call_limits,
    )
    try:
        yield Town(office, records, clock, wall, app, log, readiness)
    finally:
        await app.state.reception.live_events.close()
        await records.close()


@dataclass
class People:
    """An operator, a dealer's advisor, and an owner with a claimed car; all signed in."""

    operator: httpx.AsyncClient
    dealer: httpx.AsyncClient
    owner: httpx.AsyncClient
    car: httpx.AsyncClient
    vehicle_id: str
    dealer_id: str
    enrolment_token: str

    async def slot(self, minutes: int = 75, index: int = 0) -> int:
        """The start of one of the dealer's free slots."""
        answer = await self.owner.get(f"/v1/dealers/{self.dealer_id}/slots", params={"minutes": minutes})
        start: int = answer.json()["slots"][index]["start_ms"]
        return start


async def signed_in(town: Town, email: str) -> httpx.AsyncClient:
    """A client with a session of this account."""
    async with town.client() as anyone:
        answer = await anyone.post("/v1/sessions", json={"email": email, "password": PASSWORD})
    return town.client(answer.json()["token"])


async def new_dealer(town: Town, operator: httpx.AsyncClient, name: str = "Pit Lane Garage") -> tuple[str, str]:
    """An approved dealer: its id and its advisor's e-mail."""
    email = f"{name.split()[0].lower()}@dealer.example"
    hours = ["08:00", "17:00"]
    body = {
        "name": name,
        "time_zone": "Europe/Berlin",
        "address": "1 Boxenstraße",
        "opening": dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), hours),
        "bays": 1,
        "advisor": {"name": f"Advisor of {name}", "email": email, "password": PASSWORD},
    }
    answer = await operator.post("/v1/operator/dealers", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["dealer_id"], email


async def new_owner(town: Town, name: str = "Olla Testa") -> tuple[httpx.AsyncClient, str]:
    """A registered owner: a signed-in client and the e-mail."""
    email = f"{name.split()[0].lower()}@owner.example"
    body = {"name": name, "email": email, "password": PASSWORD, "time_zone": "Europe/Berlin"}
    async with town.client() as anyone:
        answer = await anyone.post("/v1/customers", json=body)
    assert answer.status_code == 201, answer.text
    return await signed_in(town, email), email


NEW_CAR = {
    "make": "Bauer",
    "model": "Kompakt",
    "model_year": 2019,
    "powertrain": "petrol",
    "mass_kg": 1390.0,
    "built_ms": NOW - 5 * 365 * 24 * HOUR,
    "vin": "WVWZZZ1JZXW000001",
}


async def claimed_car(
    town: Town, enrolment_token: str, owner: httpx.AsyncClient, consents: tuple[str, ...] = ("prediction", "reminders")
) -> tuple[str, str]:
    """A car that `owner` has claimed: its id and its credential."""
    async with town.client(enrolment_token) as line:
        enrolled = (await line.post("/v1/vehicles", json=NEW_CAR)).json()
    async with town.client(enrolled["credential"]) as car:
        code = (await car.post("/v1/vehicles/me/claim-code", json={})).json()["code"]
    body = {"code": code, "label": "the blue one", "consents": list(consents)}
    answer = await owner.post("/v1/me/vehicles", json=body)
    assert answer.status_code == 201, answer.text
    return enrolled["vehicle_id"], enrolled["credential"]


@asynccontextmanager
async def people_of(town: Town) -> AsyncIterator[People]:
    """The usual people, made by the API as real ones would be."""
    await add_operator(town.office, name="Opera Tor", email="operator@town.example", password=PASSWORD)
    operator = await signed_in(town, "operator@town.example")
    enrolment = (await operator.post("/v1/operator/enrolment-tokens", json={})).json()["token"]
    dealer_id, advisor = await new_dealer(town, operator)
    dealer = await signed_in(town, advisor)
    owner, _ = await new_owner(town)
    vehicle_id, credential = await claimed_car(town, enrolment, owner)
    car = town.client(credential)
    try:
        yield People(operator, dealer, owner, car, vehicle_id, dealer_id, enrolment)
    finally:
        for client in (operator, dealer, owner, car):
            await client.aclose()
