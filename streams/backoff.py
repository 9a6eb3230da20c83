"""How long to wait before trying again."""

from __future__ import annotations

import random
from collections.abc import Iterator

FIRST_S = 0.05
LONGEST_S = 5.0


def pauses_s(first_s: float = FIRST_S, longest_s: float = LONGEST_S) -> Iterator[float]:
    """Pauses in seconds, without end: doubling up to the longest, each shortened by up to half at random.

    The randomness keeps workers that failed together from coming back together.
    """
    pause_s = first_s
    while True:
        yield pause_s * random.uniform(0.5, 1.0)  # noqa: S311  # no secret hangs on it
        pause_s = min(pause_s * 2, longest_s)
