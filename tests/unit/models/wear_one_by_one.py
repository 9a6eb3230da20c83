"""Wear as in the formulas, one item of one car at a time in plain loops: what the blocks are held to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from domain.catalogue import ELAPSED_DAYS, AtFloor, Catalogue
from models.fleet_model import FleetModel
from models.usage import Usage
from models.vehicle_state import DAY_MS, UNKNOWN


@dataclass
class Wear:
    """The numbers of one item; `days` are earliest, expected and latest, None where none can be said."""

    parts: list[float]
    reckoned: list[float]
    anchor: float
    remains: float
    per_day: float
    days: list[float | None]


def wear_one_by_one(state: Any, catalogue: Catalogue, item: str, model: FleetModel, usage: Usage, car: int) -> Wear:
    """The forecast for the car at row `car` of `usage`."""
    wear = catalogue.items[item].wear
    assert wear is not None and model.wear is not None
    own = state["items"][item]
    is_known = int(own["set_ms"]) != UNKNOWN
    since_ms = int(own["set_ms"] if is_known else state["first_ms"])
    since_m = int(own["odometer_m"] if is_known else state["first_odometer_m"])
    pace = float(usage.km_per_day[car])
    seen, unseen, per_day, k = [], [], [], 0
    for name in wear.rates:
        if catalogue.exposures[name].function == ELAPSED_DAYS:
            seen.append(max(0.0, (int(state["last_ms"]) - since_ms) / DAY_MS))
            unseen.append(0.0)
            per_day.append(1.0)
            continue
        column = catalogue.summed_exposures.index(name)
        seen_km = max(0.0, float(state["exposure_m"][column]) - float(own["exposure_m"][k])) / 1000
        if since_m != UNKNOWN and int(state["odometer_m"]) != UNKNOWN:
            km = max(0.0, (int(state["odometer_m"]) - since_m) / 1000)
        else:
            km = seen_km + max(0, int(state["first_ms"]) - since_ms) / DAY_MS * pace
        seen.append(max(0.0, float(state["exposure"][column]) - float(own["exposure"][k])))
        unseen.append(max(0.0, km - seen_km) * float(usage.usual_per_km[column, car]))
        per_day.append(float(usage.per_day[column, car]))
        k += 1
    anchor = float(own["anchor"]) if wear.floor is None else max(wear.floor, float(own["anchor"]))
    anchor_sd, f, precision = float(own["anchor_sd"]), float(own["factor"]), float(own["factor_precision"])
    rates, covariance = model.wear.coefficients, model.wear.covariance
    unseen_parts = [f * rate * x for rate, x in zip(rates, unseen, strict=True)]
    begins = 1.0  # 0 where a sensor tells where the days ahead begin

    def estimate(days: float) -> tuple[list[float], float]:
        x = [begins * (s + u) + days * d for s, u, d in zip(seen, unseen, per_day, strict=True)]
        parts = [f * rate * amount for rate, amount in zip(rates, x, strict=True)]
        spread = sum(x[i] * x[j] * covariance[i][j] for i in range(len(x)) for j in range(len(x)))
        variance = anchor_sd**2 + (sum(parts) / f) ** 2 / precision + f * f * spread
        return parts, variance + (wear.unseen_sd * begins * sum(unseen_parts)) ** 2

    reckoned, variance = estimate(0.0)
    read = reading(state, catalogue, item)
    if read is not None:
        level, noise = read
        gap, total = level - (anchor - sum(reckoned)), variance + noise
        is_off_scale = gap > 0 and level <= wear.limit + math.sqrt(noise)
        if not is_off_scale and gap**2 <= 9 * total:
            remains, usual = anchor - sum(reckoned) + variance / total * gap, sum(reckoned) / f
            if usual > 1e-3 * (wear.new - wear.limit):
                own_share = max(0.0, variance - anchor_sd**2) / (usual * total)
                anchor = min(max(remains + (f - own_share * gap) * usual, remains), max(wear.new, remains))
                precision = 1 / (1 / precision - (usual / precision) ** 2 / total)
                ratio = max(0.05, (anchor - remains) / usual) / f
                f, reckoned = f * ratio, [ratio * part for part in reckoned]
                unseen_parts = [ratio * part for part in unseen_parts]
            anchor, variance = remains + f * usual, variance * noise / total
            anchor_sd, begins = min(anchor_sd, math.sqrt(variance)), 0.0
    begun = variance if begins else estimate(0.0)[1]
    worn, unseen_worn, free = sum(reckoned), sum(unseen_parts), anchor - sum(reckoned)
    raised = relief = 0.0
    bounded_variance = variance
    if wear.floor is not None and wear.at_floor is AtFloor.USED_UP:
        relief = max(0.0, wear.floor - free)
    elif wear.floor is not None:
        spread = math.sqrt(max(0.0, variance - anchor_sd**2))
        if worn > 0:
            spread = spread / worn * min(worn, (anchor - wear.floor) / (1 + spread / worn))
        sd = max(1e-12, math.hypot(spread, anchor_sd))
        beta = (free - wear.floor) / sd
        if beta < -30:
            gap = -(1 - 2 / beta**2 + 10 / beta**4) / beta
            hazard, kept = gap - beta, (1 - 6 / beta**2 + 50 / beta**4) / beta**2
        else:
            hazard = math.exp(-0.5 * beta**2) / math.sqrt(2 * math.pi) / (0.5 * math.erfc(-beta / math.sqrt(2)))
            gap, kept = hazard + beta, 1 - hazard * (hazard + beta)
        relief = sd * hazard if beta > 0 else wear.floor + sd * gap - free
        raised = 0.0 if is_known else min(relief, max(0.0, wear.new - anchor))
        relief, bounded_variance = relief - raised, sd * sd * kept
    from_unseen = min(relief, unseen_worn)
    seen_worn = max(0.0, worn - unseen_worn)
    from_seen = min(relief - from_unseen, seen_worn)
    unseen_left = 1 - from_unseen / unseen_worn if unseen_worn > 0 else 1.0
    seen_left = 1 - from_seen / seen_worn if seen_worn > 0 else 1.0
    parts = [(p - u) * seen_left + u * unseen_left for p, u in zip(reckoned, unseen_parts, strict=True)]
    remains = anchor + raised - sum(parts)
    level = free if wear.floor is not None and wear.at_floor is AtFloor.USED_UP else remains
    cost = sum(f * rate * d for rate, d in zip(rates, per_day, strict=True))
    days: list[float | None] = [None, None, None]
    if cost > 1e-9 * (wear.new - wear.limit):
        left = max(0.0, (level - wear.limit) / cost)
        reach = min(left, 4 * wear.say_until_days)
        ahead = max(0.0, estimate(reach)[1] - begun)
        width, below = model.windows.width, level - wear.limit
        spread = float(usage.km_spread[car]) ** 2 + ahead / max(1e-12, reach * cost) ** 2
        share = 1 - min(width**2 * spread, 0.85)
        apart = math.sqrt(below**2 * (1 - share) + share * width**2 * bounded_variance)
        soonest, latest = (below - apart) / share / cost, (below + apart) / share / cost
        ends = (min(max(0.0, soonest), left), left, max(left, latest))
        days = [day if day <= wear.say_until_days else None for day in ends]
    elif is_known and anchor <= wear.limit:
        days = [0.0, 0.0, 0.0]
    return Wear(parts, reckoned, anchor + raised, remains, cost, days)


def reading(state: Any, catalogue: Catalogue, item: str) -> tuple[float, float] | None:
    """What the car's sensor says is left, and the variance of that; None where it says nothing of today."""
    wear = catalogue.items[item].wear
    if wear is None or wear.sensor is None:
        return None
    at_s, value = state["sensed"][list(catalogue.sensed).index(item)].tolist()
    apart_ms = abs(int(state["last_ms"]) - at_s * 1000)
    if not at_s or at_s * 1000 <= int(state["items"][item]["set_ms"]) or apart_ms > 2 * DAY_MS:
        return None
    per_step = (wear.new - wear.limit) / (wear.sensor.at_limit - wear.sensor.at_new)
    level = wear.new - (value - wear.sensor.at_new) * per_step
    floor = -math.inf if wear.floor is None else wear.floor
    return min(max(level, floor), wear.new), (wear.sensor.sd * per_step) ** 2
