"""Compaction of the embedded log's compacted topics, a little in each of the writer's transactions.

A record is dead when a newer one of its partition has the same key, or when it is the newest but a tombstone. The
last record of a partition is always kept: who reads a changelog waits for the offset before the partition's end.
"""

from __future__ import annotations

import sqlite3

DUE_AFTER = 20_000
"""Records added to a partition between two compactions of it, at least."""
DUE_SHARE = 0.5
"""And at least this part of what the last one kept: planning reads the whole partition."""
DELETED_AT_ONCE = 2_000

_ALL = "SELECT COUNT(*) FROM records WHERE position >= ? AND position < ?"
_DEAD = """
SELECT position FROM (
    SELECT position, value IS NULL AS is_tombstone, ROW_NUMBER() OVER (PARTITION BY key ORDER BY position DESC) AS age
    FROM records WHERE position >= ? AND position < ?)
WHERE age > 1 OR is_tombstone
"""


class Compaction:
    """Plans and makes deletions on the writer's connection, in the writer's thread."""

    def __init__(self, writer: sqlite3.Connection, offset_bits: int, due_after: int = DUE_AFTER) -> None:
        self._writer = writer
        self._offset_bits = offset_bits
        self._due_after = due_after
        self._dead: list[int] = []
        self._deleting = 0
        self._kept: dict[int, int] = {}

    @property
    def is_idle(self) -> bool:
        """Whether nothing is left to delete."""
        return not self._dead

    def is_due(self, partition_id: int, added: int) -> bool:
        """Whether a partition with so many records added since its last compaction should be compacted."""
        return self.is_idle and added >= max(self._due_after, DUE_SHARE * self._kept.get(partition_id, 0))

    def plan(self, partition_id: int, end: int) -> None:
        """Find the dead records of a partition whose next offset is `end`."""
        base = partition_id << self._offset_bits
        # Newer records can only make more of these dead, never fewer, so the plan stays right while it is carried out.
        self._dead = [row[0] for row in self._writer.execute(_DEAD, (base, base + end)) if row[0] != base + end - 1]
        (records,) = self._writer.execute(_ALL, (base, base + end)).fetchone()
        self._kept[partition_id] = records - len(self._dead)
        self._writer.execute("UPDATE partitions SET uncompacted = 0 WHERE id = ?", (partition_id,))

    def delete_some(self) -> None:
        """Delete some dead records in the transaction that is open; `note_deleted` when it has committed."""
        some = self._dead[-DELETED_AT_ONCE:]
        self._deleting = len(some)
        if some:
            self._writer.execute("DELETE FROM records WHERE position IN (SELECT value FROM json_each(?))", (str(some),))

    def note_deleted(self) -> None:
        """Forget what the committed transaction deleted."""
        if self._deleting:
            del self._dead[-self._deleting :]
            self._deleting = 0
