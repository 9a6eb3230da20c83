"""Outcome: what a run of the demo came to, named by car and dealer instead of by random id, to compare runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from adapters.records.records import Records, open_records

NEEDS = "SELECT need_id FROM needs"
PROPOSALS = "SELECT proposal_id FROM proposals"
CARS = "SELECT v.vehicle_id, v.vin FROM vehicles v"


@dataclass(frozen=True)
class Outcome:
    """Needs and bookings in a form that two runs can share; reminders and holds as counts."""

    needs: list[dict[str, Any]]
    bookings: list[dict[str, Any]]
    reminders: int
    overlaps: int


async def outcome_of(database_url: str) -> Outcome:
    """Read the outcome from a run's records."""
    records = open_records(database_url)
    try:
        return await _read(records)
    finally:
        await records.close()


async def _read(records: Records) -> Outcome:
    async with records.unit_of_work() as uow:
        need_ids = await uow.run_sync(lambda c: [row[0] for row in c.execute(text(NEEDS))])
        proposal_ids = await uow.run_sync(lambda c: [row[0] for row in c.execute(text(PROPOSALS))])
        vehicle_ids = await uow.run_sync(lambda c: [row[0] for row in c.execute(text(CARS))])
        # A VIN of the simulator ends in the car's number, and has a check digit that depends on nothing else.
        cars = {vehicle_id: (await uow.vehicles.get(vehicle_id)).vin for vehicle_id in vehicle_ids}  # type: ignore[union-attr]
        dealers = {dealer.dealer_id: dealer.name for dealer in await uow.people.dealers()}
        needs = []
        for need_id in need_ids:
            need = await uow.needs.get(need_id)
            assert need is not None
            needs.append(
                {
                    "car": cars[need.vehicle_id],
                    "item": need.item,
                    "state": str(need.state),
                    "opened_ms": need.opened_ms,
                    "expected_ms": need.window.expected_ms,
                    "model_version": need.model_version,
                    "uploads": [(u.boot_id, u.first_seq, u.last_seq) for u in need.uploads],
                }
            )
        bookings = []
        for proposal_id in proposal_ids:
            proposal = await uow.proposals.get(proposal_id)
            assert proposal is not None
            steps = await uow.proposals.steps(proposal_id)
            bookings.append(
                {
                    "car": cars[proposal.vehicle_id],
                    "dealer": dealers[proposal.dealer_id],
                    "state": str(proposal.state),
                    "slot": None if proposal.slot is None else (proposal.slot.start_ms, proposal.slot.end_ms),
                    "steps": [(str(step.state), str(step.actor), step.time_ms) for step in steps],
                    "invoice": proposal.invoice_minor,
                }
            )
        counts = await uow.timeline.count()
        reminders = counts.get("owner-reminded", 0) + counts.get("owner-notified", 0)
        overlaps = await uow.holds.overlaps()
    needs.sort(key=lambda n: (str(n["car"]), str(n["item"]), int(str(n["opened_ms"]))))
    bookings.sort(key=lambda b: (str(b["car"]), str(b["steps"])))
    return Outcome(needs, bookings, reminders, overlaps)
