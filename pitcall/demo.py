"""`pitcall demo`: a simulated fleet with its owners and dealers, playing against the real system by HTTP."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher

from adapters.clocks import SettableClock
from adapters.ids import RandomIds, SeededIds
from adapters.passwords import Argon2Passwords
from domain.errors import PitcallError
from domain.people import Account
from domain.proposal import ProposalState
from pitcall.demo_folder import DemoFolder
from pitcall.node import Node
from pitcall.processes import api_of, stop_signals
from pitcall.serving import open_socket, serving
from pitcall.settings import Settings
from simulators.fleet import Fleet
from simulators.play import Play
from workflow.dossiers import funnel
from workflow.identity import add_operator, make_sign_in_link, sign_in

DAY_MS = 86_400_000
TICK_MS = 6 * 3_600_000
HEADLESS_START_MS = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp() * 1000)
OPERATOR = "operator@pitcall.example"
MOST_DAYS = 365  # a headless run that has not got its bookings by then says so and fails
DEALER_THINKS_S = 6.0
BOOKING_PAUSE_S = 120.0  # how long after a person's last step of a booking the demo stays at real time


@dataclass(frozen=True)
class DemoOptions:
    """What the command line said; None means: as the folder has it, or the default."""

    cars: int | None = None
    seed: int | None = None
    speed: float = 21_600.0  # simulated seconds per second: a day takes four
    port: int | None = None
    data_dir: Path | None = None
    is_headless: bool = False
    until_bookings: int | None = None
    brake_energy: str = "recorded"


class Demo:
    """One run. `result` holds the figures of design note 8 when it is over."""

    def __init__(self, settings: Settings, options: DemoOptions) -> None:
        self.settings = settings
        self.options = options
        self.urls: dict[str, str] = {}
        self._began = time.monotonic()
        self._booking_step_s = -1e9

    async def run(self) -> dict[str, Any]:
        """Play until told to stop (interactive) or until the bookings are there (headless); the figures."""
        async with AsyncExitStack() as stack:
            # First of all: told to stop while it starts, it stops in order too.
            stop = await stack.enter_async_context(stop_signals())
            await self._open(stack)
            if self.options.is_headless:
                await self._play_headless(stop)
            else:
                await self._play_live(stop)
            return await self._figures()

    async def _open(self, stack: AsyncExitStack) -> None:
        options, settings = self.options, self.settings
        folder = DemoFolder(settings.data_dir)
        start = HEADLESS_START_MS if options.is_headless else _midnight_ms()
        folder.begin(options.cars, options.seed, start)
        self.folder, kept = folder, folder.kept
        self.clock = SettableClock(kept["play"]["now_ms"] if kept["play"] else kept["start_ms"])
        ids = SeededIds(kept["seed"], start=kept["starts"]) if options.is_headless else RandomIds()
        port = options.port if options.port is not None else 0 if options.is_headless else settings.http_port
        listener = open_socket("127.0.0.1", port, "is a demo running already? Choose another with --port N")
        try:
            node = Node(
                settings, clock=self.clock, ids=ids, is_lock_step=options.is_headless, passwords=_quick_passwords()
            )
            self.node = await stack.enter_async_context(node)
        except BaseException:
            listener.close()
            raise
        app = api_of(self.node, self.settings.public_url)
        close = app.state.reception.live_events.close
        noting = _noting_bookings(app, self._note_booking_step)
        url = await stack.enter_async_context(serving(noting, listener, close))
        client = httpx.AsyncClient(base_url=url, timeout=60.0)
        await stack.enter_async_context(client)
        fleet = Fleet(kept["cars"], kept["seed"], kept["start_ms"], brake_energy=options.brake_energy)
        settle = self.node.settle if options.is_headless else _nothing
        self.play = Play(
            fleet, client, settle=settle, keep=folder.keep_play, moves_at_once=1 if options.is_headless else 4
        )
        if kept["play"]:
            self.play.restore(kept["play"])
        await self._set_up(url)

    async def _set_up(self, url: str) -> None:
        office, password = self.node.office, self.folder.kept["operator_password"]
        operator = await self._account(OPERATOR)
        if operator is None:
            operator = await add_operator(office, name="Demo Operator", email=OPERATOR, password=password)
        signed_in = await sign_in(office, email=OPERATOR, password=password)
        if not self.options.is_headless:
            self.play.left_to_people = {self._persons_car()}
        await self.play.set_up(signed_in.token)
        people = {
            "owner": await self._account(self.play.owners[self._persons_car()].email),
            "dealer": await self._account(self.play.sites[0].email),
            "operator": operator,
        }
        for role, account in people.items():
            if account is None:
                raise PitcallError(f"the demo's {role} is missing: begin again in a fresh --data-dir")
            self.urls[role] = f"{url}/sign-in/{await make_sign_in_link(office, account.account_id)}"

    def _persons_car(self) -> int:
        """The car left to the person at the screen: the one nearest to needing something."""
        return self.play.fleet.workshop.most_pressing()

    async def _account(self, email: str) -> Account | None:
        async with self.node.office.unit_of_work() as uow:
            return await uow.people.account_by_email(email)

    # -- headless -----------------------------------------------------------------------------------------------

    async def _play_headless(self, stop: asyncio.Event) -> None:
        wanted = self.options.until_bookings
        last = self.play.now_ms + MOST_DAYS * DAY_MS
        while not stop.is_set():
            now = self.play.now_ms + TICK_MS
            self.clock.set(now)
            await self.play.step(now)
            figures = await self._figures()
            if wanted is not None and figures["confirmed"] >= wanted and figures["labels_learned"] >= 1:
                return
            if now >= last:
                raise PitcallError(f"after {MOST_DAYS} simulated days only {figures['confirmed']} visits are booked")

    # -- live ---------------------------------------------------------------------------------------------------

    async def _play_live(self, stop: asyncio.Event) -> None:
        print_links(self.urls)
        tick_s = TICK_MS / 1000 / self.options.speed
        printed = 0.0
        while not stop.is_set():
            self.node.raise_failure()
            began = time.monotonic()
            if await self._person_is_booking():
                await self._real_time(stop)
            else:
                now = self.play.now_ms + TICK_MS
                self.clock.set(now)
                await self.play.step(now)
            if time.monotonic() - printed >= 2.0:
                printed = time.monotonic()
                print_progress(await self._figures(), self.clock.now_ms())
            await _sleep(max(0.0, tick_s - (time.monotonic() - began)), stop)

    async def _person_is_booking(self) -> bool:
        if time.monotonic() - self._booking_step_s < BOOKING_PAUSE_S:
            return True
        vehicle_id = self.play.cars[self._persons_car()].vehicle_id
        async with self.node.office.unit_of_work() as uow:
            proposals = await uow.proposals.of_vehicle(vehicle_id)
        return any(proposal.state.is_open for proposal in proposals)

    async def _real_time(self, stop: asyncio.Event) -> None:
        """Let one real second pass; the scripted dealers answer when they have thought for a while."""
        before = time.monotonic()
        await _sleep(1.0, stop)
        self.clock.set(self.clock.now_ms() + int((time.monotonic() - before) * 1000))
        vehicle_id = self.play.cars[self._persons_car()].vehicle_id
        async with self.node.office.unit_of_work() as uow:
            asked = [p for p in await uow.proposals.of_vehicle(vehicle_id) if p.state is ProposalState.SENT]
        if any(self.clock.now_ms() - p.updated_ms >= DEALER_THINKS_S * 1000 for p in asked):
            await self.play.answer(self.clock.now_ms())

    def _note_booking_step(self, is_over: bool) -> None:
        self._booking_step_s = -1e9 if is_over else time.monotonic()

    # -- figures ------------------------------------------------------------------------------------------------

    async def _figures(self) -> dict[str, Any]:
        """The keys of design note 8, counted by the system where it counts and by the actors where they do."""
        counts = (await funnel(self.node.office, {}, await self.node.volumes())).counts
        actors = self.play.summary()
        replies = ("proposal-accepted", "proposal-countered", "proposal-declined")
        return {
            "broker": "embedded" if self.settings.is_embedded else "kafka",
            **{name: actors[name] for name in ("cars", "simulated_days", "drives_replayed", "uploads", "samples")},
            "predictions": counts.get("predictions", 0),
            "needs_opened": counts.get("need-opened", 0),
            "reminders": counts.get("owner-reminded", 0),
            "consents_granted": counts.get("consent-granted", 0),
            "proposals_sent": counts.get("proposal-sent", 0),
            "dealer_replies": sum(counts.get(kind, 0) for kind in replies),
            "counter_offers": counts.get("proposal-countered", 0),
            "confirmed": counts.get("proposal-confirmed", 0),
            "completed": counts.get("proposal-completed", 0),
            "labels_learned": counts.get("label-learned", 0),
            "models": self.node.model_versions(),
            "wall_s": round(time.monotonic() - self._began, 1),
            "urls": self.urls,
        }


def demo_settings(settings: Settings, options: DemoOptions, stack: AsyncExitStack) -> Settings:
    """The settings with the folder of this run: the one asked for, a passing one if headless, else var/demo."""
    if options.data_dir is not None:
        return replace(settings, data_dir=options.data_dir)
    if options.is_headless:
        return replace(settings, data_dir=Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pitcall-"))))
    return replace(settings, data_dir=settings.data_dir / "demo")


def _quick_passwords() -> Argon2Passwords:
    """The least that OWASP's Password Storage Cheat Sheet allows: a whole fleet of made-up owners signs up at once."""
    return Argon2Passwords(PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1))


