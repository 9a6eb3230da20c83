"""The learner agent: labels and commands in their order, published before they count, and nothing done twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.catalogue_file import load_catalogue
from domain.catalogue import Catalogue
from domain.errors import InvalidInput, Unavailable
from domain.model_command import ModelCommand, ModelDeed
from domain.service_record import TrainingExample
from models.learner import Learner
from models.predictor import Predictor
from streams.agents.learner import LearnerAgent
from streams.block import Block, Record
from streams.model_log import COMMAND_HEADER
from streams.producer import NewRecord
from streams.topics import MODEL_SNAPSHOTS, TRAINING_EXAMPLES
from tests.unit.models.conftest import KEY
from tests.unit.models.label_streams import batteries, pads
from tests.unit.models.service_steps import BATTERY
from tests.unit.models.test_wear import PADS
from tests.unit.streams.test_vehicles_agent import CATALOGUE, MemoryProducer
from workflow.messages import encode


class AwayProducer(MemoryProducer):
    """Is away for as many sends as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.away = 0

    async def send_many(self, records: Sequence[NewRecord]) -> list[tuple[int, int]]:
        if self.away:
            self.away -= 1
            raise Unavailable("the log is away")
        return await super().send_many(records)


class Bench:
    """An agent with what it sends and tells, and a predictor that installs what is sent."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.learner = Learner(catalogue, KEY)
        self.producer = AwayProducer()
        self.predictor = Predictor(catalogue, KEY)
        self.newest: dict[str, bytes] = {}
        self.told: list[tuple[str, str]] = []
        self.agent = LearnerAgent(self.learner, self.producer, self.newest.get, self._tell)

    async def _tell(self, example: TrainingExample, version: str) -> None:
        self.told.append((example.label_id, version))

    async def handle(self, *lines: TrainingExample | ModelCommand, first: int = 0) -> None:
        """The lines as one block that begins at offset `first`."""
        records = [
            Record(
                first + n,
                line.item.encode(),
                encode(line),
                1_000 + first + n,
                ((COMMAND_HEADER, b"1"),) if isinstance(line, ModelCommand) else (),
            )
            for n, line in enumerate(lines)
        ]
        await self.agent.handle(Block(TRAINING_EXAMPLES, 0, records))

    def published(self) -> list[str]:
        """The items of the snapshots that were sent, each installed."""
        for record in self.producer.sent:
            assert record.topic == MODEL_SNAPSHOTS and record.value is not None
            self.predictor.install(record.key.decode(), record.value)
        return [record.key.decode() for record in self.producer.sent]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(Path(CATALOGUE))


@pytest.fixture
def bench(catalogue: Catalogue) -> Bench:
    return Bench(catalogue)


def back(version: int | None = None, command_id: str = "c-1", item: str = PADS) -> ModelCommand:
    return ModelCommand(command_id, item, ModelDeed.ROLLBACK, version)


async def test_a_command_is_done_where_it_stands_among_the_labels(bench: Bench) -> None:
    one, two, three = pads(3, 1)
    await bench.handle(one, two, back(1), three)
    life = bench.learner.life(PADS)
    assert (life.serving.version, life.serving.labels) == (4, 2)
    assert life.takeover is not None and (life.takeover.from_version, life.takeover.at_ms) == (1, 1_002)
    assert bench.published() == [PADS]
    assert bench.predictor.version(PADS) == 4
    assert [label for label, _ in bench.told] == ["pads-0", "pads-1", "pads-2"]
    assert {version for _, version in bench.told} == {life.serving.name}


async def test_what_a_moment_long_ago_came_to_teaches_and_is_no_finding_of_today(
    catalogue: Catalogue, bench: Bench
) -> None:
    found, past = batteries(catalogue, 2, 1)
    await bench.handle(found, replace(past, made_ms=past.known_ms - 1))
    assert bench.learner.life(BATTERY).serving.labels == 2
    assert [label for label, _ in bench.told] == [found.label_id]


async def test_the_same_lines_come_to_the_same_models_wherever_a_block_begins(catalogue: Catalogue) -> None:
    lines = [*pads(90, 1), *pads(60, 1, times=2.0, first=90), back(0), *pads(5, 1, times=2.0, first=150)]
    whole, parts = Bench(catalogue), Bench(catalogue)
    await whole.handle(*lines)
    for first in range(0, len(lines), 17):
        await parts.handle(*lines[first : first + 17], first=first)
    assert whole.learner.life(PADS).drifts
    end = len(lines) - 1
    assert whole.learner.snapshot(PADS, end) == parts.learner.snapshot(PADS, end)


async def test_what_could_not_be_sent_is_sent_when_the_block_comes_again_and_nothing_is_done_twice(
    bench: Bench,
) -> None:
    lines = [*pads(2, 1), back(1)]
    bench.producer.away = 1
    with pytest.raises(Unavailable):
        await bench.handle(*lines)
    assert not bench.told
    await bench.handle(*lines)
    assert bench.published() == [PADS] and bench.predictor.version(PADS) == 3
    await bench.handle(*lines)
    assert bench.learner.versions()[PADS] == 3


async def test_a_worker_that_takes_over_goes_on_where_the_other_was(bench: Bench, catalogue: Catalogue) -> None:
    await bench.handle(*pads(3, 1), back(1))
    other = Bench(catalogue)
    other.newest[PADS] = bench.producer.sent[-1].value or b""
    await other.handle(back(1), *pads(4, 1), first=3)
    life = other.learner.life(PADS)
    assert (life.serving.version, life.serving.labels) == (5, 2)
    assert life.shadow is not None and life.shadow.model.labels == 4


async def test_a_command_that_cannot_be_done_is_published_as_refused_and_holds_up_no_label(bench: Bench) -> None:
    await bench.handle(*pads(1, 1))
    await bench.handle(back(77), back(0, "c-2", "sunroof"), back(None, "c-3", BATTERY), first=1)
    assert bench.published() == [PADS, PADS]
    assert "no version 77" in bench.learner.life(PADS).events[-1].what
    await bench.handle(*batteries(bench.predictor.catalogue, 1, 1), first=4)
    assert bench.published() == [PADS, PADS, BATTERY]


async def test_what_is_neither_label_nor_command_is_refused_and_names_the_field(bench: Bench) -> None:
    broken = Record(0, b"x", b'{"command_id": "c", "item": "x", "deed": "explode"}', 0, ((COMMAND_HEADER, b"1"),))
    promoted = Record(0, b"x", encode(back(3)).replace(b"rollback", b"promote"), 0, ((COMMAND_HEADER, b"1"),))
    for record, field in ((broken, "deed"), (promoted, "$"), (Record(0, b"x", b"{}", 0), "label_id")):
        with pytest.raises(InvalidInput) as refused:
            await bench.agent.handle(Block(TRAINING_EXAMPLES, 0, [record]))
        assert refused.value.field == field
