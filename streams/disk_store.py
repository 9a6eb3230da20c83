"""Values on disk: a folder per partition, a RocksDB in each, and one process at a time that has them all.

What can't be used is wiped, and said: damaged files, those of another partition count or format, and those that
were last as new as the changelog so long ago that Kafka may have dropped a removal they haven't seen.
"""

from __future__ import annotations

import logging
import os
import resource
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from streams.log_file import locked
from streams.rocks import FORMAT, DamagedFiles, PartitionFiles, RocksMemory
from streams.state_store import Entries, StateStore

logger = logging.getLogger(__name__)

STALE_AFTER_S = 12 * 3600
"""Kafka keeps a removal for 24 hours after compacting it (``delete.retention.ms``)."""
FILES_WANTED = 8_192
DAMAGED = "DAMAGED"


class DiskStore(StateStore):
    """A folder of this process alone; `partitions` is the number that the changelog has."""

    def __init__(self, folder: Path, partitions: int, *, now_s: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self._partitions = partitions
        self._now_s = now_s
        self._lock: IO[str] | None = None
        self._memory: RocksMemory | None = None
        self._files: dict[int, PartitionFiles] = {}
        self._wipes = 0

    def open(self) -> None:
        """Take the folder; raises `Conflict` when another process has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = locked(self.folder, "the folder of states")
        self._memory = RocksMemory()
        _allow_files()

    def close(self) -> None:
        """Put everything into files, and give the folder back."""
        try:
            for partition in self.held():
                self.let_go(partition)
        finally:
            if self._lock is not None:
                self._lock.close()
                self._lock = None

    def kept(self) -> list[int]:
        """The partitions that have a folder here, held or not."""
        return sorted(int(entry.name) for entry in self.folder.glob("*") if entry.name.isdecimal())

    def hold(self, partition: int) -> None:
        """Open a partition's files, or begin with none when they can't be used."""
        if partition in self._files:
            return
        if self._memory is None:
            raise RuntimeError("the store is not open")
        path = self._path(partition)
        if (path / DAMAGED).exists():
            self._remove(partition, "it was found damaged")
        try:
            files = PartitionFiles(path, self._memory, self._partitions)
            reason = self._unfitness(files)
            if reason:
                files.close()
        except DamagedFiles as error:
            reason = str(error)
        if reason:
            self._remove(partition, reason)
            files = PartitionFiles(path, self._memory, self._partitions)
        self._files[partition] = files

    def let_go(self, partition: int) -> None:
        """Close a partition; its files stay, for when it comes back."""
        files = self._files.pop(partition, None)
        if files is not None:
            files.close()

    def held(self) -> set[int]:
        """The partitions that are open."""
        return set(self._files)

    def get_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of keys, in their order, None where there is none."""
        files = self._files.get(partition)
        if files is None:
            return [None] * len(keys)
        with self._marking(partition):
            return files.get_many(keys)

    def items(self, partition: int) -> Iterable[tuple[bytes, bytes]]:
        """All keys and values of a partition, in the order of the keys."""
        files = self._files.get(partition)
        if files is not None:
            with self._marking(partition):
                yield from files.items()

    def count(self, partition: int) -> int:
        """Number of keys of a partition."""
        files = self._files.get(partition)
        return 0 if files is None else files.mark.count

    def complete_to(self, partition: int) -> int | None:
        """The changelog offset up to which a partition is complete; None when it has nothing."""
        files = self._files.get(partition)
        return None if files is None else files.mark.offset

    def apply(self, partition: int, entries: Entries, offset: int | None) -> None:
        """Set values and the offset they are complete to, in one write."""
        files = self._files.get(partition)
        if files is not None:
            with self._marking(partition):
                files.apply(entries, offset)

    def confirm(self, partition: int) -> None:
        """Note that a partition is as new as its changelog at this moment."""
        files = self._files.get(partition)
        if files is not None:
            with self._marking(partition):
                files.confirm()

    def wipe(self, partition: int) -> None:
        """Remove a partition's files; when it is held it begins again, with nothing."""
        is_held = partition in self._files
        self.let_go(partition)
        self._remove(partition, "it is to be read from the changelog again")
        if is_held:
            self.hold(partition)

    def forget_strays(self) -> None:
        """Remove partitions that are not held and too old to be read on: nobody would ever tidy them away."""
        for partition in set(self.kept()) - self._files.keys():
            if self._now_s() - _newest_change_s(self._path(partition)) > STALE_AFTER_S:
                shutil.rmtree(self._path(partition))

    def bytes_on_disk(self) -> int:
        """Bytes of all files."""
        return sum(size for size, _ in _files_in(self.folder))

    def wipes(self) -> int:
        """Partitions that were emptied since the start."""
        return self._wipes

    def _path(self, partition: int) -> Path:
        return self.folder / str(partition)

    def _unfitness(self, files: PartitionFiles) -> str:
        mark = files.mark
        if mark.format != FORMAT:
            return f"it has the format {mark.format}, and this version of Pitcall writes {FORMAT}"
        if mark.partitions != self._partitions:
            return f"it is one of {mark.partitions} partitions, and now there are {self._partitions}"
        if mark.offset is not None and self._now_s() - mark.seen_ms / 1000 > STALE_AFTER_S:
            return "it is so old that the changelog may have forgotten a removal"
        return ""

    def _remove(self, partition: int, reason: str) -> None:
        logger.warning("the states of partition %d are wiped and read again: %s", partition, reason)
        self._wipes += 1
        if self._path(partition).exists():
            shutil.rmtree(self._path(partition))

    @contextmanager
    def _marking(self, partition: int) -> Iterator[None]:
        """Have a partition that turns out damaged wiped when it is next opened."""
        try:
            yield
        except DamagedFiles:
            (self._path(partition) / DAMAGED).touch()
            raise


def _allow_files() -> None:
    """Many systems let a process begin with 1,024 open files, and let it ask for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_WANTED if hard == resource.RLIM_INFINITY else min(FILES_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _files_in(folder: Path) -> Iterator[tuple[int, float]]:
    """Size in bytes and time of the last change of each file; RocksDB may tidy up meanwhile."""
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                found = (Path(path) / name).stat()
            except FileNotFoundError:
                continue
            yield found.st_size, found.st_mtime


def _newest_change_s(folder: Path) -> float:
    return max((changed_s for _, changed_s in _files_in(folder)), default=0.0)
