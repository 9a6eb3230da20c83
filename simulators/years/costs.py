"""What it costs to act, to act too early, and to act too late, per item, for the cost curve. Euros, all (M).

Parts and labour are the middles of what the product's own catalogue hints at where it does; a tow is what a club
charges who is no member; a failure on the road adds the tow and what breaks with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulators.years.powertrain import (
    BATTERY,
    CHECK,
    COOLANT,
    FILTER,
    FLUID,
    FRONT_PADS,
    INSPECTION,
    ITEMS,
    LEAK,
    OIL,
    PARTICULATE,
    PLUGS,
    REAR_PADS,
    TRACTION,
    TYRES,
)

VISIT = 60.0  # half a working day lost and the way there and back (M)
TOW = 220.0


@dataclass(frozen=True, slots=True)
class EventCost:
    """`work` is parts and labour, `on_road` what comes on top of it when the item fails or passes its limit unseen."""

    work: float
    on_road: float
    visit: float = VISIT

    def given_away(self, unused_share: float) -> float:
        """What the life is worth that a part still had when it was replaced; `unused_share` from 0 to 1."""
        if not 0.0 <= unused_share <= 1.0:
            raise ValueError(f"unused_share is between 0 and 1, not {unused_share}")
        return self.work * unused_share


_COSTS = {
    FRONT_PADS: EventCost(250.0, 300.0),  # worn to the metal they take the discs with them
    REAR_PADS: EventCost(220.0, 280.0),
    OIL: EventCost(160.0, 250.0),  # as a share of an engine's life
    TYRES: EventCost(520.0, 150.0),  # fine, longer ways to stop
    FILTER: EventCost(45.0, 10.0),
    PLUGS: EventCost(140.0, TOW + 400.0),  # a catalyst that unburnt fuel overheats
    TRACTION: EventCost(8_000.0, 600.0),
    LEAK: EventCost(35.0, TOW + 120.0),
    BATTERY: EventCost(190.0, TOW + 80.0),
    COOLANT: EventCost(260.0, TOW + 1_800.0),  # a cylinder head
    PARTICULATE: EventCost(300.0, TOW + 1_400.0),  # a new filter costs over £1,000 (auto400.co.uk)
    FLUID: EventCost(95.0, 60.0),
    CHECK: EventCost(120.0, 40.0),
    INSPECTION: EventCost(130.0, 60.0),
}


def event_cost(item: str) -> EventCost:
    """What an event of this item costs. Raises ValueError for one that the fleet does not know."""
    if item not in _COSTS:
        raise ValueError(f"item {item!r} is none of {', '.join(ITEMS)}")
    return _COSTS[item]
