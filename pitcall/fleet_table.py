"""The fleet's figures beside their goals, over all seeds: lines for people, objects for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from pitcall.backtest_report import plain
from pitcall.fleet_evaluation import BY_PEER, LEARNT, FleetFigures, HazardTruth
from pitcall.fleet_judge import NeedTruth, WearTruth

RATIO_GOAL, COVERAGE_GOAL = 0.35, (0.88, 0.92)
TOO_LONG = frozenset({"traction_battery"})  # next to none is installed and used up within the years of a fleet
SHORT_GOAL, EARLY_GOAL, ECE_GOAL = 0.01, 0.03, 0.02


def fleet_result(figures: Sequence[FleetFigures], reports: Sequence[str]) -> dict[str, Any]:
    """One object: goals by item over the seeds (means), and every figure of each seed."""
    wear = {item: [one.wear[item] for one in figures] for item in figures[0].wear}
    needs = {item: [one.needs[item] for one in figures] for item in figures[0].needs}
    hazards = {item: [one.hazards[item] for one in figures] for item in figures[0].hazards}
    return {
        "name": "fleet",
        "seeds": [one.seed for one in figures],
        "wear": {item: _wear(own, needs[item]) for item, own in wear.items()},
        "hazards": {item: _hazard(item, own, hazards) for item, own in hazards.items() if not item.endswith(BY_PEER)},
        "cost_per_car_and_year": _costs(figures),
        "by_seed": {
            str(one.seed): plain(
                {
                    "wear": {item: asdict(own) for item, own in one.wear.items()},
                    "needs": {item: asdict(own) for item, own in one.needs.items()},
                    "costs": {item: asdict(own) for item, own in one.costs.items()},
                    "hazards": {item: asdict(own) for item, own in one.hazards.items()},
                }
            )
            for one in figures
        },
        "reports": list(reports),
    }


def _wear(wear: Sequence[WearTruth], needs: Sequence[NeedTruth]) -> dict[str, Any]:
    ratio = _mean([one.ratio for one in wear])
    coverage = _mean([one.coverage for one in wear])
    halves = [half for one in wear for half in one.half_years]
    peers = [one.peer_days for one in wear if one.peer_days is not None]
    short = sum(one.short for one in needs) / max(1, sum(one.reached for one in needs))
    early = sum(one.early for one in needs) / max(1, sum(one.raised for one in needs))
    low, high = COVERAGE_GOAL
    return {
        "error_days": _mean([one.error_days for one in wear]),
        "schedule_days": _mean([one.schedule_days for one in wear]),
        "foresight_days": _mean([one.foresight_days for one in wear]),
        "ratio": ratio,
        "ratio_reached": ratio is not None and ratio <= RATIO_GOAL,
        "beside_lightgbm": [_mean([ours for ours, _ in peers]), _mean([theirs for _, theirs in peers])]
        if peers
        else None,
        "coverage": coverage,
        "coverage_reached": coverage is not None and low <= coverage <= high,
        "half_years": [min(halves), max(halves)] if halves else None,
        "half_years_reached": bool(halves) and all(low <= half <= high for half in halves),
        "width_days": _mean([one.width_days for one in wear]),
        "short_notice": short,
        "short_notice_reached": short <= SHORT_GOAL,
        "early": early,
        "early_reached": early <= EARLY_GOAL,
        "limits_reached": sum(one.reached for one in needs),
        "needs_raised": sum(one.raised for one in needs),
    }


def _hazard(item: str, own: Sequence[HazardTruth], all_of: Mapping[str, Sequence[HazardTruth]]) -> dict[str, Any]:
    peer = all_of.get(item.removesuffix(LEARNT) + BY_PEER) if item.endswith(LEARNT) else None
    ece = _mean([one.calibration_error for one in own])
    said: dict[str, Any] = {
        "failures": sum(one.failures for one in own),
        "base_rate": _mean([one.base_rate for one in own]),
        "average_precision": _mean([one.average_precision for one in own]),
        "caught": sum(one.caught for one in own),
        "catchable": sum(one.catchable for one in own),
        "calibration_error": ece,
        "calibration_reached": ece is not None and ece <= ECE_GOAL,
    }
    if peer is not None:
        theirs = _mean([one.average_precision for one in peer])
        said["lightgbm"] = {"average_precision": theirs, "caught": sum(one.caught for one in peer)}
        said["average_precision_reached"] = (said["average_precision"] or 0.0) >= (theirs or 0.0)
        said["caught_reached"] = said["caught"] >= said["lightgbm"]["caught"]
    return said


def _costs(figures: Sequence[FleetFigures]) -> dict[str, float | None]:
    """Of all items that wear within years together, in the catalogue's currency, by policy (`pitcall.fleet_costs`)."""
    of_items = [[cost for item, cost in one.costs.items() if item not in TOO_LONG] for one in figures]
    return {
        policy: _mean([sum(getattr(cost, policy) or 0.0 for cost in costs) for costs in of_items])
        for policy in ("ours", "workshops", "never", "schedule", "truth")
    }


