"""BoundedWear: what an item lost, held to what it had; no part loses more than there was."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from domain.catalogue import AtFloor, WearSpec
from models.wear_history import WearEstimate, WearHistory

FAR_TAIL = 30.0  # beyond, erfc nears underflow and the asymptotic series is as exact


@dataclass(frozen=True, slots=True)
class BoundedWear:
    """A `WearEstimate` after the bound, in the item's unit.

    `anchor` less the sum of `parts` (`worn`) is what `remains`, never below the item's floor. `level` is what dates are
    counted from: what remains, or, of an item that was used beyond its end, how far beyond (below the floor).
    `relief` is by how much the estimate was held back, and `variance` that of what remains.
    """

    anchor: float
    parts: tuple[float, ...]
    worn: float
    remains: float
    level: float
    relief: float
    variance: float


def bound_wear(history: WearHistory, estimate: WearEstimate, wear: WearSpec) -> BoundedWear:
    """Hold `estimate` to what the item had at the anchor.

    An item without which the car could not be driven (`AtFloor.UNDRIVABLE`) is above its floor, since the car drives:
    what remains is the normal posterior given that it lies above the floor, mean and variance of a truncated normal
    distribution, and a guessed anchor is raised first (at most to new). An item that merely is used up ends at the
    floor: that the car drives says nothing of it.

    What is held back is taken from what is least known: first from the wear extrapolated to distance that nobody saw,
    from each exposure in proportion, then likewise from the wear seen. Nothing grows back.
    """
    if wear.floor is None:
        return _held(history, estimate, 0.0, 0.0, estimate.variance)
    if wear.at_floor is AtFloor.USED_UP:
        held = _held(history, estimate, 0.0, max(0.0, wear.floor - estimate.remains), estimate.variance)
        return replace(held, level=estimate.remains)
    sd = _deviation_at_bound(history, estimate, history.anchor - wear.floor)
    beta = (estimate.remains - wear.floor) / sd
    hazard, gap, kept = truncated_above(beta)
    relief = sd * hazard if beta > 0 else wear.floor + sd * gap - estimate.remains
    raised = 0.0 if history.is_known else min(relief, max(0.0, wear.new - history.anchor))
    return _held(history, estimate, raised, relief - raised, sd * sd * kept)


def truncated_above(beta: float) -> tuple[float, float, float]:
    """A standard normal variable, negated, given that it stays above −`beta`: φ/Φ, φ/Φ + β and its variance.

    For X ~ N(0, 1) given X ≤ β: the mean is −h with h = φ(β)/Φ(β), and the variance 1 − h(h + β). Far in the tail,
    where both are differences of nearly equal numbers, by the asymptotic series of Mills' ratio.

    References: N. L. Johnson, S. Kotz, N. Balakrishnan, *Continuous Univariate Distributions*, vol. 1, 2nd ed., Wiley
    1994, ch. 13, sect. 10.1; M. Abramowitz, I. A. Stegun, *Handbook of Mathematical Functions*, 26.2.12.

    >>> [round(number, 4) for number in truncated_above(0.0)]
    [0.7979, 0.7979, 0.3634]
    """
    if beta < -FAR_TAIL:
        square = beta**-2
        gap = -(1.0 - 2.0 * square + 10.0 * square**2) / beta
        return gap - beta, gap, square * (1.0 - 6.0 * square + 50.0 * square**2)
    below = 0.5 * math.erfc(-beta / math.sqrt(2.0))
    hazard = math.exp(-0.5 * beta * beta) / math.sqrt(2.0 * math.pi) / below
    return hazard, hazard + beta, 1.0 - hazard * (hazard + beta)


def _deviation_at_bound(history: WearHistory, estimate: WearEstimate, room: float) -> float:
    """Standard deviation with which the estimate meets the bound.

    The error of wear is relative (rates, factor, extrapolation): its deviation s·worn grows with the estimate. Taken
    as it stands, an estimate far beyond the bound would leave the more, the further beyond it is. So it counts no
    larger than where the bound comes within one deviation, worn = room / (1 + s); more wear then never leaves more.
    """
    own = math.sqrt(max(0.0, estimate.variance - history.anchor_sd**2))
    if estimate.worn > 0:
        relative = own / estimate.worn
        own = relative * min(estimate.worn, room / (1.0 + relative))
    return max(1e-12, math.hypot(own, history.anchor_sd))


def _held(history: WearHistory, estimate: WearEstimate, raised: float, relief: float, variance: float) -> BoundedWear:
    """Raise the anchor by `raised` and take `relief` off the parts, so that anchor less parts is what remains."""
    from_unseen = min(relief, estimate.unseen_worn)
    seen_worn = max(0.0, estimate.worn - estimate.unseen_worn)
    from_seen = min(relief - from_unseen, seen_worn)
    unseen_left = 1.0 - from_unseen / estimate.unseen_worn if estimate.unseen_worn > 0 else 1.0
    seen_left = 1.0 - from_seen / seen_worn if seen_worn > 0 else 1.0
    parts = tuple(
        (part - unseen) * seen_left + unseen * unseen_left
        for part, unseen in zip(estimate.parts, estimate.unseen_parts, strict=True)
    )
    worn, anchor = sum(parts), history.anchor + raised
    remains = anchor - worn
    return BoundedWear(anchor, parts, worn, remains, remains, raised + from_unseen + from_seen, variance)
