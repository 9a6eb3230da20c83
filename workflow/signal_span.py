"""One car's signal over a span, for its owner."""

from __future__ import annotations

from domain.errors import InvalidInput, NotFound, Unavailable
from domain.signal_history import SignalPoint
from workflow.ports import Office
from workflow.signal_history import SignalHistory

DAY_MS = 86_400_000


async def signal_span(
    office: Office,
    history: SignalHistory | None,
    *,
    customer_id: str,
    vehicle_id: str,
    signal: str,
    from_ms: int | None = None,
    until_ms: int | None = None,
    points: int = 200,
) -> list[SignalPoint]:
    """The signal in at most `points` points, by default over the last thirty days.

    NotFound for a car that is not the customer's; InvalidInput for a signal the catalogue does not have or an empty
    span; Unavailable while the history is away, or where none is kept.
    """
    async with office.unit_of_work() as uow:
        if await uow.vehicles.owner_of(vehicle_id) != customer_id:
            raise NotFound("there is no such car")
    if signal not in office.catalogue.signals:
        raise InvalidInput(f"{signal!r} is no signal of the catalogue", field="signal", fix="name it by its VSS path")
    if history is None:
        raise Unavailable("no history of signals is kept here", retry_after_s=3600)
    until = office.clock.now_ms() if until_ms is None else until_ms
    start = until - 30 * DAY_MS if from_ms is None else from_ms
    return await history.span(vehicle_id, signal, start, until, points)
