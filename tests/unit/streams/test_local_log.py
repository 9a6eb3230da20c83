"""What the embedded log promises."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from domain.errors import Conflict, InvalidInput, NotFound, Unavailable
from streams.compaction import DUE_AFTER, Compaction
from streams.local_log import LARGE_BYTES, Entry, LocalLog
from streams.log_file import log_path

ROOT = Path(__file__).parents[3]


def entry(value: bytes | None, key: bytes = b"car", topic: str = "uploads", partition: int = 0) -> Entry:
    return Entry(topic, partition, key, value, 1_700_000_000_000)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"pitcall-log://{tmp_path}/data"


@pytest.fixture
def log(url: str):
    with LocalLog.shared(url) as log:
        log.create_topic("uploads", 4)
        log.create_topic("states", 1, is_compacted=True)
        yield log


async def test_a_record_comes_back_as_it_was_appended(log: LocalLog) -> None:
    appended = Entry("uploads", 2, b"car-1", b"\x00\xff", 1_700_000_000_123, (("received-ms", b"17"), ("a", b"")))
    assert await log.append([appended]) == [0]
    (record,) = log.read("uploads", 2, 0)
    assert record == (0, b"car-1", b"\x00\xff", 1_700_000_000_123, (("received-ms", b"17"), ("a", b"")))


async def test_offsets_count_up_per_partition(log: LocalLog) -> None:
    assert await log.append([entry(b"a"), entry(b"b", partition=1), entry(b"c")]) == [0, 0, 1]
    assert await log.append([entry(b"d")]) == [2]
    assert [log.end("uploads", partition) for partition in range(4)] == [3, 1, 0, 0]
    assert [record.value for record in log.read("uploads", 0, 1)] == [b"c", b"d"]


async def test_a_reopened_log_has_everything(url: str) -> None:
    with LocalLog.shared(url) as log:
        log.create_topic("uploads", 4)
        await log.append([entry(b"a"), entry(None)])
        log.commit("group", {("uploads", 0): 1})
    with LocalLog.shared(url) as log:
        assert [record.value for record in log.read("uploads", 0, 0)] == [b"a", None]
        assert log.committed("group", "uploads", 0) == 1
        assert await log.append([entry(b"b")]) == [2]


async def test_a_reader_sees_at_most_what_it_asked_for(log: LocalLog) -> None:
    await log.append([entry(b"%d" % n) for n in range(1_000)])
    assert [record.offset for record in log.read("uploads", 0, 10, max_records=3)] == [10, 11, 12]
    assert log.read("uploads", 0, 1_000) == []
    await log.append([entry(bytes(1_500_000)) for _ in range(10)])
    assert len(log.read("uploads", 0, 1_000)) == 3


async def test_lag_is_what_is_appended_and_not_committed(log: LocalLog) -> None:
    await log.append([entry(b"a"), entry(b"b"), entry(b"c", partition=3)])
    log.commit("group", {("uploads", 0): 1})
    assert log.lag("group", ["uploads"]) == {
        ("uploads", 0): 1,
        ("uploads", 1): 0,
        ("uploads", 2): 0,
        ("uploads", 3): 1,
    }


async def test_the_users_of_one_process_share_a_log_until_the_last_gives_it_back(url: str) -> None:
    first, second = LocalLog.shared(url), LocalLog.shared(url)
    assert first is second
    first.create_topic("uploads", 1)
    first.close()
    await second.append([entry(b"a")])
    second.close()
    with pytest.raises(Unavailable, match="closed"):
        await second.append([entry(b"b")])


def test_a_second_process_is_told_that_the_log_is_in_use(log: LocalLog, url: str) -> None:
    second = subprocess.run(
        [sys.executable, "-c", "import sys; from streams.local_log import LocalLog; LocalLog.shared(sys.argv[1])", url],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert second.returncode != 0
    assert "is in use by another process; stop that one, or choose another data directory" in second.stderr


def test_partitions_are_never_changed_in_place(log: LocalLog) -> None:
    log.create_topic("uploads", 4)
    with pytest.raises(Conflict, match="exists with 4 partitions, not 8"):
        log.create_topic("uploads", 8)


async def test_an_unknown_topic_or_partition_is_named(log: LocalLog) -> None:
    with pytest.raises(NotFound, match="no topic nothing"):
        log.partitions("nothing")
    with pytest.raises(NotFound, match="no partition 4 of topic uploads"):
        await log.append([entry(b"a", partition=4)])


@pytest.mark.parametrize("url", ["pitcall-log://", "pitcall-log:///", "pitcall-log://relative"])
def test_a_url_without_a_folder_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="names no folder"):
        log_path(url)


def test_a_url_names_a_folder_or_a_file() -> None:
    assert log_path("pitcall-log:///var/data") == Path("/var/data/log.sqlite")
    assert log_path("pitcall-log:///var/data/my.sqlite") == Path("/var/data/my.sqlite")


async def test_compaction_keeps_the_newest_of_each_key_and_the_last_record(url: str) -> None:
    with LocalLog.shared(url) as log:
        log.create_topic("states", 1, is_compacted=True)
        values = [b"%d" % n for n in range(DUE_AFTER)]
        await log.append([entry(value, b"car-%d" % (n % 10), "states") for n, value in enumerate(values)])
        await log.append([entry(None, b"car-3", "states")])
        await log.append([entry(None, b"car-4", "states")])
        await _until(lambda: len(log.read("states", 0, 0, max_records=DUE_AFTER)) < 100)
        newest = {record.key: record.value for record in log.read("states", 0, 0)}
        assert newest == {b"car-%d" % n: values[n - 10] for n in range(10)} | {b"car-3": None, b"car-4": None}
        assert log.end("states", 0) == DUE_AFTER + 2
        assert log.read("states", 0, 0)[-1].offset == DUE_AFTER + 1
    with LocalLog.shared(url) as log:
        assert await log.append([entry(b"next", b"car-1", "states")]) == [DUE_AFTER + 2]


def test_a_partition_is_planned_again_only_when_half_as_much_has_come_as_was_kept(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "log")) as writer:
        writer.execute("CREATE TABLE records (position INTEGER PRIMARY KEY, key, value)")
        writer.execute("CREATE TABLE partitions (id INTEGER PRIMARY KEY, uncompacted)")
        base = 3 << 40
        writer.executemany(
            "INSERT INTO records VALUES (?, ?, 'state')", [(base + n, f"car-{n % 1_000}") for n in range(1_010)]
        )
        compaction = Compaction(writer, 40, due_after=10)
        assert compaction.is_due(3, 10)
        compaction.plan(3, 1_010)
        assert not compaction.is_due(3, 1_000)
        compaction.delete_some()
        compaction.note_deleted()
        assert writer.execute("SELECT COUNT(*) FROM records").fetchone() == (1_000,)
        assert [compaction.is_due(3, added) for added in (10, 499, 500)] == [False, False, True]
        assert compaction.is_due(4, 10)


async def test_a_topic_that_is_not_compacted_keeps_everything(log: LocalLog) -> None:
    await log.append([entry(b"same") for _ in range(DUE_AFTER + 1)])
    await log.append([entry(b"same")])
    assert len(log.read("uploads", 0, 0, max_records=2 * DUE_AFTER)) == DUE_AFTER + 2


async def test_a_listener_hears_of_every_append(log: LocalLog) -> None:
    loop, heard = asyncio.get_running_loop(), asyncio.Event()
    listener = lambda: loop.call_soon_threadsafe(heard.set)  # noqa: E731  # the same object is needed twice
    log.add_listener(listener)
    await log.append([entry(b"a")])
    await asyncio.wait_for(heard.wait(), 10)
    log.remove_listener(listener)


_APPENDER = """
import asyncio, sys
from streams.local_log import Entry, LocalLog

