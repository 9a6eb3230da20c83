"""Draws the state machine of bookings: `python -m tools.draw_booking_machine > docs/booking-machine.md`."""

from __future__ import annotations

import sys

from domain.proposal import (
    MISSED_AFTER_MS,
    TRANSITIONS,
    UNTOLD_END_MS,
    UNTOLD_VISIT_MS,
    Actor,
    ProposalState,
)

MINUTE_MS, DAY_MS = 60_000, 86_400_000


def machine_text() -> str:
    """The document, Mermaid's diagram first."""
    lines = [
        "# The booking machine",
        "",
        "Drawn from the one table in `domain/proposal.py` by `python -m tools.draw_booking_machine`; a test holds the",
        "two equal. Every arrow is one transaction that moves the proposal, its held slots, its step and its webhook",
        "together.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        f"    [*] --> {_name(ProposalState.DRAFT)}: owner",
    ]
    for (source, target), actors in TRANSITIONS.items():
        lines.append(f"    {_name(source)} --> {_name(target)}: {_who(actors)}")
    lines += [f"    {_name(state)} --> [*]" for state in ProposalState if state.is_over]
    lines += ["```", "", "| from | to | who |", "|---|---|---|"]
    lines += [f"| {source} | {target} | {_who(actors)} |" for (source, target), actors in TRANSITIONS.items()]
    lines += [
        "",
        f"A car may be said not to have come {MISSED_AFTER_MS // MINUTE_MS} minutes after its slot began. The clock",
        f"ends a confirmed visit as no-show {UNTOLD_VISIT_MS // DAY_MS} days after its slot, and one that was checked",
        f"in as completed, with nothing found, {UNTOLD_END_MS // DAY_MS} days after the check-in, if nobody told what",
        "became of it; the needs it had booked stand open again. `consent` is its withdrawal or its end.",
        "",
    ]
    return "\n".join(lines)


def _who(actors: frozenset[Actor]) -> str:
    return ", ".join(str(actor) for actor in Actor if actor in actors)


def _name(state: ProposalState) -> str:
    return str(state).replace("-", "_")


if __name__ == "__main__":
    sys.stdout.write(machine_text())