def _noting_bookings(app: Any, note: Any) -> Any:
    """Tell `note` of each step that a person, who bears a cookie, takes in a booking on the pages."""

    async def noting(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and any(name == b"cookie" for name, _ in scope["headers"]):
            path = str(scope["path"])
            if "/book" in path:
                note(False)
            elif path.endswith("/send"):
                note(True)
        await app(scope, receive, send)

    return noting


def print_links(urls: Mapping[str, str]) -> None:
    """Where to look, for a person."""
    lines = ["", "Pitcall is running. Each link signs in by itself, once:", ""]
    lines += [f"  {role:<9} {url}" for role, url in urls.items()]
    lines += ["", "Ctrl-C stops; the same command goes on where it stopped.", ""]
    print("\n".join(lines), flush=True)  # noqa: T201


def print_progress(figures: Mapping[str, Any], now_ms: int) -> None:
    """The funnel on one line, rewritten in place on a terminal."""
    day = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%d %b %Y %H:%M")
    names = ("uploads", "predictions", "needs_opened", "reminders", "proposals_sent", "confirmed", "completed",
             "labels_learned")  # fmt: skip
    line = f"{day} UTC · " + " → ".join(f"{figures[name]:,} {name.replace('_', ' ')}" for name in names)
    start, end = ("\r\x1b[K", "") if sys.stdout.isatty() else ("", "\n")
    print(start + line, end=end, flush=True)  # noqa: T201


def _midnight_ms() -> int:
    return int(datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)


async def _nothing() -> None:
    return None


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    """Sleep, or wake when told to stop."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