async def append_for_ever(log, name):
    number = 0
    while True:
        (offset,) = await log.append([Entry("uploads", number % 4, name, b"%d" % number, 1)])
        sys.stdout.write(f"{number % 4} {offset} {name.decode()} {number}\\n")
        sys.stdout.flush()
        number += 1

async def main():
    log = LocalLog.shared(sys.argv[1])
    log.create_topic("uploads", 4)
    await asyncio.gather(*(append_for_ever(log, b"writer-%d" % n) for n in range(20)))

asyncio.run(main())
"""


@pytest.mark.parametrize("lines_before_kill", [1, 500, 3_000])
def test_what_was_acknowledged_before_a_kill_is_there(url: str, lines_before_kill: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _APPENDER, url], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as appender:
        assert appender.stdout
        acknowledged = [appender.stdout.readline() for _ in range(lines_before_kill)]
        appender.send_signal(signal.SIGKILL)
        acknowledged += [line for line in appender.stdout if line.endswith("\n")]
    with LocalLog.shared(url) as log:
        found = {
            f"{partition} {record.offset} {record.key.decode()} {record.value.decode()}\n"
            for partition in range(4)
            for record in log.read("uploads", partition, 0, max_records=1_000_000)
            if record.key and record.value
        }
        assert set(acknowledged) <= found
        for partition in range(4):
            offsets = [record.offset for record in log.read("uploads", partition, 0, max_records=1_000_000)]
            assert offsets == list(range(log.end("uploads", partition)))


_FILLER = """
import asyncio, resource, signal, sys
from domain.errors import Unavailable
from streams.local_log import Entry, LocalLog

async def main():
    log = LocalLog.shared(sys.argv[1])
    log.create_topic("uploads", 1)
    (first,) = await log.append([Entry("uploads", 0, b"k", b"before", 1)])
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    full = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, full[1]))
    try:
        await log.append([Entry("uploads", 0, b"k", bytes(3_000_000), 1)])
    except Unavailable as error:
        sys.stdout.write(str(error))
    resource.setrlimit(resource.RLIMIT_FSIZE, full)
    assert await log.append([Entry("uploads", 0, b"k", b"after", 1)]) == [1]
    log.close()

asyncio.run(main())
"""


def test_a_full_disk_stops_acknowledging_says_so_and_spoils_nothing(url: str) -> None:
    filler = subprocess.run(
        [sys.executable, "-c", _FILLER, url], capture_output=True, text=True, cwd=ROOT, check=False, timeout=60
    )
    assert filler.returncode == 0, filler.stderr
    assert "can't be written" in filler.stdout
    with LocalLog.shared(url) as log:
        assert [record.value for record in log.read("uploads", 0, 0)] == [b"before", b"after"]


async def _until(is_so) -> None:
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110  # compaction tells nobody when it is done
            await asyncio.sleep(0.01)


async def test_what_cannot_be_written_is_refused_and_said_once_and_the_log_goes_on(
    log: LocalLog, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        with pytest.raises(Unavailable, match="can't be written"):
            await log.append([entry(b"v")._replace(timestamp_ms=2**63)])
    assert await log.append([entry(b"v")]) == [0]
    said = [record.getMessage() for record in caplog.records]
    assert [("can't be written" in line, "written again" in line) for line in said] == [(True, False), (False, True)]


async def test_many_records_of_any_size_come_back_in_their_order(log: LocalLog) -> None:
    values = [bytes([n % 251]) * (LARGE_BYTES + n if n % 7 == 0 else n % 50) for n in range(600)]
    await log.append([entry(value) for value in values])
    read = [*log.read("uploads", 0, 0), *log.read("uploads", 0, 512)]
    assert [record.value for record in read] == values
