"""From an item of a catalogue to its NeedRule: costs, the dealers' lead, and how slowly a need closes."""

from __future__ import annotations

from dataclasses import replace

from domain.call import ORDINARY_COST, ItemCost, carried
from domain.field_reader import FieldReader, Fields
from domain.iso_time import DAY_MS
from domain.need import NeedRule
from domain.short_item import ItemParts

LEAD_DAYS = 28.0  # owners are reminded about four weeks ahead
_USUAL = NeedRule()


def read_need_rule(
    reader: FieldReader, parts: ItemParts, cost: ItemCost | None, item: Fields, *, is_brief: bool
) -> NeedRule:
    """When an item speaks and falls silent; a short item may leave all of it out."""
    if cost is not None and parts.calendar is not None:
        cost = replace(cost, life_days=parts.calendar.interval_days)
    horizon, longest, action = _action(parts)
    is_hazard = horizon > 0
    with reader.fields(item.get("need", {}), item.at("need")) as at:
        closes_below = at.number("close_probability", action / 2, low=0.0, high=1.0) if is_hazard else 1.0
        if is_hazard and closes_below >= action:
            reader.wrong(at.at("close_probability"), f"must be below {action:.3g}, where it opens, or it would flicker")
        # Joining, too, leaves room to where it closes, however cheap the work is beside the visit.
        joins_at = action if cost is None or not is_hazard else carried(cost.shared_risk, longest, horizon)
        return NeedRule(
            cost=cost or ORDINARY_COST,
            lead_days=item.number("action_lead_days", LEAD_DAYS if is_brief else None, low=0.0),
            join_within_days=at.number("join_within_days", _USUAL.join_within_days, low=0.0),
            hold_days=_USUAL.hold_days if is_hazard else at.number("hold_days", _USUAL.hold_days, low=1.0),
            horizon_days=max(1, round(horizon)) if is_hazard else _USUAL.horizon_days,
            action_probability=action,
            join_probability=max(joins_at, (action + closes_below) / 2) if is_hazard else 1.0,
            close_probability=closes_below,
            closes_after=at.whole("closes_after", 3, low=1),
            closes_after_days=at.number("closes_after_days", 3.0, low=0.0),
            urgent_within_days=at.number("urgent_within_days", 7.0, low=0.0),
            soon_within_days=at.number("soon_within_days", 21.0, low=0.0),
        )


def _action(parts: ItemParts) -> tuple[float, float, float]:
    """Days of the horizon that is decided on and of the longest, and the level there; zeros of what is no hazard."""
    if parts.hazard is not None:
        hazard = parts.hazard
        return float(hazard.decide_on_days), float(max(hazard.horizons_days)), hazard.action_probability
    if parts.risk is not None:
        horizons_ms = parts.risk.horizons_ms
        return horizons_ms[0] / DAY_MS, horizons_ms[-1] / DAY_MS, parts.risk.action_probability
    return 0.0, 0.0, 1.0
