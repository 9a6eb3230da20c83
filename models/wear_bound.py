"""BoundedWear: what items lost, held to what they had; no part loses more than there was."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import erfc

from models.wear_history import WearEstimate, WearHistory, total
from models.wear_items import WearItems

Floats = npt.NDArray[np.float64]

FAR_TAIL = 30.0  # beyond, erfc nears underflow and the asymptotic series is as exact


@dataclass(frozen=True, slots=True)
class BoundedWear:
    """A `WearEstimate` after the bound, in the items' units; `parts` of shape (e, w, k), the rest (w, k).

    `anchor` less the sum of `parts` (`worn`) is what `remains`, never below the item's floor. `level` is what dates are
    counted from: what remains, or, of an item that was used beyond its end, how far beyond (below the floor).
    `relief` is by how much the estimate was held back, and `variance` that of what remains.
    """

    anchor: Floats
    parts: Floats
    worn: Floats
    remains: Floats
    level: Floats
    relief: Floats
    variance: Floats


def bound_wear(history: WearHistory, estimate: WearEstimate, items: WearItems) -> BoundedWear:
    """Hold `estimate` to what the items had at their anchors.

    An item without which the car could not be driven (`AtFloor.UNDRIVABLE`) is above its floor, since the car drives:
    what remains is the normal posterior given that it lies above the floor, mean and variance of a truncated normal
    distribution, and a guessed anchor is raised first (at most to new). An item that merely is used up ends at the
    floor: that the car drives says nothing of it.

    What is held back is taken from what is least known: first from the wear extrapolated to distance that nobody saw,
    from each exposure in proportion, then likewise from the wear seen. Nothing grows back.
    """
    below = np.where(items.has_floor, np.maximum(0.0, items.floor - estimate.remains), 0.0)
    raised, relief, variance = np.zeros(below.shape), below, estimate.variance
    if len(items.undrivable):
        some = items.undrivable
        raised[some], relief[some], kept = _above_floor(history, estimate, items)
        variance = variance.copy()
        variance[some] = kept
    return _held(history, estimate, items, raised, relief, variance)


def _above_floor(history: WearHistory, estimate: WearEstimate, items: WearItems) -> tuple[Floats, Floats, Floats]:
    """Of the undrivable items: by how much a guessed anchor rises and wear is held back, and the variance left."""
    some = items.undrivable
    floor, anchor, remains = items.floor[some], history.anchor[some], estimate.remains[some]
    sd = _deviation_at_bound(history.anchor_sd[some], estimate.worn[some], estimate.variance[some], anchor - floor)
    beta = (remains - floor) / sd
    hazard, gap, kept = truncated_above(beta)
    held_back = np.where(beta > 0, sd * hazard, floor + sd * gap - remains)
    could_rise = np.minimum(held_back, np.maximum(0.0, items.new[some] - anchor))
    raised = np.where(history.is_known[some], 0.0, could_rise)
    return raised, held_back - raised, sd * sd * kept


def truncated_above(beta: Floats) -> tuple[Floats, Floats, Floats]:
    """A standard normal variable, negated, given that it stays above −`beta`: φ/Φ, φ/Φ + β and its variance.

    For X ~ N(0, 1) given X ≤ β: the mean is −h with h = φ(β)/Φ(β), and the variance 1 − h(h + β). Far in the tail,
    where both are differences of nearly equal numbers, by the asymptotic series of Mills' ratio.

    References: N. L. Johnson, S. Kotz, N. Balakrishnan, *Continuous Univariate Distributions*, vol. 1, 2nd ed., Wiley
    1994, ch. 13, sect. 10.1; M. Abramowitz, I. A. Stegun, *Handbook of Mathematical Functions*, 26.2.12.

    >>> [float(number[0].round(4)) for number in truncated_above(np.array([0.0]))]
    [0.7979, 0.7979, 0.3634]
    """
    is_far = beta < -FAR_TAIL
    near, far = np.maximum(beta, -FAR_TAIL), np.minimum(beta, -FAR_TAIL)
    square = 1.0 / (far * far)
    far_gap = -(1.0 - 2.0 * square + 10.0 * square * square) / far
    below = 0.5 * erfc(-near / math.sqrt(2.0))
    # Beyond 38 the density is 0 to the last bit; held there, its exponent can't overflow.
    nearest = np.minimum(near, 40.0)
    hazard = np.exp(-0.5 * nearest * nearest) / math.sqrt(2.0 * math.pi) / below
    return (
        np.where(is_far, far_gap - far, hazard),
        np.where(is_far, far_gap, hazard + near),
        np.where(is_far, square * (1.0 - 6.0 * square + 50.0 * square * square), 1.0 - hazard * (hazard + near)),
    )


def _deviation_at_bound(anchor_sd: Floats, worn: Floats, variance: Floats, room: Floats) -> Floats:
    """Standard deviation with which an estimate meets the bound, `room` away from the anchor.

    The error of wear is relative (rates, factor, extrapolation): its deviation s·worn grows with the estimate. Taken
    as it stands, an estimate far beyond the bound would leave the more, the further beyond it is. So it counts no
    larger than where the bound comes within one deviation, worn = room / (1 + s); more wear then never leaves more.
    """
    own = np.sqrt(np.maximum(0.0, variance - anchor_sd**2))
    is_worn = worn > 0
    relative = own / np.where(is_worn, worn, 1.0)
    own = np.where(is_worn, relative * np.minimum(worn, room / (1.0 + relative)), own)
    deviation: Floats = np.maximum(1e-12, np.hypot(own, anchor_sd))
    return deviation


def _held(
    history: WearHistory, estimate: WearEstimate, items: WearItems, raised: Floats, relief: Floats, variance: Floats
) -> BoundedWear:
    """Raise the anchor by `raised` and take `relief` off the parts, so that anchor less parts is what remains."""
    from_unseen = np.minimum(relief, estimate.unseen_worn)
    seen_worn = np.maximum(0.0, estimate.worn - estimate.unseen_worn)
    from_seen = np.minimum(relief - from_unseen, seen_worn)
    unseen_left = 1.0 - from_unseen / np.where(estimate.unseen_worn > 0, estimate.unseen_worn, 1.0)
    seen_left = 1.0 - from_seen / np.where(seen_worn > 0, seen_worn, 1.0)
    parts = (estimate.parts - estimate.unseen_parts) * seen_left + estimate.unseen_parts * unseen_left
    worn, anchor = total(parts), history.anchor + raised
    remains = anchor - worn
    level = np.where(items.has_floor & ~items.is_undrivable, estimate.remains, remains)
    return BoundedWear(anchor, parts, worn, remains, level, raised + from_unseen + from_seen, variance)
