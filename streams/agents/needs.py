"""The needs agent: blocks of prediction rows, one for all items of a car, into assessments and needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import numpy as np

from domain.catalogue import Catalogue
from domain.prediction import Prediction
from models.prediction_row import IS_TOLD, PredictionLayout
from models.words import words
from streams.block import Block

RecordPredictions = Callable[[list[Prediction]], Awaitable[None]]


class NeedsAgent:
    """Puts what is told into words, and hands each block of predictions to the use case, as one transaction."""

    def __init__(self, catalogue: Catalogue, layout: PredictionLayout, record_predictions: RecordPredictions) -> None:
        self._catalogue = catalogue
        self._layout = layout
        self._record = record_predictions

    async def handle(self, block: Block) -> None:
        """One block; one that can't be read raises InvalidInput, which sets that record aside."""
        predictions = self._told(
            [record.key or b"" for record in block.records], [r.value or b"" for r in block.records]
        )
        if predictions:
            await self._record(predictions)

    def _told(self, keys: Sequence[bytes], values: Sequence[bytes]) -> list[Prediction]:
        """The predictions that are told, in the order of the rows and of their items."""
        rows = self._layout.from_bytes(values)
        is_told = (self._layout.column(rows, "flags") & IS_TOLD) != 0
        places = zip(*(axis.tolist() for axis in np.nonzero(is_told)), strict=True)
        return [
            words(self._catalogue, self._layout, rows[row], keys[row].decode(), self._layout.items[place])
            for row, place in places
        ]
