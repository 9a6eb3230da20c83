"""A block table writes to the changelog first, and knows how far its memory is complete."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from domain.errors import Unavailable
from streams.app import StreamApp, create_app
from streams.block import Block, Record
from streams.commits import TP, BlockMessage
from streams.state_store import Entries, MemoryStore, StoreFailed
from streams.table import MEMBER_POLL_S, BlockTable, PartitionRevoked

CHANGELOG = "pitcall-states-changelog"


class RecordedAppends:
    """Stands for a transport's producer: keeps batches, and fails as often as it is told to."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, int, Sequence[tuple[bytes, bytes | None]]]] = []
        self.failures = 0
        self.end = 0
        self.has_begun = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def append_batch(
        self, topic: str, partition: int, entries: Sequence[tuple[bytes, bytes | None]]
    ) -> Sequence[tuple[int, int]]:
        self.batches.append((topic, partition, list(entries)))
        self.has_begun.set()
        await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise Unavailable("the log is away")
        first, self.end = self.end, self.end + len(entries)
        return [(first, len(entries))]


class Ends:
    """Stands for a consumer of changelogs that end there."""

    def __init__(self, ends: dict[TP, int]) -> None:
        self._ends = ends

    async def highwaters(self, *tps: TP) -> dict[TP, int]:
        return {tp: self._ends[tp] for tp in tps}

    async def earliest_offsets(self, *tps: TP) -> dict[TP, int]:
        return dict.fromkeys(tps, 0)


class FullDisk(MemoryStore):
    """A store that can do nothing any more."""

    def get_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        raise StoreFailed("no space left")

    def apply(self, partition: int, entries: Entries, offset: int | None) -> None:
        raise StoreFailed("no space left")


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[StreamApp]:
    crashes: list[BaseException] = []
    yield create_app(f"pitcall-log://{tmp_path}", tmp_path, on_crash=crashes.append)
    assert not crashes


@pytest.fixture
async def appends(app: StreamApp) -> RecordedAppends:
    appends = RecordedAppends()
    app._producer = appends
    return appends


@pytest.fixture
async def table(app: StreamApp, appends: RecordedAppends) -> BlockTable:
    table = app.block_table("states")
    await assign(table, {0, 1})
    return table


async def assign(table: BlockTable, partitions: set[int]) -> None:
    changelogs = {TP(CHANGELOG, partition) for partition in partitions}
    await table.on_rebalance(changelogs, set(), set())
    await table.on_recovery_completed(changelogs, set())


async def test_a_block_is_one_batch_of_its_partition(table: BlockTable, appends: RecordedAppends) -> None:
    await table.write_block(1, {b"car-1": b"a", b"car-2": b"b"})
    assert appends.batches == [(CHANGELOG, 1, [(b"car-1", b"a"), (b"car-2", b"b")])]
    assert dict(table.items(1)) == {b"car-1": b"a", b"car-2": b"b"}
    assert table.get(0, b"car-1") is None
    assert table.persisted_offset(TP(CHANGELOG, 1)) == 1
    assert table.active_count() == 2


async def test_memory_changes_only_when_the_changelog_has_acknowledged(
    table: BlockTable, appends: RecordedAppends
) -> None:
    appends.gate.clear()
    writing = asyncio.create_task(table.write_block(0, {b"car-1": b"a"}))
    await appends.has_begun.wait()
    assert table.get(0, b"car-1") is None
    appends.gate.set()
    await writing
    assert table.get(0, b"car-1") == b"a"


async def test_a_failed_batch_is_sent_again_the_same(table: BlockTable, appends: RecordedAppends) -> None:
    appends.failures = 2
    await table.write_block(0, {b"car-1": b"a"})
    assert appends.batches == [(CHANGELOG, 0, [(b"car-1", b"a")])] * 3


async def test_none_removes_a_key(table: BlockTable, appends: RecordedAppends) -> None:
    await table.write_block(0, {b"car-1": b"a"})
    await table.write_block(0, {b"car-1": None})
    assert table.get(0, b"car-1") is None
    assert appends.batches[-1] == (CHANGELOG, 0, [(b"car-1", None)])


async def test_nothing_to_write_sends_nothing(table: BlockTable, appends: RecordedAppends) -> None:
    await table.write_block(0, {})
    assert appends.batches == []


async def test_a_partition_of_another_worker_is_not_written(table: BlockTable, appends: RecordedAppends) -> None:
    with pytest.raises(PartitionRevoked, match="partition 3"):
        await table.write_block(3, {b"car-1": b"a"})
    assert appends.batches == []


async def test_a_partition_is_neither_read_nor_written_before_it_is_recovered(
    table: BlockTable, appends: RecordedAppends
) -> None:
    await table.write_block(0, {b"car-1": b"a"})
    await table.on_rebalance({TP(CHANGELOG, 0), TP(CHANGELOG, 3)}, set(), set())
    for partition in (0, 3):
        with pytest.raises(PartitionRevoked, match=f"partition {partition}"):
            table.get(partition, b"car-1")
        with pytest.raises(PartitionRevoked):
            await table.write_block(partition, {b"car-1": b"b"})
    assert len(appends.batches) == 1
    await table.on_recovery_completed({TP(CHANGELOG, 0), TP(CHANGELOG, 3)}, set())
    assert (table.get(0, b"car-1"), table.get(3, b"car-1")) == (b"a", None)


