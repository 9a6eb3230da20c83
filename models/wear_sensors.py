"""Wear sensors: what a car reads of its own parts, weighed against what its driving says.

A state holds the newest reading of each sensor. A forecast takes it as one more measurement, of now: it moves the
part's anchor and the car's own factor as a Kalman filter would. When a workshop has the car, the reading becomes a
label that teaches cars without the sensor (`models.service_fold`). A sensor that contradicts its car's driving by more
than chance allows is broken (they stick, drift and fall silent) and is not heeded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from domain.catalogue import WearSensor, WearSpec
from models.vehicle_state import DAY_MS, States
from models.wear_history import WearEstimate, WearHistory
from models.wear_items import WearItems

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

HEARD_WITHIN_DAYS = 2  # of the car's newest event: an older reading tells of a part that has worn since
MOST_SD = 3.0  # beyond so many standard deviations from what driving says, a sensor is not believed
LEAST_FACTOR = 0.05
LEAST_WORN = 1e-3  # of the item's range: with less worn nothing can be told of the car's own factor


def remember_readings(states: States, cars: Ints, values: Floats, end_ms: Ints) -> None:
    """Keep the newest reading of each sensor, whatever order uploads come in; `values`: (m, sensors), NaN for none."""
    own = states["sensed"][cars]
    at_s = np.clip(end_ms // 1000, 0, 2**32 - 1)[:, None]
    values = values.astype(np.float32)
    # Of two readings of one second the larger: which came first must not matter.
    is_newer = (at_s > own["at_s"]) | ((at_s == own["at_s"]) & (values > own["value"]))
    takes = is_newer & np.isfinite(values)
    own["at_s"] = np.where(takes, at_s, own["at_s"])
    own["value"] = np.where(takes, values, own["value"])
    states["sensed"][cars] = own


def level_of(wear: WearSpec, sensor: WearSensor, reading: Floats | float) -> Floats:
    """What is left by a reading, in the item's unit: no more than new, no less than its floor.

    >>> pads = WearSpec("mm", 12, 3, 0.3, 0.2, 0.25, {}, floor=0)
    >>> float(level_of(pads, WearSensor("worn", at_new=0, at_limit=100, sd=2), 50.0))
    7.5
    """
    share = (np.asarray(reading, dtype=np.float64) - sensor.at_new) / (sensor.at_limit - sensor.at_new)
    lowest = -np.inf if wear.floor is None else wear.floor
    return np.clip(wear.new - share * (wear.new - wear.limit), lowest, wear.new)


def level_sd(wear: WearSpec, sensor: WearSensor) -> float:
    """The standard deviation of one reading, in the item's unit."""
    return sensor.sd * abs((wear.new - wear.limit) / (sensor.at_limit - sensor.at_new))


@dataclass(frozen=True, slots=True)
class SensedLevels:
    """What sensors say is left, in the items' units, with its variance, and which say anything; shape (w, k)."""

    level: Floats
    variance: Floats
    is_read: Bools


def sensed_levels(states: States, items: WearItems, at_ms: Ints) -> SensedLevels:
    """What the sensors of `items` say of cars whose states (shape (k,)) are given, at `at_ms`, shape (k,)."""
    shape = len(items.ids), len(states)
    level, variance, is_read = np.zeros(shape), np.ones(shape), np.zeros(shape, dtype=np.bool_)
    for w, place in items.sensor_places.items():
        wear, own = items.specs[w], states["sensed"][:, place]
        if wear.sensor is None:
            continue
        read_ms = own["at_s"].astype(np.int64) * 1000
        level[w] = level_of(wear, wear.sensor, own["value"])
        variance[w] = level_sd(wear, wear.sensor) ** 2
        is_read[w] = (
            (read_ms > 0)
            & (read_ms > states["items"][items.ids[w]]["set_ms"])
            & (np.abs(at_ms - read_ms) <= HEARD_WITHIN_DAYS * DAY_MS)
        )
    return SensedLevels(level, variance, is_read)


@dataclass(frozen=True, slots=True)
class Heeded:
    """History and estimate after the sensors were heeded, and where they were, shape (w, k)."""

    history: WearHistory
    estimate: WearEstimate
    is_heeded: Bools


def heed(history: WearHistory, estimate: WearEstimate, sensed: SensedLevels, items: WearItems) -> Heeded:
    """Weigh what sensors say against what driving says.

    With remains r = a − f·m of variance P and a reading z of variance R: S = P + R, r′ = r + P/S·(z − r), P′ = P·R/S.
    The car's factor takes its part of the innovation, f′ = f − (P − var a)/(m·S)·(z − r), and the anchor the rest, so
    that a′ − f′·m is r′: reasons still add up (the Kalman filter of a state of two; R. E. Kalman, *A new approach to
    linear filtering and prediction problems*, J. Basic Eng. 82, 1960). The anchor comes to no more than new.
    """
    prior, noise = estimate.variance, sensed.variance
    summed = prior + noise
    gap = sensed.level - estimate.remains
    # At its limit a sensor's scale ends: that more is gone than it can say contradicts nothing.
    is_beyond = (sensed.level <= items.limit + np.sqrt(noise)) & (gap > 0)
    heeds = sensed.is_read & ~is_beyond & (gap * gap <= MOST_SD**2 * summed)
    if not heeds.any():
        return Heeded(history, estimate, heeds)
    remains = estimate.remains + prior / summed * gap
    anchor_variance = history.anchor_sd**2
    fleet_worn = estimate.fleet_worn
    tells_factor = fleet_worn > LEAST_WORN * (items.new - items.limit)
    worn = np.where(tells_factor, fleet_worn, 1.0)
    gain = np.where(tells_factor, np.maximum(0.0, prior - anchor_variance) / (worn * summed), 0.0)
    factor = history.factor - gain * gap
    anchor = np.clip(remains + factor * fleet_worn, remains, np.maximum(items.new, remains))
    factor = np.where(tells_factor, np.maximum(LEAST_FACTOR, (anchor - remains) / worn), history.factor)
    anchor = remains + factor * fleet_worn
    factor_variance = 1.0 / history.factor_precision
    left = factor_variance - np.where(tells_factor, (fleet_worn * factor_variance) ** 2 / summed, 0.0)
    variance = prior * noise / summed
    ratio = np.where(heeds & tells_factor, factor / history.factor, 1.0)
    after = replace(
        history,
        anchor=np.where(heeds, anchor, history.anchor),
        anchor_sd=np.where(heeds, np.minimum(history.anchor_sd, np.sqrt(variance)), history.anchor_sd),
        factor=history.factor * ratio,
        factor_precision=np.where(heeds, 1.0 / left, history.factor_precision),
    )
    parts = estimate.parts * ratio
    said = WearEstimate(
        parts=parts,
        unseen_parts=estimate.unseen_parts * ratio,
        worn=estimate.worn * ratio,
        fleet_worn=fleet_worn,
        unseen_worn=estimate.unseen_worn * ratio,
        remains=np.where(heeds, remains, estimate.remains),
        variance=np.where(heeds, variance, prior),
    )
    return Heeded(after, said, heeds)
