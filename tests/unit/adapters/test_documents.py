"""A document gives back exactly the dataclass it was made of."""

import json
from dataclasses import replace
from datetime import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.records.documents import from_document, to_document
from domain.consent import ConsentGrant, DataItem, Purpose
from domain.errors import InvalidInput
from domain.event import DomainEvent
from domain.need import MaintenanceNeed, NeedState, Severity
from domain.opening_hours import Holiday, OpeningHours
from domain.people import Dealer
from domain.prediction import Contribution, DueWindow, ItemKind, Prediction, UploadRange
from domain.proposal import Actor, BookingProposal, ProposalState, ProposalStep
from domain.service_record import ServiceOutcome, ServiceRecord
from domain.site import Technician
from domain.slot import Slot
from domain.telemetry import VehicleAttributes
from tests.contract.samples import prediction
from workflow.outbox_rows import Delivery, Reminder

FINITE = st.floats(allow_nan=False, allow_infinity=False)
MS = st.integers(-(2**63), 2**63 - 1)
MAYBE_MS = st.none() | MS
NUMBERS = st.dictionaries(st.text(), FINITE, max_size=4)
CHANCES = st.dictionaries(st.integers(-(2**53), 2**53), FINITE, max_size=3)
WINDOWS = st.builds(
    lambda moments, coverage: DueWindow(*moments, coverage), st.lists(MS, min_size=3, max_size=3).map(sorted), FINITE
) | st.builds(DueWindow, st.none(), MAYBE_MS, st.none(), FINITE)
REASONS = st.lists(st.builds(Contribution, st.text(), FINITE, st.text()), max_size=3).map(tuple)
UPLOADS = st.lists(st.builds(UploadRange, st.text(), MS, MS), max_size=3).map(tuple)
TEXTS = st.lists(st.text(), max_size=3).map(tuple)
SLOTS = st.builds(Slot, MS, MS, st.text(), st.text(), st.text())
JSON = st.recursive(
    st.none() | st.booleans() | MS | FINITE | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
SPANS = st.lists(st.tuples(st.times(), st.times()), max_size=3).map(tuple)
HOLIDAYS = st.lists(st.builds(Holiday, st.dates(), st.text()), max_size=3).map(tuple)
HOURS = st.builds(OpeningHours, st.text(), st.dictionaries(st.text(), SPANS, max_size=3), HOLIDAYS)
TECHNICIANS = st.lists(st.builds(Technician, st.text(), TEXTS), max_size=3).map(tuple)
OF_A_DEALER = {"purpose": st.just(Purpose.BOOKING), "dealer_id": st.text()}
OF_NOBODY = {
    "purpose": st.sampled_from([p for p in Purpose if p is not Purpose.BOOKING]),
    "dealer_id": st.none(),
}


def _grants(party: dict[str, Any]) -> st.SearchStrategy[ConsentGrant]:
    items = st.lists(st.sampled_from(DataItem)).map(tuple)
    return st.builds(
        ConsentGrant,
        data_items=items,
        granted_ms=st.integers(-(2**63), 0),
        expires_ms=st.none() | st.integers(1, 2**63 - 1),
        **party,
    )


MEASURED = st.builds(ServiceRecord, value=FINITE, outcome=st.sampled_from(ServiceOutcome))
PREDICTED = {"window": WINDOWS, "contributions": REASONS, "features": NUMBERS, "uploads": UPLOADS}
VALUES = st.one_of(
    st.builds(
        Prediction,
        kind=st.sampled_from(ItemKind),
        health=FINITE,
        remaining_km=st.none() | FINITE,
        probability=CHANCES,
        **PREDICTED,
    ),
    st.builds(
        MaintenanceNeed,
        state=st.sampled_from(NeedState),
        severity=st.sampled_from(Severity),
        probability=CHANCES,
        snoozed_until_ms=MAYBE_MS,
        **PREDICTED,
    ),
    st.builds(
        BookingProposal,
        state=st.sampled_from(ProposalState),
        need_ids=TEXTS,
        slot=st.none() | SLOTS,
        offered=st.lists(SLOTS, max_size=3).map(tuple),
    ),
    st.builds(ProposalStep, state=st.sampled_from(ProposalState), actor=st.sampled_from(Actor)),
    _grants(OF_A_DEALER),
    _grants(OF_NOBODY),
    MEASURED,
    st.builds(VehicleAttributes, st.text(), FINITE, MS),
    st.builds(Dealer, hours=HOURS, bays=TEXTS, technicians=TECHNICIANS, loaners=TEXTS),
    st.builds(DomainEvent, data=st.dictionaries(st.text(), JSON, max_size=4)),
    st.builds(Delivery),
    st.builds(Reminder, need_ids=TEXTS),
)


@given(VALUES)
def test_what_is_written_is_read_again_exactly(value: Any) -> None:
    text = to_document(value)
    again = from_document(text, type(value))
    assert again == value
    assert type(again) is type(value)
    assert to_document(again) == text


def test_tuples_enums_times_and_whole_number_keys_keep_their_types() -> None:
    again = from_document(to_document(prediction()), Prediction)
    assert type(again.contributions) is tuple
    assert type(again.kind) is ItemKind
    assert set(again.probability) == {30, 7}
    hours = OpeningHours("UTC", {"mon": ((time(8, 0, 0, 1), time(17)),)})
    assert from_document(to_document(hours), OpeningHours) == hours


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_not_finite_is_refused(odd: float) -> None:
    for value in (replace(prediction(), remaining_km=odd), replace(prediction(), features={"a": odd})):
        with pytest.raises(InvalidInput) as refused:
            to_document(value)
        assert refused.value.field == "Prediction"


def test_a_document_is_plain_json() -> None:
    assert json.loads(to_document(Slot(1, 2, "ä\x00"))) == {
        "start_ms": 1,
        "end_ms": 2,
        "bay_id": "ä\x00",
        "technician_id": "",
        "loaner_id": "",
    }
