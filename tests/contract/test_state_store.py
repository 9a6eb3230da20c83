"""What a table may rely on of its store, in memory and on disk; and what is on disk besides, whatever happens."""

import logging
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import Conflict
from streams.disk_store import STALE_AFTER_S, DiskStore
from streams.rocks import DamagedFiles
from streams.state_store import MemoryStore, StateStore

PARTITIONS = 8
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StateStore]:
    store: StateStore = MemoryStore() if request.param == "memory" else DiskStore(tmp_path / "states", PARTITIONS)
    store.open()
    store.hold(0)
    store.hold(1)
    yield store
    store.close()


@pytest.fixture
def reopened(tmp_path: Path) -> Iterator[Callable[..., DiskStore]]:
    """Opens the folder again, as the next process would, with partition 0 held."""
    opened: list[DiskStore] = []

    def reopen(partitions: int = PARTITIONS, now_s: Callable[[], float] = time.time) -> DiskStore:
        for store in opened:
            store.close()
        opened.append(DiskStore(tmp_path / "states", partitions, now_s=now_s))
        opened[-1].open()
        opened[-1].hold(0)
        return opened[-1]

    yield reopen
    opened[-1].close()


def test_values_are_found_by_partition_and_in_the_order_asked_for(store: StateStore) -> None:
    store.apply(0, [(b"a", b"1"), (b"b", b"")], 1)
    store.apply(1, [(b"a", b"other")], 0)
    assert store.get_many(0, [b"b", b"none", b"a"]) == [b"", None, b"1"]
    assert store.get_many(1, [b"a"]) == [b"other"]
    assert store.get_many(0, []) == []
    assert (store.count(0), store.count(1)) == (2, 1)
    assert (store.complete_to(0), store.complete_to(1)) == (1, 0)


def test_a_value_of_none_removes_the_key(store: StateStore) -> None:
    store.apply(0, [(b"a", b"1"), (b"b", b"2")], 1)
    store.apply(0, [(b"a", None), (b"never", None)], 3)
    assert store.get_many(0, [b"a", b"b"]) == [None, b"2"]
    assert store.count(0) == 1
    assert dict(store.items(0)) == {b"b": b"2"}


def test_within_one_write_the_last_value_of_a_key_counts(store: StateStore) -> None:
    store.apply(0, [(b"a", b"1"), (b"a", None), (b"a", b"3"), (b"b", b"1"), (b"b", None)], 4)
    assert dict(store.items(0)) == {b"a": b"3"}
    assert store.count(0) == 1


def test_any_bytes_may_be_a_key(store: StateStore) -> None:
    keys = [b"", b"m", b"s", b"t", b"\x00", b"\xff" * 40]
    store.apply(0, [(key, b"of " + key) for key in keys], 5)
    assert store.get_many(0, keys) == [b"of " + key for key in keys]
    assert sorted(key for key, _ in store.items(0)) == sorted(keys)


def test_an_unknown_offset_leaves_the_known_one(store: StateStore) -> None:
    assert store.complete_to(0) is None
    store.apply(0, [(b"a", b"1")], None)
    assert store.complete_to(0) is None
    store.apply(0, [(b"a", b"2")], 7)
    store.apply(0, [(b"a", b"3")], None)
    assert (store.complete_to(0), store.get_many(0, [b"a"])) == (7, [b"3"])


def test_a_partition_that_is_not_held_has_nothing_and_takes_nothing(store: StateStore) -> None:
    store.apply(5, [(b"a", b"1")], 0)
    assert store.held() == {0, 1}
    assert (store.get_many(5, [b"a"]), list(store.items(5)), store.count(5)) == ([None], [], 0)
    assert store.complete_to(5) is None


def test_a_wiped_partition_is_empty_and_still_held(store: StateStore) -> None:
    store.apply(0, [(b"a", b"1")], 0)
    store.wipe(0)
    assert (store.count(0), store.complete_to(0), list(store.items(0))) == (0, None, [])
    assert store.wipes() == 1
    store.apply(0, [(b"b", b"2")], 4)
    assert (dict(store.items(0)), store.complete_to(0)) == ({b"b": b"2"}, 4)


