"""The needs agent: what is told becomes predictions in words, and a row that is not ours is set aside."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.catalogue_file import load_catalogue
from domain.errors import InvalidInput
from domain.prediction import Prediction
from models.prediction_row import IS_READY, IS_TOLD, PredictionLayout, Rows
from models.words import prediction_id
from streams.agents.needs import NeedsAgent
from streams.block import Block, Record
from streams.topics import PREDICTIONS

CATALOGUE = load_catalogue(Path(__file__).parents[3] / "pitcall" / "data" / "car.yaml")
LAYOUT = PredictionLayout(CATALOGUE)
NOW = 1_760_000_000_000


def row(seq: int, *told: str) -> Rows:
    """A row caused by an upload, of which some items are told."""
    made = LAYOUT.empty(1)
    made["event_ms"], made["cause"]["boot"], made["cause"]["seq"], made["cause"]["record"] = NOW, b"b", seq, -1
    for item, (kind, place) in LAYOUT.places.items():
        made[kind]["flags"][0, place] = IS_READY | (IS_TOLD if item in told else 0)
    return made


class Desk:
    """Keeps what it is handed."""

    def __init__(self) -> None:
        self.blocks: list[list[list[Prediction]]] = []
        self.agent = NeedsAgent(CATALOGUE, LAYOUT, self.take)

    async def take(self, rows: list[list[Prediction]]) -> None:
        self.blocks.append(rows)

    async def handle(self, *values: bytes) -> None:
        records = [Record(n, f"car-{n}".encode(), value, NOW) for n, value in enumerate(values)]
        await self.agent.handle(Block(PREDICTIONS, 0, records))


async def test_what_is_told_is_handed_over_row_by_row_in_one_block_with_ids_from_its_cause() -> None:
    desk = Desk()
    rows = (row(3, "engine_oil", "battery_12v"), row(4), row(5, "brake_fluid"))
    await desk.handle(*(LAYOUT.to_bytes(one)[0] for one in rows))
    (block,) = desk.blocks
    assert [[(p.vehicle_id, p.item, p.id) for p in told] for told in block] == [
        [
            ("car-0", "engine_oil", prediction_id("car-0/b/3", "engine_oil")),
            ("car-0", "battery_12v", prediction_id("car-0/b/3", "battery_12v")),
        ],
        [("car-2", "brake_fluid", prediction_id("car-2/b/5", "brake_fluid"))],
    ]
    assert all(p.is_ready and p.event_ms == NOW for told in block for p in told)


async def test_a_block_in_which_nothing_is_told_opens_no_transaction() -> None:
    desk = Desk()
    await desk.handle(*(LAYOUT.to_bytes(row(seq))[0] for seq in range(3)))
    assert desk.blocks == []


@pytest.mark.parametrize("value", [b"", b"[]", bytes(LAYOUT.size)])
async def test_what_is_no_row_of_this_catalogue_is_refused(value: bytes) -> None:
    desk = Desk()
    with pytest.raises(InvalidInput):
        await desk.handle(LAYOUT.to_bytes(row(0, "engine_oil"))[0], value)
    assert desk.blocks == []
