"""The road in: an upload is checked at the edge, and acknowledged only when the log has it durably.

Nothing is spooled here: while the log is away the sender, which buffers anyway, is told when to come again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from domain.consent import Purpose
from domain.errors import Forbidden, NotFound, PitcallError
from domain.people import Vehicle
from domain.telemetry import UploadId
from workflow.fleet import FleetCars
from workflow.messages import encode
from workflow.ports import LoggedUpload, Office, UploadLog
from workflow.signal_names import SignalNames
from workflow.upload_codec import decode_upload, without_position
from workflow.upload_reading import Arrival, read_uploads

CONSENT_ENDED = ("pitcall.consent-withdrawn.v1", "pitcall.consent-expired.v1")
"""The events after which a purpose is no longer allowed."""
# The edge trusts its knowledge of a car's consent for this long (wall clock); withdrawing reaches it within that.
CONSENT_TRUST_MS = 1_000
TRUSTED_CARS = 100_000
UPLOADS_AT_A_STRETCH = 256
"""So many uploads of a batch are read between two looks at the event loop: some milliseconds."""


@dataclass(frozen=True, slots=True)
class UploadReceipt:
    """Where the log has the upload."""

    upload: UploadId
    partition: int
    offset: int


class Ingest:
    """The edge of one process; keeps for a second which cars may be predicted for."""

    def __init__(self, office: Office, upload_log: UploadLog) -> None:
        self._office = office
        self._log = upload_log
        self._names = SignalNames(office.catalogue)
        self._fleet_cars = FleetCars(office)
        self._trusted: dict[str, int] = {}

    async def accept(self, vehicle: Vehicle, body: bytes) -> UploadReceipt:
        """The receipt of an upload that is in the log.

        Raises InvalidInput or TooLarge (naming the field), Forbidden (another car's id, or no live consent for
        prediction) and Unavailable (the log is away: nothing was acknowledged).
        """
        received = self._office.clock.now_ms()
        upload = decode_upload(body, vehicle_id=vehicle.vehicle_id, received_ms=received, names=self._names)
        if vehicle.vehicle_id not in await self._permitted({vehicle.vehicle_id}):
            raise _no_consent()
        _, value, headers = _logged(vehicle, body, received)
        partition, offset = await self._log.append(vehicle.vehicle_id, value, headers, received)
        return UploadReceipt(upload.id, partition, offset)

    async def accept_batch(self, fleet: str, bodies: Sequence[bytes]) -> list[UploadReceipt | PitcallError]:
        """For each body the receipt of an upload that is in the log, or why it is not; in order.

        `fleet`: who speaks, see `fleet.fleet_of`. What is wrong with one upload is no matter to the others: the good
        ones go into the log together. Raises Unavailable when the log is away: nothing was acknowledged.
        """
        received = self._office.clock.now_ms()
        read = await self._read(bodies, received)
        named = {upload.vehicle_id for upload in read if isinstance(upload, UploadId)}
        cars = await self._fleet_cars.of(fleet, named)
        permitted = await self._permitted(cars)
        refused: dict[int, PitcallError] = {}
        taken: dict[int, UploadId] = {}
        for index, upload in enumerate(read):
            if isinstance(upload, PitcallError):
                refused[index] = upload
            elif (refusal := _refusal(upload.vehicle_id, cars, permitted)) is not None:
                refused[index] = refusal
            else:
                taken[index] = upload
        records = [_logged(cars[upload_id.vehicle_id], bodies[index], received) for index, upload_id in taken.items()]
        places = await self._log.append_many(records) if records else []
        receipts = {index: UploadReceipt(taken[index], *place) for index, place in zip(taken, places, strict=True)}
        return [receipts[index] if index in receipts else refused[index] for index in range(len(bodies))]

    async def _read(self, bodies: Sequence[bytes], received_ms: int) -> list[UploadId | PitcallError]:
        read: list[UploadId | PitcallError] = []
        for start in range(0, len(bodies), UPLOADS_AT_A_STRETCH):
            some = bodies[start : start + UPLOADS_AT_A_STRETCH]
            reading = read_uploads([Arrival(None, body, received_ms) for body in some], self._names)
            ids = dict(zip(reading.places, reading.block.ids(), strict=True))
            read += [ids[place] if place in ids else reading.refused[place] for place in range(len(some))]
            await asyncio.sleep(0)
        return read

    async def _permitted(self, vehicle_ids: Collection[str]) -> set[str]:
        """Those of these cars whose owners consent to prediction, as the edge has known for a second at most."""
        now = self._office.wall.now_ms()
        permitted = {vehicle_id for vehicle_id in vehicle_ids if self._trusted.get(vehicle_id, 0) > now}
        if unsure := sorted(set(vehicle_ids) - permitted):
            async with self._office.unit_of_work() as uow:
                live = await uow.consents.permitting(unsure, Purpose.PREDICTION, self._office.clock.now_ms())
            if len(self._trusted) > TRUSTED_CARS:
                self._trusted.clear()
            self._trusted.update(dict.fromkeys(live, now + CONSENT_TRUST_MS))
            permitted |= live
        return permitted


def _logged(vehicle: Vehicle, body: bytes, received_ms: int) -> LoggedUpload:
    headers = {"received-ms": str(received_ms).encode(), "attributes": encode(vehicle.attributes)}
    return LoggedUpload(vehicle.vehicle_id, without_position(body), headers)


def _refusal(vehicle_id: str, cars: Collection[str], permitted: Collection[str]) -> PitcallError | None:
    if vehicle_id not in cars:
        return NotFound("vehicle_id: no car that this token enrolled has this id")
    return None if vehicle_id in permitted else _no_consent()


def _no_consent() -> Forbidden:
    return Forbidden("the owner has not consented to prediction for this car: its uploads are not taken")
