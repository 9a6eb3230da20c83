"""The needs agent: blocks of predictions, a message for all items of a car, into assessments and needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from domain.prediction import Prediction
from streams.block import Block
from workflow.messages import decode

RecordPredictions = Callable[[list[Prediction]], Awaitable[None]]


class NeedsAgent:
    """Hands each block of predictions to the use case, as one transaction."""

    def __init__(self, record_predictions: RecordPredictions) -> None:
        self._record = record_predictions

    async def handle(self, block: Block) -> None:
        """One block; one that does not decode raises InvalidInput, which sets that record aside."""
        messages = [decode(record.value or b"", list[Prediction]) for record in block.records]
        predictions = [prediction for message in messages for prediction in message]
        if predictions:
            await self._record(predictions)
