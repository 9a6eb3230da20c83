"""How long who guessed wrong waits before the next guess."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GuessLimit:
    """The first `free` failures cost nothing; then each doubles the wait, from `first_ms` to at most `most_ms`."""

    free: int
    first_ms: int
    most_ms: int

    def wait_ms(self, failures: int) -> int:
        """What must have passed since the last of so many failures."""
        if failures < self.free:
            return 0
        # The exponent is bounded, so that no count makes a number nobody can hold.
        return min(self.most_ms, self.first_ms << min(failures - self.free, 40))
