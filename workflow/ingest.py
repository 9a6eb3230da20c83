"""The road in: an upload is checked at the edge, and acknowledged only when the log has it durably."""

from __future__ import annotations

from dataclasses import dataclass

from domain.consent import Purpose
from domain.errors import Forbidden, InvalidInput
from domain.people import Vehicle
from domain.telemetry import UploadId
from workflow.messages import encode
from workflow.ports import Office, UploadLog
from workflow.upload_codec import decode_upload, without_position

# The edge trusts its knowledge of a car's consent for this long (wall clock); withdrawing reaches it within that.
CONSENT_TRUST_MS = 1_000


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
        self._signals = frozenset(office.catalogue.signals)
        self._trusted: dict[str, int] = {}

    async def accept(self, vehicle: Vehicle, body: bytes) -> UploadReceipt:
        """The receipt of an upload that is in the log.

        Raises InvalidInput or TooLarge (naming the field), Forbidden (another car's id, or no live consent for
        prediction) and Unavailable (the log is away: nothing was acknowledged).
        """
        received = self._office.clock.now_ms()
        upload = decode_upload(body, vehicle_id=vehicle.vehicle_id, received_ms=received, known_signals=self._signals)
        if not upload.columns:
            raise InvalidInput("nothing but positions", field="signals", fix="send signals of the catalogue")
        await self._require_consent(vehicle.vehicle_id)
        headers = {"received-ms": str(received).encode(), "attributes": encode(vehicle.attributes)}
        partition, offset = await self._log.append(vehicle.vehicle_id, without_position(body), headers, received)
        return UploadReceipt(upload.id, partition, offset)

    async def _require_consent(self, vehicle_id: str) -> None:
        now = self._office.wall.now_ms()
        if self._trusted.get(vehicle_id, 0) > now:
            return
        async with self._office.unit_of_work() as uow:
            live = await uow.consents.live(vehicle_id, Purpose.PREDICTION, self._office.clock.now_ms())
        if not live:
            raise Forbidden("the owner has not consented to prediction for this car: its uploads are not taken")
        if len(self._trusted) > 100_000:
            self._trusted.clear()
        self._trusted[vehicle_id] = now + CONSENT_TRUST_MS
