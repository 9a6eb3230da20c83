"""The edge, counted: what became of each upload that a car or a maker sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from domain.errors import Forbidden, InvalidInput, NotFound, PitcallError, TooLarge, Unavailable
from domain.people import Vehicle
from workflow.ingest import Ingest, UploadReceipt
from workflow.metrics import Metrics
from workflow.ports import Office, UploadLog

_RESULTS: tuple[tuple[type[Exception], str], ...] = (
    (TooLarge, "too_large"),
    (InvalidInput, "invalid"),
    (Forbidden, "forbidden"),
    (NotFound, "unknown_car"),
    (Unavailable, "unavailable"),
)


def result_of(error: Exception) -> str:
    """Which result of an upload an error is."""
    return next((result for kind, result in _RESULTS if isinstance(error, kind)), "failed")


class MeasuredIngest(Ingest):
    """`Ingest` that tells `metrics` the result of every upload."""

    def __init__(self, office: Office, upload_log: UploadLog, metrics: Metrics) -> None:
        super().__init__(office, upload_log)
        self._metrics = metrics

    async def accept(self, vehicle: Vehicle, body: bytes) -> UploadReceipt:
        """As `Ingest.accept`, counted."""
        try:
            receipt = await super().accept(vehicle, body)
        except Exception as error:
            self._metrics.uploaded(result_of(error))
            raise
        self._metrics.uploaded("accepted")
        return receipt

    async def accept_batch(self, fleet: str, bodies: Sequence[bytes]) -> list[UploadReceipt | PitcallError]:
        """As `Ingest.accept_batch`, each upload counted by itself."""
        try:
            outcomes = await super().accept_batch(fleet, bodies)
        except Exception as error:
            self._metrics.uploaded(result_of(error), len(bodies))
            raise
        results = Counter(
            result_of(outcome) if isinstance(outcome, PitcallError) else "accepted" for outcome in outcomes
        )
        for result, uploads in results.items():
            self._metrics.uploaded(result, uploads)
        return outcomes
