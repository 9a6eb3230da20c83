"""Consent: a permit comes from a live grant of that car and that dealer, and from nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.consent import ConsentGrant, DataItem, GrantEnd, Permit, Purpose
from domain.errors import Conflict, ConsentMissing, InvalidInput
from domain.iso_time import iso_moment
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
    withdrawn = GRANT.ended(GrantEnd.WITHDRAWN, NOW)
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
        GRANT.ended(GrantEnd.WITHDRAWN, NOW).ended(GrantEnd.SOLD, NOW + 1)


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
    receipt = GRANT.receipt("Example Cars, Main Street 1")
    assert receipt["@type"] == "dpv:ConsentRecord"
    assert receipt["dct:conformsTo"] == "https://w3id.org/dpv/schema/dpv-27560#record"
    assert (receipt["dct:identifier"], receipt["dct:hasVersion"]) == ("grant-1", 1)
    assert receipt["dpv:hasDataSubject"] == receipt["dpv:isIndicatedBy"] == "owner-1"
    assert receipt["dpv:hasDataController"] == "Example Cars, Main Street 1"
    process = receipt["dpv:hasProcess"]
    assert process["dpv:hasPurpose"] == "booking"
    assert process["dpv:hasRecipient"] == "dealer-1"
    assert process["dpv:hasPersonalData"] == ["contact", "vin"]
    assert receipt["dpv:isIndicatedAtTime"] == {"@type": "xsd:dateTime", "@value": iso_moment(NOW)}
    assert process["dpv:hasDuration"]["rdf:value"] == {"@type": "xsd:dateTime", "@value": iso_moment(NOW + DAY)}
    assert "grant-1" in receipt["dpv:hasConsentControl"]["rdf:value"]
    assert receipt["dpv:hasConsentStatus"] == "dpv:ConsentGiven"
    assert "dct:modified" not in receipt
    terms = {name.partition(":")[0] for name in receipt if ":" in name}
    assert terms <= set(receipt["@context"]), "every prefix is one that the context explains"


@pytest.mark.parametrize(
    ("how", "status"),
    [
        (GrantEnd.WITHDRAWN, "dpv:ConsentWithdrawn"),
        (GrantEnd.EXPIRED, "dpv:ConsentExpired"),
        (GrantEnd.SOLD, "dpv:ConsentWithdrawn"),
    ],
)
def test_the_receipt_of_a_grant_that_ended_says_so(how: GrantEnd, status: str) -> None:
    receipt = GRANT.ended(how, NOW + DAY).receipt("x")
    assert (receipt["dpv:hasConsentStatus"], receipt["dct:hasVersion"]) == (status, 2)
    assert receipt["dct:modified"]["@value"] == iso_moment(NOW + DAY)


def test_a_grant_of_before_that_was_withdrawn_still_says_so() -> None:
    assert replace(GRANT, withdrawn_ms=NOW).receipt("x")["dpv:hasConsentStatus"] == "dpv:ConsentWithdrawn"


def test_a_grant_expires_by_time_alone() -> None:
    with pytest.raises(Conflict, match="has not run out"):
        GRANT.ended(GrantEnd.EXPIRED, NOW + DAY - 1)
    expired = GRANT.ended(GrantEnd.EXPIRED, NOW + DAY)
    assert (expired.end, expired.withdrawn_ms, expired.changed_ms) == (GrantEnd.EXPIRED, None, NOW + DAY)


class TestNarrowing:
    def test_it_leaves_fewer_items_an_earlier_end_or_both(self) -> None:
        fewer = GRANT.narrowed(NOW, [DataItem.VIN], None)
        assert (fewer.version, fewer.data_items, fewer.expires_ms) == (2, (DataItem.VIN,), NOW + DAY)
        sooner = GRANT.narrowed(NOW, GRANT.data_items, NOW + 10)
        assert (sooner.data_items, sooner.expires_ms) == (GRANT.data_items, NOW + 10)
        nothing = fewer.narrowed(NOW + 1, [], NOW + 10)
        assert (nothing.version, nothing.data_items, nothing.expires_ms) == (3, (), NOW + 10)

    def test_a_grant_without_end_can_be_given_one(self) -> None:
        assert replace(GRANT, expires_ms=None).narrowed(NOW, GRANT.data_items, NOW + 5).expires_ms == NOW + 5

    @pytest.mark.parametrize(
        ("items", "expires_ms", "field"),
        [
            ([DataItem.CONTACT, DataItem.EVIDENCE], None, "data_items"),
            (list(GRANT.data_items), None, "data_items"),
            (list(GRANT.data_items), NOW + DAY + 1, "expires_ms"),
            (list(GRANT.data_items), NOW, "expires_ms"),
        ],
    )
    def test_it_is_never_more_nor_the_same(self, items: list[DataItem], expires_ms: int | None, field: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            GRANT.narrowed(NOW, items, expires_ms)
        assert refused.value.field == field
        assert refused.value.fix

    def test_what_has_ended_is_not_narrowed(self) -> None:
        for over, at_ms in ((GRANT.ended(GrantEnd.WITHDRAWN, NOW), NOW), (GRANT, NOW + DAY)):
            with pytest.raises(Conflict, match="nothing left to narrow"):
                over.narrowed(at_ms, [], None)
