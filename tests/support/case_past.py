"""The past of a back-test in memory, handed out as a case's folder would, and what was said of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from domain.backtest_case import CaseSettings
from domain.catalogue import Catalogue
from domain.service_record import ServiceOutcome
from workflow.backtest import Backtest, BacktestResult
from workflow.case_history import CaseEvents, CaseService, CaseSpan
from workflow.item_predictions import ItemPredictions, StepPredictions

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_700_000_000_000 // DAY * DAY
LAST = START + 4_000 * DAY
NO_EVENTS = CaseEvents(*(np.zeros(0, dtype=np.int64) for _ in range(3)))


@dataclass
class Past:
    """A history, handed out in spans of about `rows` rows; signals and machines are those of the catalogue and rows."""

    settings: CaseSettings
    catalogue: Catalogue
    vehicle: npt.NDArray[np.int64]
    time_ms: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    services: Sequence[CaseService] = ()
    events: CaseEvents = NO_EVENTS
    rows: int = 500
    attributes: Mapping[str, npt.NDArray[np.float64] | tuple[str, ...]] = field(default_factory=dict)
    usual_gap_ms: int = HOUR

    def __post_init__(self) -> None:
        self.services = sorted(self.services, key=lambda service: service.known_ms)

    @property
    def signals(self) -> tuple[str, ...]:
        return tuple(self.catalogue.signals)

    @property
    def vehicle_ids(self) -> tuple[str, ...]:
        count = max([*self.vehicle.tolist(), *(service.vehicle for service in self.services)]) + 1
        return tuple(f"m{n}" for n in range(count))

    def spans(self) -> Iterator[CaseSpan]:
        before = 0
        for end in [*self.time_ms[self.rows :: self.rows].tolist(), LAST]:
            own = (self.time_ms > before) & (self.time_ms <= end)
            code = (self.events.time_ms > before) & (self.events.time_ms <= end)
            services = [service for service in self.services if before < service.known_ms <= end]
            events = CaseEvents(self.events.vehicle[code], self.events.time_ms[code], self.events.code[code])
            yield CaseSpan(end, self.vehicle[own], self.time_ms[own], self.values[own], events, services)
            before = end


class Said:
    """Keeps all predictions."""

    def __init__(self) -> None:
        self.steps: list[StepPredictions] = []

    def write(self, step: StepPredictions) -> None:
        self.steps.append(step)

    def of(self, item: str) -> list[tuple[StepPredictions, ItemPredictions]]:
        """What was said of one item, step by step."""
        return [(step, said) for step in self.steps for said in step.items if said.item == item]

    def numbers(self, until_ms: int = LAST) -> list[object]:
        return [
            (step.now_ms, step.vehicles.tolist(), said.item, said.model_version, repr(said.probability.tolist()),
             repr(said.remaining.tolist()), said.expected_ms.tolist(), said.latest_ms.tolist())
            for step in self.steps
            if step.now_ms <= until_ms
            for said in step.items
        ]  # fmt: skip


def replayed(history: Past) -> tuple[Said, BacktestResult]:
    said = Said()
    return said, Backtest(history, said).run()


def serviced(
    vehicle: int, time_ms: int, item: str, outcome: str = "failed", *, value: float | None = None, late_ms: int = 0
) -> CaseService:
    return CaseService(vehicle, time_ms, time_ms + late_ms, item, ServiceOutcome(outcome), value)


def codes(times_ms: Sequence[int], vehicles: Sequence[int], code: int = 0) -> CaseEvents:
    """One code, as it came up; in the order of time."""
    order = np.argsort(np.array(times_ms, dtype=np.int64), kind="stable")
    own = np.array(vehicles, dtype=np.int64)[order]
    return CaseEvents(own, np.array(times_ms, dtype=np.int64)[order], np.full(len(own), code, dtype=np.int64))
