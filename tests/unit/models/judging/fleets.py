"""Small random fleets for hypothesis, with times on a coarse grid so that moments often coincide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from domain.service_record import ServiceOutcome
from models.judging.services import ItemServices

UNTIL = 40
Service = tuple[int, int, ServiceOutcome]


@dataclass(frozen=True)
class Fleet:
    """Services as a list and as columns, and decisions (vehicle, time)."""

    listed: list[Service]
    decided: list[tuple[int, int]]

    @property
    def services(self) -> ItemServices:
        columns = list(zip(*self.listed, strict=True)) or [(), (), ()]
        return ItemServices.of(*columns)  # type: ignore[arg-type]

    @property
    def vehicle(self) -> np.ndarray:
        return np.array([vehicle for vehicle, _ in self.decided], dtype=np.int64)

    @property
    def time_ms(self) -> np.ndarray:
        return np.array([time for _, time in self.decided], dtype=np.int64)

    def of(self, vehicle: int, *outcomes: ServiceOutcome) -> list[int]:
        """When a vehicle had one of these outcomes, sorted."""
        return sorted(time for whose, time, outcome in self.listed if whose == vehicle and outcome in outcomes)


service = st.tuples(st.integers(0, 3), st.integers(0, UNTIL), st.sampled_from(list(ServiceOutcome)))
decision = st.tuples(st.integers(0, 4), st.integers(0, UNTIL))
fleets = st.builds(Fleet, st.lists(service, max_size=12), st.lists(decision, min_size=1, max_size=25, unique=True))
