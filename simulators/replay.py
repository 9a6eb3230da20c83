"""Replay: the drives of a file, as they are, through the public API as one car: `pitcall simulate replay FILE`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import httpx

from simulators.actors.api import Api
from simulators.drive import ODOMETER, VOLTAGE, Drive
from simulators.fleet import fictitious_vin
from simulators.trip import SAMPLES_PER_UPLOAD, Trip, UploadWriter

PAUSE_MS = 3_600_000
ASSUMED_ODOMETER_M = 50_000_000.0
ASSUMED_REST_V, ASSUMED_CRANK_V, ASSUMED_TYRE_KPA = 12.6, 10.8, 230.0
ASSUMED_MASS_KG, MODEL_YEAR = 1_400.0, 2017


async def replay_drives(
    client: httpx.AsyncClient,
    operator_token: str,
    drives: Sequence[Drive],
    name: str,
    *,
    end_ms: int | None = None,
    samples_per_upload: int = SAMPLES_PER_UPLOAD,
) -> dict[str, int | str]:
    """Enrol one car, let an owner claim it, and upload every drive (`load_drives` reads them from a file).

    The drives keep their recorded times, or, given `end_ms` (int64 ms, UTC), follow one another an hour apart so that
    the last one ends there. What a drive lacks is filled with assumed values of a healthy car, marked `simulated`.
    Returns `vehicle_id`, the owner's e-mail and password, and the counts `drives_replayed`, `uploads`, `samples`.
    """
    if end_ms is None:
        # A car drives one after the other; a file may have them in any order.
        drives = sorted(drives, key=lambda drive: drive.recorded_ms)
    digest = _digest(drives)
    api = Api(client)
    car, vehicle_id, account = await _enrol(
        api, operator_token, name, min(drive.recorded_ms for drive in drives), digest
    )
    writer = UploadWriter(samples_per_upload)
    uploads = samples = 0
    odometer_m = ASSUMED_ODOMETER_M
    for number, (drive, start_ms) in enumerate(zip(drives, _starts(drives, end_ms), strict=True)):
        boot = f"{digest}-{number}"
        trip = Trip(boot, drive, start_ms, odometer_m, ASSUMED_REST_V, ASSUMED_CRANK_V, ASSUMED_TYRE_KPA)
        odometer_m += drive.distance_m
        for upload in writer.uploads(trip):
            await car.post_bytes("/v1/telemetry", upload.body)
            uploads += 1
            samples += upload.samples
    counts = {"drives_replayed": len(drives), "uploads": uploads, "samples": samples}
    return {"vehicle_id": vehicle_id, **account, **counts, "simulated_signals": f"{ODOMETER}, {VOLTAGE}"}


def _digest(drives: Sequence[Drive]) -> str:
    """Twelve hexadecimal digits of what was recorded, so that the same file gives the same boots."""
    content = hashlib.sha256()
    for drive in drives:
        content.update(drive.name.encode() + drive.offsets_ms.tobytes())
        for column in drive.columns.values():
            content.update(column.tobytes())
    return content.hexdigest()[:12]


def _starts(drives: Sequence[Drive], end_ms: int | None) -> list[int]:
    if end_ms is None:
        return [drive.recorded_ms for drive in drives]
    starts = []
    for drive in reversed(drives):
        starts.append(end_ms - drive.duration_ms)
        end_ms = starts[-1] - PAUSE_MS
    return starts[::-1]


async def _enrol(
    api: Api, operator_token: str, name: str, built_ms: int, digest: str
) -> tuple[Api, str, dict[str, str]]:
    """A car of its own with an owner who has claimed it; the car's connection, its id, the owner's account."""
    token = (await api.bearing(operator_token).post("/v1/operator/enrolment-tokens"))["token"]
    index = int(digest, 16) % 1_000_000
    identity = {
        "make": "Replayed",
        "model": name[:40],
        "model_year": MODEL_YEAR,
        "powertrain": "petrol",
        "mass_kg": ASSUMED_MASS_KG,
        "built_ms": built_ms,
        "vin": fictitious_vin(index, MODEL_YEAR),
    }
    enrolled = await api.bearing(token).post("/v1/vehicles", identity)
    car = api.bearing(enrolled["credential"])
    # One account per car: replaying a file twice makes two cars, and must not stumble over the first one's owner.
    account = {"email": f"replay-{enrolled['vehicle_id']}@pitcall.example", "password": f"open-sesame-{digest}"}
    owner = api.bearing("")
    await owner.post("/v1/customers", {"name": "Replay Recorder", **account})
    owner.token = (await owner.post("/v1/sessions", account))["token"]
    code = (await car.post("/v1/vehicles/me/claim-code"))["code"]
    consents = ["prediction", "reminders", "model_improvement"]
    await owner.post("/v1/me/vehicles", {"code": code, "label": name[:40], "consents": consents})
    return car, str(enrolled["vehicle_id"]), account
