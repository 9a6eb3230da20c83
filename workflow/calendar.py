"""The appointment as iCalendar (RFC 5545), with a stable UID and a growing SEQUENCE."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

from domain.errors import Conflict
from domain.people import Dealer, Vehicle
from domain.proposal import BookingProposal, ProposalState

_STATUS = {
    ProposalState.SENT: "TENTATIVE",
    ProposalState.ACCEPTED: "TENTATIVE",
    ProposalState.CONFIRMED: "CONFIRMED",
    ProposalState.CHECKED_IN: "CONFIRMED",
    ProposalState.COMPLETED: "CONFIRMED",
    ProposalState.CANCELLED: "CANCELLED",
}


def appointment_ics(proposal: BookingProposal, dealer: Dealer, vehicle: Vehicle, now_ms: int) -> str:
    """One VEVENT with CRLF line ends, lines folded at 75 octets; Conflict while there is no time to put in it."""
    status = _STATUS.get(proposal.state)
    if status is None or proposal.slot is None:
        raise Conflict(f"a proposal that is {proposal.state} has no time for a calendar")
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Pitcall//appointments//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{proposal.proposal_id}@pitcall",
        f"SEQUENCE:{proposal.version}",
        f"DTSTAMP:{_utc(now_ms)}",
        f"DTSTART:{_utc(proposal.slot.start_ms)}",
        f"DTEND:{_utc(proposal.slot.end_ms)}",
        f"SUMMARY:{_text(f'{vehicle.label or vehicle.model}: service at {dealer.name}')}",
        f"LOCATION:{_text(dealer.address or dealer.name)}",
        f"STATUS:{status}",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(_fold(line) for line in lines)


def _utc(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(plain: str) -> str:
    plain = "".join(c for c in plain if c in "\r\n\t" or unicodedata.category(c) != "Cc")
    escaped = plain.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return escaped.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n")


def _fold(line: str) -> str:
    folded, octets = "", 0
    for character in line:
        size = len(character.encode())
        if octets + size > 75:
            folded, octets = folded + "\r\n ", 1
        folded, octets = folded + character, octets + size
    return folded + "\r\n"
