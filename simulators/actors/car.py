"""CarActor: a simulated car on the air: enrols, shows its claim code, uploads its trips from a buffer."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from simulators.actors.api import Api
from simulators.car import SimulatedCar
from simulators.trip import Upload


class CarActor:
    """An upload leaves the buffer only once it is acknowledged; the same bytes go out again until it is.

    After a restart the buffer is written anew from the plan (`restore`), so that what was acknowledged in between
    arrives a second time under the same boot and sequence number.
    """

    def __init__(self, car: SimulatedCar, api: Api) -> None:
        self.car = car
        self._api = api
        self.vehicle_id = ""
        self.uploads_sent = 0
        self.samples_sent = 0
        self.buffer: deque[Upload] = deque()

    async def enrol(self, enrolment_token: str) -> None:
        """Get an identity and a credential of its own, once."""
        if self.vehicle_id:
            return
        identity = self.car.identity
        answer = await self._api.bearing(enrolment_token).post(
            "/v1/vehicles",
            {
                "make": identity.make,
                "model": identity.model,
                "model_year": identity.model_year,
                "powertrain": identity.powertrain,
                "mass_kg": identity.mass_kg,
                "built_ms": identity.built_ms,
                "vin": identity.vin,
            },
        )
        self.vehicle_id = answer["vehicle_id"]
        self._api = self._api.bearing(answer["credential"])

    async def show_claim_code(self) -> str:
        """What the car's own screen shows to who sits in it."""
        answer = await self._api.post("/v1/vehicles/me/claim-code")
        return str(answer["code"])

    async def drive_until(self, now_ms: int) -> None:
        """Drive what is planned and send every upload that is complete by then."""
        self.buffer.extend(self.car.drive_until(now_ms))
        while self.buffer:
            await self._api.post_bytes("/v1/telemetry", self.buffer[0].body)
            sent = self.buffer.popleft()
            self.uploads_sent += 1
            self.samples_sent += sent.samples

    def state(self) -> dict[str, Any]:
        return {
            "vehicle_id": self.vehicle_id,
            "credential": self._api.token,
            "uploads_sent": self.uploads_sent,
            "samples_sent": self.samples_sent,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.vehicle_id = state["vehicle_id"]
        self._api = self._api.bearing(state["credential"])
        self.uploads_sent = state["uploads_sent"]
        self.samples_sent = state["samples_sent"]
