"""Regimes: the conditions under which machines work, found from the fleet's first rows, and what is usual in each.

A signal of a machine that changes its regime from row to row says little until it is compared with what is usual in
that regime. Where settings vary smoothly, or not at all, there are no regimes, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MOST_REGIMES = 12
EXPLAINED = 0.9  # of the settings' variance, or there are no regimes
APART = 6.0  # times the spread within regimes that any two lie apart; cuts through what varies smoothly lie 3.5 apart
STARTS, SWEEPS = 8, 50
LEAST_ROWS = 20  # of a regime, before its own mean and spread are believed
SEED = 7


class Regimes:
    """k regimes by the centres of the settings, and each signal's mean and spread in each of them.

    `centre` (k, settings) in units of `scale` (settings,); `mean`, `spread` (k, signals), 0 where settings stand.
    """

    def __init__(self, is_setting: Bools, centre: Floats, scale: Floats, mean: Floats, spread: Floats) -> None:
        self.is_setting, self.centre, self.scale, self.mean, self.spread = is_setting, centre, scale, mean, spread

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.centre)

    def of(self, values: Floats) -> Ints:
        """The regime of each row (n, signals), −1 where a setting is not known."""
        settings = values[:, self.is_setting] / self.scale
        apart = ((settings[:, None, :] - self.centre[None]) ** 2).sum(axis=-1)
        is_known = np.isfinite(apart).all(axis=1)
        return np.where(is_known, np.nan_to_num(apart).argmin(axis=1), -1)

    def compared(self, values: Floats) -> Floats:
        """Signals as deviations from what is usual in the row's regime, in units of the spread there.

        Settings stay as they are; a signal is NaN where the regime is not known.
        """
        regime = self.of(values)
        known = np.maximum(regime, 0)
        spread = np.where(self.spread[known] > 0, self.spread[known], 1.0)
        deviation = np.where((regime >= 0)[:, None], (values - self.mean[known]) / spread, np.nan)
        return np.where(self.is_setting, values, deviation)


def find_regimes(values: Floats, is_setting: Sequence[bool]) -> Regimes | None:
    """The regimes of rows (n, signals), or None where settings don't fall into any.

    k-means on the settings that vary, each in units of its spread: as many regimes as there can be that lie well apart
    and explain nine tenths of the variance.
    """
    flags: Bools = np.array(is_setting, dtype=np.bool_)
    settings = values[:, flags]
    rows = np.isfinite(settings).all(axis=1)
    settings = settings[rows]
    scale = settings.std(axis=0) if len(settings) else np.zeros(0)
    varies = scale > 1e-9 * np.maximum(1.0, np.abs(settings).max(axis=0, initial=0.0))
    if not varies.any() or len(settings) < 2 * LEAST_ROWS:
        return None
    flags = flags.copy()
    flags[np.flatnonzero(flags)[~varies]] = False
    points = settings[:, varies] / scale[varies]
    centre = _centres(points)
    if centre is None:
        return None
    regimes = Regimes(flags, centre, scale[varies], *(np.zeros((len(centre), values.shape[1])) for _ in range(2)))
    _learn_usual(regimes, values[rows])
    return regimes


def _centres(points: Floats) -> Floats | None:
    rng = np.random.default_rng(SEED)
    whole = float(((points - points.mean(axis=0)) ** 2).sum())
    taken = None
    for k in range(2, MOST_REGIMES + 1):
        centre, left = min((_k_means(points, k, rng) for _ in range(STARTS)), key=lambda one: one[1])
        within = (left / len(points)) ** 0.5
        between = np.sqrt(((centre[:, None] - centre[None]) ** 2).sum(axis=-1))
        nearest = float(between[~np.eye(k, dtype=np.bool_)].min())
        if nearest >= APART * within and left <= (1.0 - EXPLAINED) * whole:
            taken = centre
    return taken


def _k_means(points: Floats, k: int, rng: np.random.Generator) -> tuple[Floats, float]:
    """Lloyd's algorithm from k-means++ seeds (D. Arthur, S. Vassilvitskii, 2007); centres and what is unexplained."""
    centre = points[rng.integers(len(points), size=1)]
    for _ in range(k - 1):
        nearest = ((points[:, None] - centre[None]) ** 2).sum(axis=-1).min(axis=1)
        total = float(nearest.sum())
        chosen = rng.choice(len(points), p=nearest / total) if total > 0 else rng.integers(len(points))
        centre = np.concatenate([centre, points[chosen][None]])
    for _ in range(SWEEPS):
        own = ((points[:, None] - centre[None]) ** 2).sum(axis=-1).argmin(axis=1)
        moved = np.stack([points[own == n].mean(axis=0) if (own == n).any() else centre[n] for n in range(k)])
        if np.array_equal(moved, centre):
            break
        centre = moved
    return centre, float(((points[:, None] - centre[None]) ** 2).sum(axis=-1).min(axis=1).sum())


def _learn_usual(regimes: Regimes, values: Floats) -> None:
    """Mean and spread of each signal per regime; of the whole where a regime has too few rows of it."""
    own = regimes.of(values)
    for n in range(regimes.count):
        mine, known = values[own == n], np.isfinite(values[own == n])
        for column, enough in enumerate((known.sum(axis=0) >= LEAST_ROWS).tolist()):
            source = mine[known[:, column], column] if enough else values[np.isfinite(values[:, column]), column]
            regimes.mean[n, column] = source.mean() if len(source) else 0.0
            spread = float(source.std()) if len(source) else 0.0
            # What only rounding moves is constant.
            is_constant = spread <= 1e-6 * max(1.0, abs(regimes.mean[n, column]))
            regimes.spread[n, column] = 0.0 if is_constant else spread