def test_counting_is_right_over_more_keys_than_are_remembered(store: StateStore) -> None:
    keys = [f"car-{n}".encode() for n in range(5_000)]
    store.apply(0, [(key, b"1") for key in keys], 4_999)
    store.get_many(0, keys[:3_000])
    store.apply(0, [(key, None if n % 2 else b"2") for n, key in enumerate(keys)], 9_999)
    assert store.count(0) == 2_500 == len(list(store.items(0)))


WRITES = st.lists(
    st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c", b"d"]), st.none() | st.binary(max_size=20)), max_size=6),
    max_size=12,
)


@given(writes=WRITES, partition=st.integers(2, PARTITIONS - 1))
@settings(max_examples=40, deadline=None)
def test_both_stores_give_the_same(
    tmp_path_factory: pytest.TempPathFactory, writes: list[list[tuple[bytes, bytes | None]]], partition: int
) -> None:
    memory, disk = MemoryStore(), DiskStore(tmp_path_factory.mktemp("both"), PARTITIONS)
    for store in (memory, disk):
        store.open()
        store.hold(partition)
        for offset, entries in enumerate(writes):
            store.apply(partition, entries, offset)
    disk.close()
    disk.open()
    disk.hold(partition)
    assert dict(disk.items(partition)) == dict(memory.items(partition))
    assert disk.count(partition) == memory.count(partition)
    assert disk.complete_to(partition) == memory.complete_to(partition)
    disk.close()


# -- on disk ----------------------------------------------------------------------------------------------------------


def test_what_was_kept_is_there_again_and_goes_on(reopened: Callable[..., DiskStore]) -> None:
    reopened().apply(0, [(b"a", b"1"), (b"b", b"2")], 41)
    store = reopened()
    assert (dict(store.items(0)), store.complete_to(0), store.count(0)) == ({b"a": b"1", b"b": b"2"}, 41, 2)
    store.apply(0, [(b"b", None)], 42)
    store = reopened()
    assert (dict(store.items(0)), store.complete_to(0), store.wipes()) == ({b"a": b"1"}, 42, 0)


def test_a_partition_that_comes_back_is_read_on_from_its_offset(
    reopened: Callable[..., DiskStore],
) -> None:
    store = reopened()
    store.apply(0, [(b"a", b"1")], 6)
    store.let_go(0)
    assert (store.held(), store.kept(), store.get_many(0, [b"a"])) == (set(), [0], [None])
    store.hold(0)
    assert (store.get_many(0, [b"a"]), store.complete_to(0)) == ([b"1"], 6)