def fleet_table(result: Mapping[str, Any]) -> str:
    """The result for people."""
    lines = [f"fleet, seeds {', '.join(map(str, result['seeds']))}", ""]
    lines.append(
        "  wear: mean error of the due date in days, beside a fixed schedule (goal 0.35 of it), somebody who knows the "
        "present exactly, and LightGBM (goal 1.0)"
    )
    for item, own in result["wear"].items():
        peer = own["beside_lightgbm"]
        beside = f"LightGBM {_n(peer[1])} where ours {_n(peer[0])}" if peer else "LightGBM not run (--peers)"
        lines.append(
            f"    {item:<28} {_n(own['error_days']):>6}  schedule {_n(own['schedule_days']):>6}  "
            f"ratio {_n(own['ratio'], 2)} {_verdict(own['ratio_reached'])}  "
            f"knowing the present {_n(own['foresight_days']):>4}  {beside}"
        )
    lines.append(
        "  the stated 90 % windows: share that held (goal 88 to 92 %, in each half-year too), and mean width in days"
    )
    for item, own in result["wear"].items():
        halves = own["half_years"] or [None, None]
        lines.append(
            f"    {item:<28} {_p(own['coverage'])} {_verdict(own['coverage_reached'])}  half-years {_p(halves[0])} to "
            f"{_p(halves[1])} {_verdict(own['half_years_reached'])}  {_n(own['width_days'])} days wide"
        )
    lines.append(
        "  needs: limits reached with under 14 days' notice (goal 1 %), raised and not due within 90 days (goal 3 %)"
    )
    for item, own in result["wear"].items():
        short = f"{_p(own['short_notice'])} of {own['limits_reached']} {_verdict(own['short_notice_reached'])}"
        early = f"{_p(own['early'])} of {own['needs_raised']} {_verdict(own['early_reached'])}"
        lines.append(f"    {item:<28} {short}  {early}")
    lines.append(
        "  hazards, within 30 days: average precision, caught 14 days ahead at two alerts a failure, calibration error"
    )
    lines += [_hazard_line(item, own) for item, own in result["hazards"].items()]
    cost = result["cost_per_car_and_year"]
    lines.append(
        f"  cost of the wear items per car and year: ours {_n(cost['ours'])}, the workshops alone "
        f"{_n(cost['workshops'])}, never acting {_n(cost['never'])}, the best fixed schedule in hindsight "
        f"{_n(cost['schedule'])}, knowing the truth {_n(cost['truth'])}"
    )
    return "\n".join([*lines, *(f"  {report}" for report in result["reports"])])


def _hazard_line(item: str, own: Mapping[str, Any]) -> str:
    line = (
        f"    {item:<46} {_n(own['average_precision'], 3)} (base {_n(own['base_rate'], 4)})  "
        f"caught {own['caught']} of {own['catchable']}  "
        f"{_n(own['calibration_error'], 4)} {_verdict(own['calibration_reached'])}"
    )
    peer = own.get("lightgbm")
    if peer is None:
        return line
    verdicts = f"{_verdict(own['average_precision_reached'])}, {_verdict(own['caught_reached'])}"
    return f"{line}  LightGBM {_n(peer['average_precision'], 3)} and {peer['caught']} ({verdicts})"


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None and np.isfinite(value)]
    return float(np.mean(known)) if known else None


def _verdict(is_reached: bool) -> str:
    return "reached" if is_reached else "not reached"


def _n(value: float | None, digits: int = 0) -> str:
    return "unknown" if value is None else f"{value:,.{digits}f}"


def _p(value: float | None) -> str:
    return "unknown" if value is None else f"{100 * value:.1f} %"
