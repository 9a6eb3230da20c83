"""LiveEvents: tells open pages that something of theirs changed, by one poll of the timeline for all of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from domain.errors import PitcallError
from domain.event import DomainEvent
from workflow.ports import Office

POLL_S = 0.5
KEEP_ALIVE_S = 15.0
LONGEST_S = 900.0  # then the browser connects anew, and the session is checked again
BATCH = 500
log = structlog.get_logger(__name__)


@dataclass(eq=False)
class Listener:
    """One open page: whose events it may hear of, and what waits to be told."""

    customer_id: str | None = None
    dealer_id: str | None = None
    hears_all: bool = False
    waiting: list[DomainEvent] = field(default_factory=list)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def hears(self, event: DomainEvent) -> bool:
        """Whether the event is this party's."""
        if self.hears_all:
            return True
        if self.dealer_id is not None:
            # A grant or a draft is the owner's own affair until a proposal has been sent.
            is_shared = "proposal_id" in event.data and event.kind != "proposal-drafted"
            return is_shared and event.dealer_id == self.dealer_id
        return self.customer_id is not None and event.customer_id == self.customer_id


class LiveEvents:
    """The shared poller. It runs while somebody listens; `close()` ends every stream, so that a server can stop."""

    def __init__(self, office: Office, poll_s: float = POLL_S) -> None:
        self._office = office
        self._poll_s = poll_s
        self._listeners: set[Listener] = set()
        self._poller: asyncio.Task[None] | None = None
        self._is_closed = False

    async def stream(self, listener: Listener) -> AsyncIterator[bytes]:
        """Server-sent events for one page: `changed` with kinds and ids as a hint to fetch, never with data."""
        self._listeners.add(listener)
        self._ensure_poller()
        ends = asyncio.get_running_loop().time() + LONGEST_S
        try:
            yield b"retry: 2000\n: listening\n\n"
            while not self._is_closed and asyncio.get_running_loop().time() < ends:
                try:
                    await asyncio.wait_for(listener.wake.wait(), KEEP_ALIVE_S)
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                listener.wake.clear()
                events, listener.waiting = listener.waiting, []
                if events:
                    yield _changed(events)
        finally:
            self._listeners.discard(listener)

    async def close(self) -> None:
        """End all streams and the poller."""
        self._is_closed = True
        for listener in self._listeners:
            listener.wake.set()
        if self._poller is not None:
            self._poller.cancel()
            with suppress(asyncio.CancelledError):
                await self._poller
            self._poller = None

    def _ensure_poller(self) -> None:
        if not self._is_closed and (self._poller is None or self._poller.done()):
            self._poller = asyncio.create_task(self._poll(), name="live-events")

    async def _poll(self) -> None:
        seq: int | None = None
        while self._listeners:
            try:
                seq = await self._tell_newer_than(seq)
            except PitcallError as error:
                # The database is away: pages stay as they are, and hear of it all when it is back.
                log.warning("live_events_wait", reason=str(error))
            await asyncio.sleep(self._poll_s)

    async def _tell_newer_than(self, seq: int | None) -> int:
        async with self._office.unit_of_work() as uow:
            if seq is None:
                return await uow.timeline.newest_seq()
            found = await uow.timeline.after(seq, limit=BATCH)
        for number, event in found:
            seq = max(seq, number)
            for listener in self._listeners:
                if listener.hears(event):
                    listener.waiting.append(event)
                    listener.wake.set()
        return seq


def _changed(events: list[DomainEvent]) -> bytes:
    """One `changed` event: what kinds of things happened and to which proposal or need (of the newest twenty)."""
    hints = [
        {"kind": e.kind} | {name: e.data[name] for name in ("proposal_id", "need_id") if name in e.data}
        for e in events[-20:]
    ]
    return f"event: changed\ndata: {json.dumps(hints)}\n\n".encode()