KILLED = """
import os, signal, sys, time
from pathlib import Path
from streams.disk_store import DiskStore
folder = Path(sys.argv[1])
store = DiskStore(folder, 8)
store.open()
store.hold(0)
for offset in range(20_000):
    store.apply(0, [(b"car-%d" % (offset % 500), b"%d " % offset + bytes(1_500))], offset)
# Buffers are written behind: the first is in a file for good when the log says so, however busy the disk is.
ends = time.monotonic() + 120
while "flush_finished" not in (folder / "0" / "LOG").read_text() and time.monotonic() < ends:
    time.sleep(0.01)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_after_a_kill_states_and_offset_belong_together(tmp_path: Path, reopened: Callable[..., DiskStore]) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "states")], check=False, cwd=ROOT)
    assert killed.returncode == -9
    store = reopened()
    offset = store.complete_to(0)
    # 30 MB were written: the first buffers are in files, the newest is gone with the process.
    assert offset is not None
    assert 0 < offset < 20_000
    newest = {b"car-%d" % (n % 500): n for n in range(offset + 1)}
    assert {key: int(value.split()[0]) for key, value in store.items(0)} == newest
    assert store.wipes() == 0


def test_another_process_is_refused_by_a_sentence(reopened: Callable[..., DiskStore], tmp_path: Path) -> None:
    reopened()
    with pytest.raises(Conflict, match="states is in use by another process; stop that one, or choose another data"):
        DiskStore(tmp_path / "states", PARTITIONS).open()


def damage(folder: Path, names: str) -> None:
    """Alter the middle of partition 0's files."""
    for path in folder.glob(f"0/{names}"):
        content = bytearray(path.read_bytes())
        middle = range(len(content) * 4 // 10, len(content) * 6 // 10)
        for at in middle:
            content[at] ^= 0xFF
        path.write_bytes(content)


def test_files_that_are_damaged_when_opened_are_wiped_and_said(
    reopened: Callable[..., DiskStore], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = reopened()
    store.apply(0, [(b"a", b"1")], 0)
    store.hold(1)
    store.apply(1, [(b"b", b"2")], 0)
    store.close()
    damage(tmp_path / "states", "MANIFEST-*")
    with caplog.at_level(logging.WARNING):
        store = reopened()
    assert "the states of partition 0 are wiped and read again" in caplog.text
    assert (store.complete_to(0), list(store.items(0)), store.wipes()) == (None, [], 1)
    store.hold(1)
    assert store.get_many(1, [b"b"]) == [b"2"]


@pytest.mark.parametrize("read", ["get", "items", "apply"])
def test_damage_found_while_reading_is_an_error_and_wiped_at_the_next_start(
    reopened: Callable[..., DiskStore], tmp_path: Path, read: str
) -> None:
    store = reopened()
    store.apply(0, [(b"car-%d" % n, random.Random(n).randbytes(3_000)) for n in range(100)], 99)
    store.close()
    damage(tmp_path / "states", "*.sst")
    store = reopened()
    with pytest.raises(DamagedFiles, match="states/0"):
        if read == "get":
            store.get_many(0, [b"car-%d" % n for n in range(100)])
        elif read == "items":
            list(store.items(0))
        else:
            store.apply(0, [(b"car-%d" % n, None) for n in range(100)], 100)
    store = reopened()
    assert (store.complete_to(0), store.count(0), store.wipes()) == (None, 0, 1)


def test_files_of_another_partition_count_are_wiped(reopened: Callable[..., DiskStore]) -> None:
    reopened().apply(0, [(b"a", b"1")], 0)
    store = reopened(partitions=2 * PARTITIONS)
    assert (store.complete_to(0), store.count(0), store.wipes()) == (None, 0, 1)


def test_files_older_than_removals_are_kept_in_the_changelog_are_wiped(reopened: Callable[..., DiskStore]) -> None:
    reopened().apply(0, [(b"a", b"1")], 0)
    soon = reopened(now_s=lambda: time.time() + STALE_AFTER_S - 60)
    assert soon.complete_to(0) == 0
    late = reopened(now_s=lambda: time.time() + STALE_AFTER_S + 60)
    assert (late.complete_to(0), late.wipes()) == (None, 1)


def test_files_that_nobody_has_come_back_for_are_removed(reopened: Callable[..., DiskStore]) -> None:
    store = reopened()
    store.hold(3)
    store.apply(3, [(b"a", b"1")], 0)
    store.let_go(3)
    store.forget_strays()
    assert store.kept() == [0, 3]
    store = reopened(now_s=lambda: time.time() + STALE_AFTER_S + 60)
    store.forget_strays()
    assert store.kept() == [0]


def test_the_bytes_on_disk_are_those_of_all_files(reopened: Callable[..., DiskStore], tmp_path: Path) -> None:
    store = reopened()
    before = store.bytes_on_disk()
    store.apply(0, [(b"a", bytes(range(256)) * 4_000)], 0)
    store.let_go(0)
    assert store.bytes_on_disk() - before > 4_000
    assert store.bytes_on_disk() == sum(
        path.stat().st_size for path in (tmp_path / "states").rglob("*") if path.is_file()
    )


def test_a_key_that_is_set_without_a_look_at_it_is_counted_once(store: StateStore) -> None:
    store.get_many(0, [b"car"])
    store.apply(0, [(b"car", b"state")], 0)
    store.confirm(0)
    store.apply(0, [(b"other", b"x")], 1)
    store.confirm(0)
    store.apply(0, [(b"car", b"another")], 2)
    assert store.count(0) == len(list(store.items(0))) == 2
