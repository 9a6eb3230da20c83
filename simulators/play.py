"""Play: cars, owners and dealers on the system's HTTP interface, moved on tick by tick of simulated time.

Who calls sets the pace and the system's clock; a tick says only up to which simulated moment the actors have acted.
With a `settle` that returns once nothing is waiting, one seed gives one outcome.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from simulators.actors.api import Api, Pause
from simulators.actors.car import CarActor
from simulators.actors.dealer import DealerActor
from simulators.actors.owner import OwnerActor
from simulators.fleet import Fleet

Settle = Callable[[], Awaitable[None]]
Keep = Callable[[dict[str, Any]], None]
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")


@dataclass(frozen=True, slots=True)
class DealerSite:
    """A made-up dealer as an operator would enter it."""

    name: str
    address: str
    email: str
    advisor: str
    bays: int = 2
    technicians: tuple[tuple[str, tuple[str, ...]], ...] = (("T1", ("high_voltage",)), ("T2", ()))
    loaners: tuple[str, ...] = ("L1",)
    time_zone: str = "Europe/Berlin"

    def registration(self, password: str) -> dict[str, Any]:
        opening = {day: ["08:00", "17:00"] for day in WEEKDAYS} | {"sat": ["09:00", "13:00"]}
        return {
            "name": self.name,
            "time_zone": self.time_zone,
            "address": self.address,
            "opening": opening,
            "bays": self.bays,
            "technicians": [{"id": name, "skills": list(skills)} for name, skills in self.technicians],
            "loaners": list(self.loaners),
            "advisor": {"name": self.advisor, "email": self.email, "password": password},
        }


DEALERS = (
    DealerSite("Demo Dealer Harbour", "1 Example Quay", "advisor.harbour@pitcall.example", "Coral Sparkplug"),
    DealerSite("Demo Dealer North", "2 Example Road", "advisor.north@pitcall.example", "Slate Driveshaft"),
)


async def _nothing() -> None:
    return None


class Play:
    """One fleet with its owners, and the dealers they go to.

    `settle` is awaited wherever what follows depends on what the system has made of what went before; `keep` is given
    `state()` after every tick and before every visit is reported. Owners in `left_to_people` (indices) and dealers in
    `dealers_left_to_people` (e-mail addresses) are not played: somebody clicks for them; their cars drive all the same.
    """

    def __init__(
        self,
        fleet: Fleet,
        client: httpx.AsyncClient,
        *,
        settle: Settle = _nothing,
        keep: Keep = lambda state: None,
        pause: Pause = asyncio.sleep,
        sites: Sequence[DealerSite] = DEALERS,
        uploads_at_once: int = 8,
        moves_at_once: int = 1,
    ) -> None:
        self.fleet = fleet
        self.sites = tuple(sites)
        self._settle = settle
        self._keep = keep
        self._at_once = asyncio.Semaphore(uploads_at_once)
        # One after another gives every car and owner the same id for the same seed, where ids are seeded too.
        self._moves = asyncio.Semaphore(moves_at_once)
        self._api = Api(client, pause=pause)
        seed = fleet.seed
        self.cars = [CarActor(car, self._api.bearing("")) for car in fleet.cars]
        self.owners = [OwnerActor(car, self._api.bearing(""), seed) for car in self.cars]
        self.dealers = [
            DealerActor(site.email, self.dealer_password(site), self._api.bearing(""), fleet.workshop, seed)
            for site in self.sites
        ]
        self.left_to_people: set[int] = set()
        self.dealers_left_to_people: set[str] = set()
        self.now_ms = fleet.start_ms
        self.is_set_up = False

    def dealer_password(self, site: DealerSite) -> str:
        """What the site's advisor signs in with; of this play only."""
        return f"open-sesame-{self.fleet.seed}-{site.email.split('@')[0]}"

    async def set_up(self, operator_token: str) -> None:
        """Enter the dealers, enrol the cars, let the owners claim them and enter their past. Once."""
        if self.is_set_up:
            return
        operator = self._api.bearing(operator_token)
        for site in self.sites:
            # A conflict: entered before a restart.
            await operator.post_once("/v1/operator/dealers", site.registration(self.dealer_password(site)))
        token = (await operator.post("/v1/operator/enrolment-tokens"))["token"]
        await asyncio.gather(*(self._move_in(index, token) for index in range(len(self.cars))))
        self.is_set_up = True
        self._keep(self.state())
        await self._settle()

    async def _move_in(self, index: int, enrolment_token: str) -> None:
        async with self._moves:
            car = self.cars[index]
            await car.enrol(enrolment_token)
            self.fleet.workshop.admit(car.vehicle_id, index)
            self._keep(self.state())
            await self.owners[index].settle_in()

    async def step(self, now_ms: int) -> None:
        """One tick: everybody does what there is to do up to `now_ms` (int64 ms, UTC), which never runs backwards.

        The system's own clock should read `now_ms` before this is called. Any length will do; a day lets an owner ask,
        the dealer answer and the owner confirm once.
        """
        if now_ms < self.now_ms:
            raise ValueError("simulated time does not run backwards")
        await self.drive(now_ms)
        await self.ask(now_ms)
        await self.answer(now_ms)
        await self.receive(now_ms)
        self.now_ms = now_ms
        self._keep(self.state())

    async def drive(self, now_ms: int) -> None:
        """Every car drives, and sends what is complete; different cars at once."""
        await asyncio.gather(*(self._drive(car, now_ms) for car in self.cars))
        await self._settle()

    async def ask(self, now_ms: int) -> None:
        """Owners look at their cars, one by one, and book what is needed."""
        for owner in self._played_owners():
            await owner.act(now_ms)
        await self._settle()

    async def answer(self, now_ms: int) -> None:
        """Dealers answer what they were asked, and owners take what they were offered."""
        for dealer in self._played_dealers():
            await dealer.answer(now_ms)
        await self._settle()
        for owner in self._played_owners():
            await owner.answer_dealer()
        await self._settle()

    async def receive(self, now_ms: int) -> None:
        """Dealers check in whose time has come, and finish visits; the system settles after each of them."""
        for dealer in self._played_dealers():
            await dealer.receive(now_ms, self._settle, lambda: self._keep(self.state()))
        await self._settle()

    async def _drive(self, car: CarActor, now_ms: int) -> None:
        async with self._at_once:
            await car.drive_until(now_ms)

    def _played_owners(self) -> list[OwnerActor]:
        return [owner for index, owner in enumerate(self.owners) if index not in self.left_to_people]

    def _played_dealers(self) -> list[DealerActor]:
        return [dealer for dealer in self.dealers if dealer.email not in self.dealers_left_to_people]

    def summary(self) -> dict[str, int]:
        """What the actors have done: the cars' part, the owners' and the dealers'."""
        counts = {
            "cars": len(self.cars),
            "simulated_days": (self.now_ms - self.fleet.start_ms) // 86_400_000,
            "drives_replayed": sum(car.car.drives_begun for car in self.cars),
            "uploads": sum(car.uploads_sent for car in self.cars),
            "samples": sum(car.samples_sent for car in self.cars),
        }
        for tally in (*(owner.counts for owner in self.owners), *(dealer.counts for dealer in self.dealers)):
            for name, count in tally.items():
                counts[name] = counts.get(name, 0) + count
        return counts

    def state(self) -> dict[str, Any]:
        """All that must be kept to go on after a restart, as plain JSON values; it holds the cars' credentials."""
        return {
            "now_ms": self.now_ms,
            "is_set_up": self.is_set_up,
            "fleet": self.fleet.state(),
            "cars": [car.state() for car in self.cars],
            "owners": [owner.state() for owner in self.owners],
            "dealers": [dealer.state() for dealer in self.dealers],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` gave, with a fleet of the same size, seed and start."""
        self.now_ms = state["now_ms"]
        self.is_set_up = state["is_set_up"]
        self.fleet.restore(state["fleet"])
        for car, kept in zip(self.cars, state["cars"], strict=True):
            car.restore(kept)
        for owner, kept in zip(self.owners, state["owners"], strict=True):
            owner.restore(kept)
        for dealer, kept in zip(self.dealers, state["dealers"], strict=True):
            dealer.restore(kept)
