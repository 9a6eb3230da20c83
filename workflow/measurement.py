"""What a workshop may have measured: the catalogue's unit, and a value that the item can show."""

from __future__ import annotations

from domain.catalogue import ItemSpec
from domain.errors import InvalidInput

MOST_MEASURED = 1000.0
LATEST_ODOMETER_M = 4_000_000_000  # uint32 metres


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
