"""A fleet whose every upload is known beforehand, and a sender that knows which of them were acknowledged."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import httpx
import msgspec

from domain.telemetry import TelemetryUpload, UploadId
from tests.e2e.part import Person, run
from workflow.messages import encode
from workflow.ports import LoggedUpload
from workflow.upload_codec import encode_binary

OPERATOR, PASSWORD = "ops@pitcall.example", "a-long-password-of-this-test"
SPEED, ODOMETER = "Vehicle.Speed", "Vehicle.TraveledDistance"
VOLTAGE = "Vehicle.LowVoltageBattery.CurrentVoltage"
SAMPLES, MINUTE_MS = 60, 60_000
BOOT_UPLOADS = 100
ATTRIBUTES = {"powertrain": "petrol", "mass_kg": 1390.0, "built_ms": 1_560_000_000_000}
PATIENCE_S = 180.0


@dataclass(frozen=True)
class FaultFleet:
    """Cars that are enrolled, claimed, and may be predicted for. Upload `n` is of car `n` modulo their number.

    `token` is their maker's; `first_ms` the time of each car's first upload.
    """

    token: str
    cars: Sequence[str]
    first_ms: int

    def identity(self, n: int) -> tuple[str, str, int]:
        """(car, boot, seq) of upload `n`."""
        seq = n // len(self.cars)
        return self.cars[n % len(self.cars)], f"boot-{seq // BOOT_UPLOADS}", seq % BOOT_UPLOADS

    def body(self, n: int) -> bytes:
        """Upload `n`, a minute of driving, in binary: the same bytes at every call."""
        car, seq = n % len(self.cars), n // len(self.cars)
        draw = random.Random(n)
        speed = [draw.uniform(20.0, 110.0) for _ in range(SAMPLES)]
        start_m = 120_000_000.0 + car * 1_000_000 + seq * 5_000
        columns = {
            SPEED: speed,
            VOLTAGE: [draw.uniform(11.2, 12.4) for _ in range(SAMPLES)],
            ODOMETER: [start_m + second * 20 for second in range(SAMPLES)],
        }
        upload = TelemetryUpload(
            UploadId(*self.identity(n)), self.first_ms + seq * MINUTE_MS,
            list(range(0, MINUTE_MS, 1000)), columns, received_ms=0,
        )  # fmt: skip
        return encode_binary(upload)

    def logged(self, n: int) -> LoggedUpload:
        """Upload `n` as a maker puts it straight into the topic."""
        received_ms = self.first_ms + (n // len(self.cars) + 1) * MINUTE_MS
        headers = {"received-ms": b"%d" % received_ms, "attributes": encode(ATTRIBUTES)}
        return LoggedUpload(self.cars[n % len(self.cars)], self.body(n), headers)


def add_operator(**settings: str) -> None:
    """The first account of an installation with these settings."""
    added = run("operator", "add", "--email", OPERATOR, "--name", "Opera Tor", given=PASSWORD, **settings)
    assert added.returncode == 0, added.stderr


def enrol(url: str, cars: int) -> FaultFleet:
    """Enrol so many cars over HTTP, of one owner who consents to prediction and reminders."""
    with Person(url, OPERATOR, PASSWORD) as operator:
        token = operator.post("/v1/operator/enrolment-tokens")["token"]
    owner = {"name": "Olla Testa", "email": "olla@owner.example", "password": PASSWORD, "time_zone": "Europe/Berlin"}
    with httpx.Client(base_url=url, timeout=30.0) as anyone:
        assert anyone.post("/v1/customers", json=owner).status_code == 201
        enrolled = [_enrol_one(anyone, token) for _ in range(cars)]
    with Person(url, owner["email"], PASSWORD) as person:
        for vehicle_id, code in enrolled:
            claim = {"code": code, "label": vehicle_id[-6:], "consents": ["prediction", "reminders"]}
            assert person.post("/v1/me/vehicles", claim)["vehicle_id"] == vehicle_id
    now_ms = int(time.time() * 1000)
    return FaultFleet(token, [vehicle_id for vehicle_id, _ in enrolled], now_ms - 20 * 86_400_000)


def _enrol_one(anyone: httpx.Client, token: str) -> tuple[str, str]:
    car = {"make": "Bauer", "model": "Kompakt", "model_year": 2019, **ATTRIBUTES}
    answer = anyone.post("/v1/vehicles", json=car, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 201, answer.text
    enrolled = answer.json()
    credential = {"Authorization": f"Bearer {enrolled['credential']}"}
    code = anyone.post("/v1/vehicles/me/claim-code", json={}, headers=credential).json()["code"]
    return enrolled["vehicle_id"], code


@dataclass
class FleetSender:
    """The maker's cloud: sends batches, remembers what was acknowledged, and sends the rest again."""

    fleet: FaultFleet
    url: str
    batch: int = 50
    acknowledged: set[int] = field(default_factory=set)
    refusals: list[httpx.Response] = field(default_factory=list)

    def send(self, numbers: Iterable[int]) -> bool:
        """One batch; whether it was acknowledged. Anything but 202, all of it, and 503 fails.

        An answer that doesn't come counts as none: nobody knows what became of the batch.
        """
        some = list(numbers)
        content = msgspec.msgpack.encode([self.fleet.body(n) for n in some])
        try:
            answer = httpx.post(
                f"{self.url}/v1/telemetry/batch", content=content, timeout=60.0,
                headers={"Authorization": f"Bearer {self.fleet.token}"},
            )  # fmt: skip
        except httpx.TransportError:
            return False
        if answer.status_code == 503:
            self.refusals.append(answer)
            return False
        assert answer.status_code == 202, answer.text
        assert answer.json()["accepted"] == len(some), answer.text
        self.acknowledged.update(some)
        return True

    def send_all(self, first: int, count: int) -> bool:
        """Uploads in batches until one is not acknowledged; whether all were."""
        return all(
            self.send(range(start, min(start + self.batch, first + count)))
            for start in range(first, first + count, self.batch)
        )

    def insist(self, count: int) -> None:
        """Send what of the first `count` uploads was not acknowledged, until it is."""
        ends = time.monotonic() + PATIENCE_S
        while missing := sorted(set(range(count)) - self.acknowledged):
            assert time.monotonic() < ends, f"{len(missing)} uploads were never taken: {self.refusals[-1:]}"
            if not self.send(missing[: self.batch]):
                time.sleep(0.2)


def drain(url: str, within_s: float = PATIENCE_S) -> None:
    """Return when nothing is in flight any more: no record unread, no outbox row."""
    ends = time.monotonic() + within_s
    with Person(url, OPERATOR, PASSWORD) as operator:
        while waiting := operator.get("/v1/operator/waiting"):
            if not waiting["waiting"]:
                return
            assert time.monotonic() < ends, f"it never came to its end: {waiting}"
            time.sleep(0.1)
