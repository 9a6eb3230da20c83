"""Consent: a permit comes from a live grant of that car and that dealer, and from nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.consent import ConsentGrant, DataItem, Permit, Purpose
from domain.errors import Conflict, ConsentMissing, InvalidInput
from tests.support.moments import DAY, NOW

GRANT = ConsentGrant(
    grant_id="grant-1",
    version=1,
    customer_id="owner-1",
    vehicle_id="car-1",
    purpose=Purpose.BOOKING,
    dealer_id="dealer-1",
    data_items=(DataItem.CONTACT, DataItem.VIN),
    granted_ms=NOW,
    expires_ms=NOW + DAY,
)


def permit(grant: ConsentGrant, now_ms: int = NOW, *, vehicle_id: str = "car-1", dealer_id: str = "dealer-1") -> Permit:
    return grant.permit(now_ms, vehicle_id=vehicle_id, dealer_id=dealer_id)


def test_a_live_grant_permits_its_car_and_its_dealer() -> None:
    assert permit(GRANT).grant is GRANT


def test_a_permit_covers_the_granted_data_and_nothing_else() -> None:
    covered = {item for item in DataItem if permit(GRANT).covers(item)}
    assert covered == {DataItem.CONTACT, DataItem.VIN}


@pytest.mark.parametrize("other", [{"vehicle_id": "car-2"}, {"dealer_id": "dealer-2"}])
def test_another_car_or_another_dealer_is_not_permitted(other: dict[str, str]) -> None:
    with pytest.raises(ConsentMissing, match="another car or another dealer"):
        permit(GRANT, **other)  # type: ignore[arg-type]


def test_a_withdrawn_grant_permits_nothing_from_that_very_moment() -> None:
    withdrawn = GRANT.withdraw(NOW)
    assert (withdrawn.version, withdrawn.withdrawn_ms) == (2, NOW)
    with pytest.raises(ConsentMissing, match="withdrawn or has run out"):
        permit(withdrawn, NOW)


def test_a_grant_runs_out_at_its_expiry() -> None:
    assert permit(GRANT, NOW + DAY - 1)
    with pytest.raises(ConsentMissing):
        permit(GRANT, NOW + DAY)


def test_a_grant_without_expiry_stands_until_withdrawn() -> None:
    assert replace(GRANT, expires_ms=None).is_live(NOW + 10_000 * DAY)


def test_a_consent_is_withdrawn_once() -> None:
    with pytest.raises(Conflict, match="withdrawn already"):
        GRANT.withdraw(NOW).withdraw(NOW + 1)


@pytest.mark.parametrize("purpose", [p for p in Purpose if p is not Purpose.BOOKING])
def test_no_other_purpose_permits_a_proposal(purpose: Purpose) -> None:
    with pytest.raises(ConsentMissing, match=f"for {purpose} permits no proposal"):
        permit(replace(GRANT, purpose=purpose, dealer_id=None))


def test_nobody_makes_a_permit_by_hand() -> None:
    for seal in (object(), None, "seal"):
        with pytest.raises(TypeError, match=r"ConsentGrant\.permit"):
            Permit(seal, GRANT)


def test_a_permit_cannot_be_given_another_grant() -> None:
    with pytest.raises(AttributeError):
        permit(GRANT).grant = replace(GRANT, data_items=tuple(DataItem))  # type: ignore[misc]


@pytest.mark.parametrize("purpose", Purpose)
def test_a_booking_grant_names_its_dealer_and_no_other_does(purpose: Purpose) -> None:
    wrong = None if purpose is Purpose.BOOKING else "dealer-1"
    with pytest.raises(InvalidInput) as refused:
        replace(GRANT, purpose=purpose, dealer_id=wrong)
    assert refused.value.field == "dealer_id"
    assert refused.value.fix


def test_a_grant_ends_after_it_begins() -> None:
    with pytest.raises(InvalidInput) as refused:
        replace(GRANT, expires_ms=NOW)
    assert refused.value.field == "expires_ms"


def test_the_receipt_says_who_what_to_whom_how_long_and_how_to_withdraw() -> None:
    receipt = GRANT.receipt()
    assert receipt["@type"] == "dpv:ConsentRecord"
    assert receipt["dpv:hasDataSubject"] == "owner-1"
    assert receipt["dpv:hasPurpose"] == "booking"
    assert receipt["dpv:hasRecipient"] == "dealer-1"
    assert receipt["dpv:hasPersonalData"] == ["contact", "vin"]
    assert (receipt["dpv:isIndicatedAtTime"], receipt["dpv:hasExpiryTime"]) == (NOW, NOW + DAY)
    assert "grant-1" in receipt["dpv:hasWithdrawalMethod"]
    assert receipt["dpv:hasConsentStatus"] == "dpv:ConsentGiven"


def test_the_receipt_of_a_withdrawn_grant_says_so() -> None:
    receipt = GRANT.withdraw(NOW).receipt()
    assert (receipt["dpv:hasConsentStatus"], receipt["dct:hasVersion"]) == ("dpv:ConsentWithdrawn", 2)
