"""A node in this process with a fleet in its records, for tests that look inside."""

from __future__ import annotations

import asyncio

from domain.consent import Purpose
from pitcall.node import Node
from pitcall.readings import HISTORY_CONSUMED
from tests.faults.fleet import FaultFleet
from tests.support.moments import NOW
from workflow import enrol as enrolling
from workflow import identity

CARS = 20


async def a_fleet(node: Node) -> FaultFleet:
    """Cars of one owner who consents, straight in the records."""
    office = node.office
    token = await enrolling.issue_enrolment_token(office)
    owner = await identity.register_customer(office, name="Olla Testa", email="olla@owner.example", password="x" * 12)
    cars = []
    for _ in range(CARS):
        car, _ = await enrolling.enrol_vehicle(
            office, token=token, make="Bauer", model="Kompakt", model_year=2019, powertrain="petrol", mass_kg=1390.0,
            built_ms=NOW - 10**11,
        )  # fmt: skip
        code, _ = await enrolling.show_claim_code(office, car.vehicle_id)
        await enrolling.claim_vehicle(office, customer_id=owner.customer_id, code=code, consents=[Purpose.PREDICTION])
        cars.append(car.vehicle_id)
    return FaultFleet(token, cars, NOW)


async def all_handled(node: Node) -> None:
    """Return when the agents, and the history where there is one, are at the log's end."""
    async with asyncio.timeout(120):
        while (await node.waiting())["waiting"] or await _is_history_behind(node):  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # neither log has an event for this
    node.raise_failure()


async def _is_history_behind(node: Node) -> bool:
    lag = node.history_lag
    return lag is not None and any((await lag.lag(HISTORY_CONSUMED)).values())
