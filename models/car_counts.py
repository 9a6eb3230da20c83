"""CarCounts: how many labels each of the newest cars has taught, and whether one has said more than its part."""

from __future__ import annotations

from collections.abc import Sequence

MOST_TIMES = 2
"""As many times as the others on average a car may teach of its horizons."""


class CarCounts:
    """Counts by car, of at most `most` cars; the one that has been silent the longest is forgotten first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: dict[bytes, int] = {}
        self._total = 0

    def add(self, car: bytes) -> None:
        """The car has taught one more."""
        self._counts[car] = self._counts.pop(car, 0) + 1
        self._total += 1
        while len(self._counts) > self._most:
            self._total -= self._counts.pop(next(iter(self._counts)))

    def has_its_say(self, car: bytes) -> bool:
        """Whether the car may teach one more: its first, and then up to `MOST_TIMES` what the others did on average."""
        mine = self._counts.get(car, 0)
        others = len(self._counts) - (car in self._counts)
        return mine == 0 or (others > 0 and mine * others <= MOST_TIMES * (self._total - mine))

    def content(self) -> tuple[bytes, list[int]]:
        """The cars, one after the other, and their counts."""
        return b"".join(self._counts), list(self._counts.values())

    def restore(self, cars: Sequence[bytes], counts: Sequence[int]) -> None:
        """Take over what `content` gave; ValueError when the two do not go together."""
        self._counts = dict(zip(cars, (int(count) for count in counts), strict=True))
        self._total = sum(self._counts.values())
