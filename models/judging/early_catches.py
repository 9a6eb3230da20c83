"""Early catches: how many failures were announced in good time, when so many alerts a failure may be raised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.errors import InvalidInput
from domain.judgement import Catches
from models.judging.lives import Lives
from models.judging.services import require_same_length

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Alerts:
    """Alerts by the place of their life and moment, each of shape (a,)."""

    life: Ints
    raised_ms: Ints


def early_catches(
    lives: Lives, p: Floats, *, alerts_per_failure: float, ahead_ms: int, within_ms: int
) -> Catches | None:
    """The failures caught at the lowest threshold that raises at most `alerts_per_failure` alerts a failure.

    `p` of shape (n,) is in the order of `lives` (`p[lives.order]` of what was given). An alert is raised at the
    first decision with p ≥ threshold and stands for `within_ms`; what follows meanwhile in the same life is the same
    alert, what is still high afterwards is another one, so that crying all the time costs an alert each time. Raised
    alerts are the fewest stretches of `within_ms` that hold all high decisions, so they only grow as the threshold
    falls, and the threshold is found by halving. None when no failure could be caught.

    Decisions whose `within_ms` was not followed to its end are left out by the caller: what came of their alerts
    isn't known.
    """
    require_same_length("decisions", {"lives": len(lives.time_ms), "p": len(p)})
    if not 0 <= ahead_ms < within_ms:
        raise InvalidInput(
            f"an alert cannot come at least {ahead_ms} ms and at most {within_ms} ms before a failure",
            field="ahead_ms",
            fix="give a notice shorter than the horizon",
        )
    in_reach = _in_reach(lives, ahead_ms, within_ms)
    failures, allowed = int(in_reach.sum()), alerts_per_failure * int(in_reach.sum())
    if not failures:
        return None
    levels = np.unique(p)
    low, high = 0, len(levels)  # levels[high:] raise few enough
    while low < high:
        middle = (low + high) // 2
        if len(_alerts(lives, p >= levels[middle], within_ms).life) <= allowed:
            high = middle
        else:
            low = middle + 1
    threshold = float(levels[high]) if high < len(levels) else None
    raised = _alerts(lives, p >= threshold if threshold is not None else np.zeros(len(p), dtype=np.bool_), within_ms)
    notice = lives.ended_ms[raised.life] - raised.raised_ms
    is_true = lives.is_failed[raised.life] & (notice > 0) & (notice <= within_ms)
    caught = np.unique(raised.life[is_true & (notice >= ahead_ms) & in_reach[raised.life]])
    return Catches(
        alerts_per_failure=alerts_per_failure,
        ahead_ms=ahead_ms,
        within_ms=within_ms,
        threshold=threshold,
        alerts=len(raised.life),
        true_alerts=int(is_true.sum()),
        failures=failures,
        caught=len(caught),
        out_of_reach=int(lives.is_failed.sum()) - failures,
    )


def _in_reach(lives: Lives, ahead_ms: int, within_ms: int) -> Bools:
    """Lives that failed and had a decision at which an alert would have been in time, shape (L,)."""
    notice = lives.ended_ms[lives.life] - lives.time_ms
    is_timely = lives.is_failed[lives.life] & (notice >= ahead_ms) & (notice <= within_ms)
    found = np.zeros(len(lives), dtype=np.bool_)
    found[lives.life[is_timely]] = True
    return found


def _alerts(lives: Lives, is_high: Bools, within_ms: int) -> _Alerts:
    """The alerts that these decisions raise, one after another in each life, all lives at once."""
    at = np.flatnonzero(is_high)
    life, when = lives.life[at], lives.time_ms[at]
    # One integer that sorts as (life, moment) does, and leaves room to look `within_ms` ahead.
    origin = int(when.min()) if len(when) else 0
    size = (int(when.max()) - origin if len(when) else 0) + within_ms + 2
    key = life * size + (when - origin)
    current = np.flatnonzero(np.append(np.True_, life[1:] != life[:-1])) if len(life) else np.zeros(0, np.int64)
    raised = []
    while len(current):
        raised.append(current)
        onward = np.searchsorted(key, key[current] + within_ms, side="right")
        is_same = onward < len(life)
        is_same &= life[np.minimum(onward, len(life) - 1)] == life[current]
        current = onward[is_same]
    chosen = np.sort(np.concatenate(raised)) if raised else np.zeros(0, np.int64)
    return _Alerts(life[chosen], when[chosen])
