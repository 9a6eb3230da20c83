"""Where a table keeps its values: by partition and key, with how far each partition is complete.

`MemoryStore` is a dictionary per partition, `DiskStore` a RocksDB per partition. The changelog is the truth for both:
a store may forget, as long as it knows that it did.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from domain.errors import PitcallError

Entries = Sequence[tuple[bytes, bytes | None]]
"""Keys and their values; a value of None removes the key."""


class StoreFailed(PitcallError):
    """The store could not read or write (a full disk, damaged files); the changelog still has everything.

    After damage the store has marked the partition, and the next `hold` of it begins with an empty one.
    """


class StateStore(ABC):
    """Values by partition and key. Only partitions that are held are kept; of others nothing is found."""

    @abstractmethod
    def open(self) -> None:
        """Take the store for this process; raises `Conflict` when another process has it."""

    @abstractmethod
    def close(self) -> None:
        """Put everything where it will be found again, and give the store back."""

    @abstractmethod
    def hold(self, partition: int) -> None:
        """Be ready for a partition, with what was kept of it."""

    @abstractmethod
    def let_go(self, partition: int) -> None:
        """Use a partition no more; what is kept on disk is kept."""

    @abstractmethod
    def held(self) -> set[int]:
        """The partitions that are held."""

    @abstractmethod
    def get_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of keys, in their order, None where there is none; raises `StoreFailed`."""

    @abstractmethod
    def items(self, partition: int) -> Iterable[tuple[bytes, bytes]]:
        """All keys and values of a partition; raises `StoreFailed` rather than leave one out."""

    @abstractmethod
    def count(self, partition: int) -> int:
        """Number of keys of a partition."""

    @abstractmethod
    def complete_to(self, partition: int) -> int | None:
        """The changelog offset up to which a partition is complete; None when it has nothing."""

    @abstractmethod
    def apply(self, partition: int, entries: Entries, offset: int | None) -> None:
        """Set values and, unless it is None, the offset they are complete to, all in one write.

        Either all of it is found after a crash, or nothing of it. Raises `StoreFailed`.
        """

    @abstractmethod
    def confirm(self, partition: int) -> None:
        """Note that a partition is as new as its changelog at this moment."""

    @abstractmethod
    def wipe(self, partition: int) -> None:
        """Empty a partition; the changelog still has it."""

    @abstractmethod
    def forget_strays(self) -> None:
        """Remove what is kept of partitions that are not held, once it is too old to be of use."""

    @abstractmethod
    def bytes_on_disk(self) -> int:
        """Bytes of all files."""

    @abstractmethod
    def wipes(self) -> int:
        """Partitions that were emptied since `open`, because what was kept of them could not be used."""


class MemoryStore(StateStore):
    """A dictionary per partition, so that what is let go is forgotten and what is kept is not read again."""

    def __init__(self) -> None:
        self._entries: dict[int, dict[bytes, bytes]] = {}
        self._offsets: dict[int, int] = {}
        self._wipes = 0

    def open(self) -> None:
        """Nothing to take."""

    def close(self) -> None:
        """Nothing to give back."""

    def hold(self, partition: int) -> None:
        """Have a dictionary for a partition."""
        self._entries.setdefault(partition, {})

    def let_go(self, partition: int) -> None:
        """Forget a partition."""
        self._entries.pop(partition, None)
        self._offsets.pop(partition, None)

    def held(self) -> set[int]:
        """The partitions that are held."""
        return set(self._entries)

    def get_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of keys, in their order, None where there is none."""
        return list(map(self._entries.get(partition, {}).get, keys))

    def items(self, partition: int) -> Iterable[tuple[bytes, bytes]]:
        """All keys and values of a partition."""
        return self._entries.get(partition, {}).items()

    def count(self, partition: int) -> int:
        """Number of keys of a partition."""
        return len(self._entries.get(partition, ()))

    def complete_to(self, partition: int) -> int | None:
        """The changelog offset up to which a partition is complete; None when it has nothing."""
        return self._offsets.get(partition)

    def apply(self, partition: int, entries: Entries, offset: int | None) -> None:
        """Set values, and the offset they are complete to."""
        target = self._entries.get(partition)
        if target is None:
            return
        for key, value in entries:
            if value is None:
                target.pop(key, None)
            else:
                target[key] = value
        if offset is not None:
            self._offsets[partition] = offset

    def confirm(self, partition: int) -> None:
        """Nothing outlives the process, so nothing can become too old."""

    def wipe(self, partition: int) -> None:
        """Empty a partition."""
        self._wipes += 1
        self._offsets.pop(partition, None)
        if partition in self._entries:
            self._entries[partition] = {}

    def forget_strays(self) -> None:
        """Nothing is kept."""

    def bytes_on_disk(self) -> int:
        """None."""
        return 0

    def wipes(self) -> int:
        """Partitions that were emptied since the start."""
        return self._wipes
