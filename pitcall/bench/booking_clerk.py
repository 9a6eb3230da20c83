"""A clerk of `pitcall bench bookings`: takes bookings through their steps, each a use case in its own transaction.

On PostgreSQL the clerks are processes of their own (`python -m pitcall.bench.booking_clerk`), as API processes are.
They read their work from standard input and answer in JSON, a line for each phase.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import event

from adapters.records.records import Records, open_records
from domain.consent import DataItem, Purpose
from domain.errors import PitcallError, SlotTaken
from domain.proposal import BookingProposal
from domain.service_record import ServiceOutcome
from pitcall.bench.booking_town import DAY_MS, ITEM, Garage, bench_office, names_of
from workflow.consents import grant_consent
from workflow.negotiate import accept, confirm
from workflow.ports import Office
from workflow.propose import draft_proposal, send_proposal
from workflow.visit import Finding, check_in, complete

AT_ONCE = 8
"""Bookings that a clerk has under way."""
RIVALS = 3
"""Owners who want the same time of a garage with two bays."""
HOURS = (8, 11, 14)
LATER = 200
"""How many times further on an owner asks for whose time was taken."""
MOST_ASKED = 5
ODOMETER_M = 61_500_000
T = TypeVar("T")


@dataclass
class Counted:
    """Transactions that a process commits."""

    commits: int = 0

    @classmethod
    def on(cls, records: Records) -> Counted:
        """Count those of these records from now on."""
        counted = cls()
        event.listen(records.engine.sync_engine, "commit", counted._up)
        return counted

    def _up(self, _connection: object) -> None:
        self.commits += 1


@dataclass
class Clerk:
    """What one clerk did. Deliveries are the webhook-ids that the healthy dealers must have got."""

    records: Records
    office: Office
    garages: Sequence[Garage]
    took_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    proposals: dict[int, str] = field(default_factory=dict)
    deliveries: list[tuple[str, str]] = field(default_factory=list)
    completed: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)

    async def confirm_all(self, numbers: Sequence[int]) -> None:
        """From the grant to the appointment."""
        await self._all(numbers, self._confirm)

    async def complete_all(self) -> None:
        """The visits of all appointments."""
        await self._all(list(self.proposals), self._complete)

    async def _all(self, numbers: Sequence[int], work: Callable[[int], Awaitable[None]]) -> None:
        waiting = iter(numbers)

        async def one_after_another() -> None:
            for n in waiting:
                try:
                    await work(n)
                except PitcallError as error:
                    self.failures.append(f"{type(error).__name__}: {error}")

        await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))

    def _garage(self, n: int) -> Garage:
        return self.garages[n // RIVALS % len(self.garages)]

    def _start_ms(self, n: int, asked: int) -> int:
        nth = n // (RIVALS * len(self.garages)) + LATER * asked
        today = self.office.wall.now_ms() // DAY_MS * DAY_MS
        return today + (2 + nth // len(HOURS)) * DAY_MS + HOURS[nth % len(HOURS)] * 3_600_000

    async def _confirm(self, n: int) -> None:
        garage, (customer_id, vehicle_id, _) = self._garage(n), names_of(n)
        grant = await self._step(
            "grant",
            lambda: grant_consent(
                self.office,
                customer_id=customer_id,
                vehicle_id=vehicle_id,
                purpose=Purpose.BOOKING,
                dealer_id=garage.dealer_id,
                data_items=tuple(DataItem),
            ),
        )
        sent = await self._send(n, garage, grant.grant_id)
        await self._step("accept", partial(accept, self.office, **garage.answering, proposal_id=sent.proposal_id))
        confirmed = await self._step(
            "confirm", lambda: confirm(self.office, customer_id=customer_id, proposal_id=sent.proposal_id)
        )
        self.proposals[n] = confirmed.proposal_id
        self.deliveries += [(garage.path, f"{p.proposal_id}:{p.version}") for p in (sent, confirmed)]

    async def _send(self, n: int, garage: Garage, grant_id: str) -> BookingProposal:
        customer_id, vehicle_id, need_id = names_of(n)
        for asked in range(MOST_ASKED):
            draft = partial(
                draft_proposal,
                self.office,
                customer_id=customer_id,
                vehicle_id=vehicle_id,
                need_ids=[need_id],
                dealer_id=garage.dealer_id,
                start_ms=self._start_ms(n, asked),
                grant_id=grant_id,
            )
            try:
                drafted = await self._step("draft", draft)
                send = partial(send_proposal, self.office, customer_id=customer_id, proposal_id=drafted.proposal_id)
                return await self._step("send", send)
            except SlotTaken:
                self.refused += 1
        raise SlotTaken(f"no time was free that owner {n} asked for")

    async def _complete(self, n: int) -> None:
        dealer, proposal_id = self._garage(n).answering, self.proposals[n]
        came = partial(check_in, self.office, **dealer, proposal_id=proposal_id, odometer_m=ODOMETER_M)
        await self._step("check_in", came)
        findings = [Finding(ITEM, ServiceOutcome.REPLACED)]
        await self._step(
            "complete",
            lambda: complete(self.office, **dealer, proposal_id=proposal_id, odometer_m=ODOMETER_M, findings=findings),
        )
        self.completed += 1

    async def _step(self, name: str, use_case: Callable[[], Awaitable[T]]) -> T:
        begin = time.perf_counter()
        done = await self.records.run(use_case)
        self.took_ms[name].append((time.perf_counter() - begin) * 1e3)
        return done

    def told(self) -> dict[str, Any]:
        """What it did, for JSON."""
        return {
            "took_ms": self.took_ms,
            "confirmed": len(self.proposals),
            "deliveries": self.deliveries,
            "completed": self.completed,
            "refused": self.refused,
            "failures": self.failures[:5],
        }


async def _main() -> None:
    work = json.loads(sys.stdin.readline())
    records = open_records(work["database_url"])
    try:
        counted = Counted.on(records)
        garages = [Garage(*garage) for garage in work["garages"]]
        clerk = Clerk(records, bench_office(records, Path(work["catalogue"])), garages)
        _say({"ready": True})
        started_s = time.process_time()
        for line in iter(sys.stdin.readline, ""):
            if line.strip() == "confirm":
                await clerk.confirm_all(range(*work["numbers"]))
            else:
                await clerk.complete_all()
            _say(clerk.told() | {"transactions": counted.commits, "cpu_s": time.process_time() - started_s})
    finally:
        await records.close()


def _say(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main())
