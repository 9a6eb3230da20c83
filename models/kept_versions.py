"""KeptVersions: versions of one item's model that can be gone back to: few, and the further back the further apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

KEPT = 8


class KeptVersion(NamedTuple):
    """A version as it served. `at_ms`: since when it did; `packed`: the model's content in bytes."""

    version: int
    labels: int
    at_ms: int
    packed: bytes

    @property
    def name(self) -> str:
        """As predictions had it."""
        return f"{self.version}-{hashlib.sha256(self.packed).hexdigest()[:8]}"


class KeptVersions:
    """At most `KEPT` versions, in their order.

    Of those between the oldest and the newest, the one is let go whose neighbours are closest together for their age:
    the gaps then grow as ages do. What `pin`ned, the last to serve before a takeover, stays as long as it is pinned.
    """

    def __init__(self) -> None:
        self.versions: list[KeptVersion] = []
        self.pinned: int | None = None

    def keep(self, version: KeptVersion) -> None:
        """Keep `version`, which is newer than all that are kept."""
        if self.versions and version.version <= self.versions[-1].version:
            return
        self.versions.append(version)
        if len(self.versions) > KEPT:
            del self.versions[self._least_missed()]

    def find(self, version: int) -> KeptVersion | None:
        """The version of that number, if it is kept."""
        return next((kept for kept in self.versions if kept.version == version), None)

    def before(self, version: int) -> KeptVersion | None:
        """The newest that is older than that number."""
        return next((kept for kept in reversed(self.versions) if kept.version < version), None)

    def content(self) -> dict[str, Any]:
        """All of them, as plain numbers and bytes."""
        return {"versions": [list(kept) for kept in self.versions], "pinned": self.pinned}

    @classmethod
    def of_content(cls, content: dict[str, Any]) -> KeptVersions:
        """The versions in `content`; KeyError, TypeError or ValueError when it holds none."""
        kept = cls()
        kept.versions = list(_read(content["versions"]))
        kept.pinned = None if content["pinned"] is None else int(content["pinned"])
        return kept

    def _least_missed(self) -> int:
        """Place of the one that leaves the smallest gap for its age."""
        numbers = [kept.version for kept in self.versions]
        end = numbers[-1] + 1
        inner = [i for i in range(1, len(numbers) - 1) if numbers[i] != self.pinned]
        return min(inner, key=lambda i: (numbers[i + 1] - numbers[i - 1]) / (end - numbers[i - 1]))


def _read(rows: Iterable[Any]) -> Iterable[KeptVersion]:
    for version, labels, at_ms, packed in rows:
        if not isinstance(packed, bytes):
            raise TypeError("a kept version is no bytes")
        yield KeptVersion(int(version), int(labels), int(at_ms), packed)
