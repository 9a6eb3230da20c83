"""A maker's cloud speaks for the cars that were enrolled with its token.

Whoever enrolled a car was shown its credential then, so the token that enrols may as well send that car's uploads; it
opens nothing else of the car.
"""

from __future__ import annotations

from collections.abc import Collection

from domain.errors import Unauthenticated
from domain.people import Vehicle
from workflow.access import hash_token
from workflow.ports import Office

REMEMBERED_MS = 30_000
REMEMBERED_CARS = 100_000


async def fleet_of(office: Office, token: str) -> str:
    """The fleet that bears this enrolment token; Unauthenticated when none does."""
    fleet = hash_token(token)
    async with office.unit_of_work() as uow:
        if not await uow.vehicles.is_enrolment_token(fleet):
            raise Unauthenticated("the enrolment token is unknown")
    return fleet


class FleetCars:
    """Which car is of which fleet, remembered for `REMEMBERED_MS` of wall time: a batch has many, and they stay."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._known: dict[tuple[str, str], tuple[Vehicle, int]] = {}

    async def of(self, fleet: str, vehicle_ids: Collection[str]) -> dict[str, Vehicle]:
        """Those of these cars that are of the fleet, by id."""
        now = self._office.wall.now_ms()
        found: dict[str, Vehicle] = {}
        for vehicle_id in vehicle_ids:
            vehicle, until_ms = self._known.get((fleet, vehicle_id), (None, 0))
            if vehicle is not None and now < until_ms:
                found[vehicle_id] = vehicle
        if missing := sorted(set(vehicle_ids) - set(found)):
            async with self._office.unit_of_work() as uow:
                read = await uow.vehicles.enrolled_with(fleet, missing)
            if len(self._known) + len(read) > REMEMBERED_CARS:
                self._known.clear()
            for vehicle in read:
                self._known[(fleet, vehicle.vehicle_id)] = (vehicle, now + REMEMBERED_MS)
                found[vehicle.vehicle_id] = vehicle
        return found
