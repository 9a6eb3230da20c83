"""What a workshop may have measured: the catalogue's unit, and a value that the item can show."""

from __future__ import annotations

from domain.catalogue import Catalogue, ItemSpec
from domain.errors import InvalidInput
from domain.people import Vehicle

MOST_MEASURED = 1000.0
LATEST_ODOMETER_M = 4_000_000_000  # uint32 metres


def item_of(catalogue: Catalogue, vehicle: Vehicle, item: str, where: str) -> ItemSpec:
    """The item as the catalogue has it; InvalidInput for one that it or a car of this power train has not."""
    own = catalogue.items_of(vehicle.attributes.powertrain)
    if item in own:
        return catalogue.items[item]
    what = f"a car of power train {vehicle.attributes.powertrain} has no" if item in catalogue.items else "there is no"
    raise InvalidInput(f"{what} item {item!r}", field=f"{where}.item", fix="one of " + ", ".join(own))


def check_measurement(item: ItemSpec, value: float, unit: str, where: str) -> None:
    """InvalidInput for a measurement in another unit than the catalogue's, or outside what the item can show."""
    wear, hazard = item.wear, item.hazard
    expected = wear.unit if wear else hazard.unit if hazard else unit
    if unit != expected:
        raise InvalidInput(
            f"{item.text().name} is measured in {expected}, not {unit!r}", field=f"{where}.unit", fix=f"use {expected}"
        )
    highest = 1.25 * max(wear.new, wear.limit) if wear else MOST_MEASURED
    if not 0 <= value <= highest:  # also refuses NaN
        raise InvalidInput(
            f"{value:g} {unit} cannot be", field=f"{where}.value", fix=f"give 0 to {highest:g} {unit}; measure again"
        )
