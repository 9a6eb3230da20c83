"""The needs agent: blocks of prediction rows, one for all items of a car, into assessments and needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import numpy as np

from domain.catalogue import Catalogue
from domain.prediction import Prediction
from models.prediction_row import IS_TOLD, PredictionLayout
from models.words import words
from streams.block import Block

RecordPredictions = Callable[[list[list[Prediction]]], Awaitable[None]]


class NeedsAgent:
    """Puts what is told into words, and hands each block of predictions to the use case, as one transaction."""

    def __init__(self, catalogue: Catalogue, layout: PredictionLayout, record_predictions: RecordPredictions) -> None:
        self._catalogue = catalogue
        self._layout = layout
        self._record = record_predictions

    async def handle(self, block: Block) -> None:
        """One block; one that can't be read raises InvalidInput, which sets that record aside."""
        told = self._told([record.key or b"" for record in block.records], [r.value or b"" for r in block.records])
        if told:
            await self._record(told)

    def _told(self, keys: Sequence[bytes], values: Sequence[bytes]) -> list[list[Prediction]]:
        """The predictions that are told, row by row in the order of their items, without rows that tell nothing."""
        rows = self._layout.from_bytes(values)
        is_told = (self._layout.column(rows, "flags") & IS_TOLD) != 0
        items = self._layout.items
        return [
            [
                words(self._catalogue, self._layout, rows[row], keys[row].decode(), items[place])
                for place in np.flatnonzero(is_told[row]).tolist()
            ]
            for row in np.flatnonzero(is_told.any(axis=1)).tolist()
        ]
