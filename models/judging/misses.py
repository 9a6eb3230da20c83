"""The worst misses: which decisions to show a person first, most costly to trust on top."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.judging.lives import Lives
from models.judging.outcomes import LifeLeft
from models.judging.services import NONE
from models.judging.wear_scores import Windows

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

UNANNOUNCED, FALSE_ALARM, TOO_EARLY, TOO_LATE = "unannounced", "false_alarm", "too_early", "too_late"


@dataclass(frozen=True, slots=True)
class WorstMiss:
    """`row` is the decision's place in the arrays as given; `truth_ms` the failure it missed (NONE: none came)."""

    row: int
    kind: str
    truth_ms: int


def worst_hazard_misses(lives: Lives, p: Floats, horizon_ms: int, label: Floats, most: int = 10) -> list[WorstMiss]:
    """The failures that were given the least just before, then the highest false alarms, half of each, one a life.

    `p` and `label` (n,) are in the order of `lives`, the label NaN where it isn't known. A failure counts by the
    highest probability said within the horizon before it.
    """
    notice = lives.ended_ms[lives.life] - lives.time_ms
    is_before = lives.is_failed[lives.life] & (notice > 0) & (notice <= horizon_ms) & np.isfinite(p)
    unannounced = _one_a_life(lives, p, is_before)
    unannounced.sort(key=lambda at: (p[at], at))
    false_alarms = _one_a_life(lives, p, (label == 0) & np.isfinite(p))
    false_alarms.sort(key=lambda at: (-p[at], at))
    found = [WorstMiss(int(lives.order[at]), UNANNOUNCED, int(lives.ended_ms[lives.life[at]])) for at in unannounced]
    others = [WorstMiss(int(lives.order[at]), FALSE_ALARM, NONE) for at in false_alarms]
    return _half_of_each(found, others, most)


def worst_wear_misses(lives: Lives, left: LifeLeft, said: Floats, windows: Windows, most: int = 10) -> list[WorstMiss]:
    """The furthest from the truth outside the window: due before the earliest, then after the latest; one a life.

    `left`, `said` and `windows` (n,) are as given, not in the order of `lives`.
    """
    off = (said - left.remaining)[lives.order]
    is_known = left.is_known[lives.order] & np.isfinite(off)
    is_missed = is_known & ~windows.holds(left.failed_ms)[lives.order]
    # More promised than was left is the miss that strands people: due earlier than was said.
    early = _one_a_life(lives, off, is_missed & (off > 0))
    late = _one_a_life(lives, -off, is_missed & (off < 0))
    early.sort(key=lambda at: (-off[at], at))
    late.sort(key=lambda at: (off[at], at))
    failed_ms = left.failed_ms[lives.order]
    return _half_of_each(
        [WorstMiss(int(lives.order[at]), TOO_EARLY, int(failed_ms[at])) for at in early],
        [WorstMiss(int(lives.order[at]), TOO_LATE, int(failed_ms[at])) for at in late],
        most,
    )


def _one_a_life(lives: Lives, score: Floats, which: Bools) -> list[int]:
    """Of each life the decision with the highest score among those of the mask, the earliest of equals."""
    at = np.flatnonzero(which)
    order = np.lexsort((at, -score[at], lives.life[at]))
    life = lives.life[at][order]
    is_first = np.append(np.True_, life[1:] != life[:-1]) if len(life) else np.zeros(0, np.bool_)
    return [int(each) for each in at[order][is_first]]


def _half_of_each(first: list[WorstMiss], second: list[WorstMiss], most: int) -> list[WorstMiss]:
    """Half of each, and more of one where the other has fewer."""
    of_first = max(most - most // 2, most - len(second))
    chosen = first[:of_first]
    return chosen + second[: most - len(chosen)]
