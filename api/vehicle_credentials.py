"""Vehicle credentials, remembered for a moment: a car uploads often, and its record changes seldom."""

from __future__ import annotations

from domain.people import Vehicle
from workflow.access import hash_token
from workflow.enrol import vehicle_of
from workflow.ports import Office

REMEMBERED_MS = 30_000  # also how long a revoked credential may still pass (design: at most 60 s)
REMEMBERED_CARS = 50_000


class VehicleCredentials:
    """Who bears a vehicle credential; only hashes are kept, for `REMEMBERED_MS` of wall time."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._known: dict[str, tuple[Vehicle, int]] = {}

    async def vehicle(self, credential: str) -> Vehicle:
        """The car that bears it; Unauthenticated when none does."""
        key, now = hash_token(credential), self._office.wall.now_ms()
        known = self._known.get(key)
        if known is not None and now < known[1]:
            return known[0]
        self._known.pop(key, None)
        vehicle = await vehicle_of(self._office, credential)
        if len(self._known) >= REMEMBERED_CARS:
            self._known.clear()
        self._known[key] = (vehicle, now + REMEMBERED_MS)
        return vehicle
