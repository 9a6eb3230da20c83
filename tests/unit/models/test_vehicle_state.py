"""The state of a car: one fixed record, small, and refused when it is another catalogue's."""

from __future__ import annotations

import numpy as np
import pytest

from adapters.catalogue_file import load_catalogue
from domain.catalogue import Catalogue
from domain.errors import InvalidInput
from domain.telemetry import VehicleAttributes
from models.vehicle_state import StateLayout
from tests.unit.models.conftest import CATALOGUE


def test_a_state_of_ten_items_fits_in_2048_bytes() -> None:
    layout = StateLayout(load_catalogue(CATALOGUE.with_name("ten_items.yaml")))
    assert layout.size == layout.dtype.itemsize <= 2048


def test_a_state_of_the_whole_car_stays_near_it(layout: StateLayout) -> None:
    assert layout.size <= 2_750


def test_bytes_come_back_bit_for_bit(catalogue: Catalogue, layout: StateLayout) -> None:
    state = layout.empty(catalogue, VehicleAttributes(built_ms=7))
    state["exposure"] = np.arange(len(catalogue.summed_exposures)) / 3
    again = layout.from_bytes(layout.to_bytes(state))
    assert again.tobytes() == state.tobytes() and int(again["built_ms"]) == 7


def test_what_is_read_back_can_be_worked_on_without_touching_the_stored_bytes(
    catalogue: Catalogue, layout: StateLayout
) -> None:
    stored = layout.to_bytes(layout.empty(catalogue, VehicleAttributes()))
    kept = bytes(stored)
    again = layout.from_bytes(stored)
    again["odometer_m"] = 5
    assert stored == kept and int(again["odometer_m"]) == 5


def test_a_state_of_another_length_or_catalogue_is_refused(catalogue: Catalogue, layout: StateLayout) -> None:
    data = layout.to_bytes(layout.empty(catalogue, VehicleAttributes()))
    with pytest.raises(InvalidInput, match="bytes"):
        layout.from_bytes(data[:-1])
    with pytest.raises(InvalidInput, match="another catalogue"):
        layout.from_bytes(b"\xff" * 4 + data[4:])


def test_offsets_are_kept_per_topic(catalogue: Catalogue, layout: StateLayout) -> None:
    state = layout.empty(catalogue, VehicleAttributes())
    assert layout.offset(state, "service-records") == -1
    layout.set_offset(state, "service-records", 12)
    assert layout.offset(state, "service-records") == 12 and layout.offset(state, "telemetry-uploads") == -1