async def test_letting_a_partition_go_waits_for_what_is_being_written(
    table: BlockTable, appends: RecordedAppends
) -> None:
    appends.gate.clear()
    writing = asyncio.create_task(table.write_block(0, {b"car-1": b"a"}))
    await appends.has_begun.wait()
    releasing = asyncio.create_task(table.release([0]))
    await asyncio.sleep(0)
    with pytest.raises(PartitionRevoked):
        await table.write_block(0, {b"car-2": b"b"})
    assert not releasing.done()
    appends.gate.set()
    await writing
    await releasing


async def test_a_rebalance_forgets_what_went_away_and_keeps_what_stayed(
    table: BlockTable, appends: RecordedAppends
) -> None:
    await table.write_block(0, {b"car-1": b"a"})
    appends.end = 0
    await table.write_block(1, {b"car-2": b"b"})
    await assign(table, {1})
    assert dict(table.items(0)) == {}
    assert table.persisted_offset(TP(CHANGELOG, 0)) is None
    assert dict(table.items(1)) == {b"car-2": b"b"}
    assert table.persisted_offset(TP(CHANGELOG, 1)) == 0


async def test_after_a_foreign_write_recovery_starts_before_it(table: BlockTable, appends: RecordedAppends) -> None:
    await table.write_block(0, {b"car-1": b"a"})
    appends.end += 5
    await table.write_block(0, {b"car-1": b"b"})
    await table.write_block(0, {b"car-1": b"c"})
    assert table.persisted_offset(TP(CHANGELOG, 0)) == 0


async def test_recovery_applies_changelog_blocks(app: StreamApp, table: BlockTable) -> None:
    records = [Record(4, b"car-1", b"a", 1), Record(5, b"car-2", b"b", 1), Record(9, b"car-1", None, 1)]
    message = BlockMessage(Block(CHANGELOG, 1, records), generation_id=1)
    table.apply_changelog_batch([app.create_event(b"", b"", None, message)])
    assert dict(table.items(1)) == {b"car-2": b"b"}
    assert table.persisted_offset(TP(CHANGELOG, 1)) == 9


async def test_a_block_reads_its_keys_at_once(table: BlockTable) -> None:
    await table.write_block(0, {b"car-1": b"a", b"car-2": b"b"})
    assert table.get_many(0, [b"car-2", b"car-3", b"car-1"]) == [b"b", None, b"a"]


async def test_states_of_a_changelog_that_was_made_anew_are_wiped(app: StreamApp, table: BlockTable) -> None:
    await table.write_block(0, {b"car-1": b"a", b"car-2": b"b"})
    recovery = app.tables.recovery
    here, empty = TP(CHANGELOG, 0), TP(CHANGELOG, 1)
    for end, found in ((2, 1), (1, -1)):
        recovery.add_active(table, here)
        recovery.add_active(table, empty)
        offsets = dict(recovery.active_offsets)
        await recovery._build_offsets(Ends({here: end, empty: 0}), {here, empty}, offsets, "active")
        assert offsets == {here: found, empty: -1}
    assert (table.states.count(0), table.states.complete_to(0), table.states.wipes()) == (0, None, 1)


async def test_a_store_that_fails_ends_the_worker_and_leaves_the_block(tmp_path: Path) -> None:
    crashes: list[BaseException] = []
    app = create_app(f"pitcall-log://{tmp_path}", tmp_path, on_crash=crashes.append)
    app._producer = RecordedAppends()
    table = app.block_table("states")
    table.states = FullDisk()
    await assign(table, {0})
    with pytest.raises(PartitionRevoked, match="no space left"):
        await table.write_block(0, {b"car-1": b"a"})
    with pytest.raises(PartitionRevoked, match="no space left"):
        table.get(0, b"car-1")
    assert [type(crash) for crash in crashes] == [StoreFailed]


async def test_one_key_at_a_time_is_refused(table: BlockTable) -> None:
    with pytest.raises(TypeError, match="write_block"):
        table[b"car-1"] = b"a"


async def test_what_was_read_before_a_partition_left_and_came_back_is_not_written(
    table: BlockTable, appends: RecordedAppends
) -> None:
    term, other = table.term(0), table.term(1)
    await table.release([0])
    with pytest.raises(PartitionRevoked):
        table.term(0)
    await assign(table, {0, 1})
    with pytest.raises(PartitionRevoked):
        await table.write_block(0, {b"car-1": b"old"}, term)
    with pytest.raises(PartitionRevoked):
        await table.write_block(1, {b"car-2": b"old"}, other)
    assert appends.batches == []
    await table.write_block(0, {b"car-1": b"new"}, table.term(0))
    assert dict(table.items(0)) == {b"car-1": b"new"}


async def test_while_the_group_is_not_heard_of_a_write_waits_and_is_given_up_when_the_partition_has_gone(
    app: StreamApp, table: BlockTable, appends: RecordedAppends, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_heard = False
    monkeypatch.setattr(app.consumer, "is_member", lambda: is_heard)
    writing = asyncio.create_task(table.write_block(0, {b"car": b"a"}))
    await asyncio.sleep(3 * MEMBER_POLL_S)
    assert appends.batches == [] and app.outages > 0
    is_heard = True
    await writing
    assert appends.batches == [(CHANGELOG, 0, [(b"car", b"a")])]
    is_heard = False
    writing = asyncio.create_task(table.write_block(0, {b"car": b"b"}))
    await asyncio.sleep(MEMBER_POLL_S)
    await table.release([0])
    with pytest.raises(PartitionRevoked):
        await writing
    assert dict(table.items(0)) == {b"car": b"a"}
