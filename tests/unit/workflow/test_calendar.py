"""The appointment as iCalendar, as RFC 5545 wants it."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import Conflict
from domain.opening_hours import OpeningHours
from domain.people import Dealer, Vehicle
from domain.proposal import BookingProposal, ProposalState
from domain.slot import Slot
from domain.telemetry import VehicleAttributes
from tests.support.moments import HOUR, NOW
from workflow.calendar import appointment_ics

S = ProposalState
DEALER = Dealer(
    "dealer-1", "Garage Example", "1 Example Street", OpeningHours("UTC", {"mon": ((time(8), time(9)),)}), ("b",)
)
CAR = Vehicle("car-1", "Testmobil", "Eins", 2021, VehicleAttributes(), label="The blue one")
BOOKED = BookingProposal(
    proposal_id="proposal-1",
    version=4,
    state=S.CONFIRMED,
    customer_id="owner-1",
    vehicle_id="car-1",
    dealer_id="dealer-1",
    grant_id="grant-1",
    need_ids=("need-1",),
    minutes=60,
    slot=Slot(NOW, NOW + HOUR, "bay-01"),
    offered=(),
    payload="{}",
    created_ms=NOW,
    updated_ms=NOW,
    expires_ms=NOW,
)


def ics(booked: BookingProposal = BOOKED, dealer: Dealer = DEALER, car: Vehicle = CAR) -> str:
    return appointment_ics(booked, dealer, car, NOW)


def unfolded(text: str) -> dict[str, str]:
    """Property name → value, as a calendar program reads them (RFC 5545, section 3.1)."""
    lines = text.replace("\r\n ", "").split("\r\n")
    assert lines.pop() == ""
    return dict(line.split(":", 1) for line in lines)


def plain(text: str) -> str:
    """A TEXT value unescaped (RFC 5545, section 3.3.11)."""
    out, letters = "", iter(text)
    for letter in letters:
        if letter == "\\":
            letter = {"n": "\n", "N": "\n"}.get(following := next(letters), following)
        out += letter
    return out


def test_an_appointment_is_one_event_in_utc_with_a_stable_id() -> None:
    read = unfolded(ics())
    assert (read["DTSTART"], read["DTEND"], read["DTSTAMP"]) == (
        "20251006T080000Z",
        "20251006T090000Z",
        "20251006T080000Z",
    )
    assert (read["UID"], read["STATUS"], read["SUMMARY"]) == (
        "proposal-1@pitcall",
        "CONFIRMED",
        "The blue one: service at Garage Example",
    )
    assert read["LOCATION"] == "1 Example Street"
    assert ics().startswith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
    assert ics().endswith("END:VEVENT\r\nEND:VCALENDAR\r\n")


def test_every_line_ends_with_crlf() -> None:
    assert "\n" not in ics().replace("\r\n", "")


def test_a_later_version_overrules_an_earlier_one() -> None:
    sequences = [int(unfolded(ics(replace(BOOKED, version=version)))["SEQUENCE"]) for version in (4, 5, 6)]
    assert sequences == sorted(set(sequences))
    ids = {unfolded(ics(replace(BOOKED, version=version)))["UID"] for version in (4, 5)}
    assert len(ids) == 1


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (S.SENT, "TENTATIVE"),
        (S.ACCEPTED, "TENTATIVE"),
        (S.CONFIRMED, "CONFIRMED"),
        (S.CHECKED_IN, "CONFIRMED"),
        (S.COMPLETED, "CONFIRMED"),
        (S.CANCELLED, "CANCELLED"),
    ],
)
def test_the_status_says_how_firm_it_is(state: ProposalState, status: str) -> None:
    assert unfolded(ics(replace(BOOKED, state=state)))["STATUS"] == status


@pytest.mark.parametrize("state", [S.DRAFT, S.COUNTERED, S.DECLINED, S.EXPIRED, S.WITHDRAWN, S.NO_SHOW])
def test_without_an_agreed_time_there_is_no_calendar_entry(state: ProposalState) -> None:
    with pytest.raises(Conflict):
        ics(replace(BOOKED, state=state))
    with pytest.raises(Conflict):
        ics(replace(BOOKED, slot=None))


def test_commas_semicolons_backslashes_and_lines_are_escaped() -> None:
    read = unfolded(ics(car=replace(CAR, label="a,b;c\\d\r\ne\nf\rg")))
    assert read["SUMMARY"] == r"a\,b\;c\\d\ne\nf\ng: service at Garage Example"


def test_a_car_without_a_label_goes_by_its_model_and_a_dealer_without_an_address_by_its_name() -> None:
    read = unfolded(ics(dealer=replace(DEALER, address=""), car=replace(CAR, label="")))
    assert (read["SUMMARY"], read["LOCATION"]) == ("Eins: service at Garage Example", "Garage Example")


words = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.sampled_from("\r\n,;\\"), max_size=120
)


@settings(deadline=None)
@given(label=words, address=words)
def test_whatever_stands_in_a_name_lines_are_short_whole_and_read_back(label: str, address: str) -> None:
    text = ics(dealer=replace(DEALER, address=address), car=replace(CAR, label=label))
    for line in text.removesuffix("\r\n").split("\r\n"):
        assert len(line.encode()) <= 75
        assert "\r" not in line and "\n" not in line
    read = unfolded(text)
    as_read = label.replace("\r\n", "\n").replace("\r", "\n")
    assert plain(read["SUMMARY"]) == f"{as_read or 'Eins'}: service at Garage Example"
    assert read["STATUS"] == "CONFIRMED"
