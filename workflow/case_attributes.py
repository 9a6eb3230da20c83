"""What a case says of its vehicles: as numbers for what is learnt, and as what the fold must know of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.iso_time import moment_ms
from domain.telemetry import GREATEST_MASS_KG, LEAST_MASS_KG, POWERTRAINS, VehicleAttributes

Floats = npt.NDArray[np.float64]

BUILT = ("built", "built_date", "built_year", "built_ms")
_FIRST_YEAR, _LAST_YEAR = 1900, 2100


def attribute_numbers(attributes: Mapping[str, Any], count: int) -> tuple[list[str], Floats]:
    """Attributes as numbers, shape (vehicles, names): of texts the place among the sorted ones, NaN where none."""
    columns = []
    for values in attributes.values():
        if isinstance(values, np.ndarray) and values.dtype.kind == "f":
            columns.append(values.astype(np.float64))
        else:
            texts = [str(value) for value in values]
            places = {text: float(place) for place, text in enumerate(sorted({text for text in texts if text}))}
            columns.append(np.array([places.get(text, np.nan) for text in texts]))
    return list(attributes), np.stack(columns, axis=1) if columns else np.empty((count, 0))


def vehicle_attributes(attributes: Mapping[str, Any], count: int) -> list[VehicleAttributes]:
    """What the fold must know of each vehicle, from attributes of the names it knows; the usual where none is told.

    `powertrain` and `mass_kg` are as cars upload them. When one was built is told by `built` or `built_date` (a date,
    `2019-05` or a year), `built_year`, or `built_ms` (ms since 1970); what can't be read is not known.
    """
    usual = VehicleAttributes()
    powertrains, masses = attributes.get("powertrain", ()), attributes.get("mass_kg", ())
    built = next((attributes[name] for name in BUILT if name in attributes), ())
    found = []
    for place in range(count):
        powertrain = str(powertrains[place]) if len(powertrains) else ""
        mass_kg = _number(masses[place]) if len(masses) else np.nan
        found.append(
            VehicleAttributes(
                powertrain if powertrain in POWERTRAINS else usual.powertrain,
                mass_kg if LEAST_MASS_KG <= mass_kg <= GREATEST_MASS_KG else usual.mass_kg,
                _built_ms(built[place]) if len(built) else 0,
            )
        )
    return found


def _number(value: Any) -> float:
    try:
        return float(value)
    except ValueError:
        return np.nan


def _built_ms(value: Any) -> int:
    """0 where it can't be read."""
    number = _number(value)
    if _FIRST_YEAR <= number < _LAST_YEAR and number.is_integer():
        value = f"{int(number)}-01-01"
    elif np.isfinite(number):
        # Smaller numbers are ages, or ranks among machines: no date.
        return int(number) if number >= 1e10 else 0
    text = str(value).strip()
    try:
        return moment_ms(f"{text}-01" if len(text) == len("2019-05") else text)
    except ValueError:
        return 0
