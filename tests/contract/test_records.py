"""What the records promise on either database: things come back as they were put, and rules hold between writers."""

from dataclasses import replace

import pytest

from adapters.records import Records
from domain.consent import ConsentGrant, GrantEnd, Purpose
from domain.errors import Conflict
from domain.need import NeedState
from domain.people import Account, Customer, Ownership, Role, Session, Vehicle
from domain.proposal import Actor, ProposalState
from domain.service_record import ServiceOutcome
from domain.telemetry import VehicleAttributes
from tests.contract.samples import (
    ACCOUNT,
    CAR,
    DAY,
    DEALER,
    GRANT,
    NOW,
    OWNER,
    need,
    prediction,
    proposal,
    service_record,
    settle,
    step,
)
from workflow.ports import KeptCall, KeptReply


async def test_a_car_comes_back_as_it_was_put_and_by_its_credential(records: Records) -> None:
    async with records.unit_of_work() as work:
        await work.vehicles.add(CAR)
        await work.vehicles.add_credential("hash-1", CAR.vehicle_id, NOW)
    changed = replace(CAR, label="The red", attributes=VehicleAttributes("electric", 2100.0))
    async with records.unit_of_work() as work:
        assert await work.vehicles.get(CAR.vehicle_id) == CAR
        assert await work.vehicles.by_credential("hash-1") == CAR
        assert await work.vehicles.by_credential("hash-2") is None
        assert await work.vehicles.get("another") is None
        await work.vehicles.update(changed)
        assert await work.vehicles.get(CAR.vehicle_id) == changed
        assert await work.vehicles.count() == 1


async def test_a_second_car_with_the_same_id_is_a_conflict_that_spoils_nothing(records: Records) -> None:
    async with records.unit_of_work() as work:
        await work.vehicles.add(CAR)
        with pytest.raises(Conflict):
            await work.vehicles.add(CAR)
        await work.vehicles.add(replace(CAR, vehicle_id="car-2"))
        with pytest.raises(Conflict):
            await work.vehicles.update(replace(CAR, vehicle_id="car-3"))
    async with records.unit_of_work() as work:
        assert await work.vehicles.count() == 2


async def test_an_enrolment_token_is_known_once_added(records: Records) -> None:
    async with records.unit_of_work() as work:
        await work.vehicles.add_enrolment_token("t", NOW)
        await work.vehicles.add_enrolment_token("t", NOW + 1)
        assert await work.vehicles.is_enrolment_token("t")
        assert not await work.vehicles.is_enrolment_token("u")


async def test_the_cars_of_a_fleet_are_those_enrolled_with_its_token(records: Records) -> None:
    others = [replace(CAR, vehicle_id=f"car-{n}") for n in (7, 8, 9)]
    async with records.unit_of_work() as work:
        for token in ("t", "u"):
            await work.vehicles.add_enrolment_token(token, NOW)
        for car in (CAR, *others):
            await work.vehicles.add(car)
        for car, token in ((CAR, "t"), (others[0], "t"), (others[1], "u")):
            await work.vehicles.add_enrolment(token, car.vehicle_id)
        with pytest.raises(Conflict):
            await work.vehicles.add_enrolment("u", CAR.vehicle_id)
    ids = [CAR.vehicle_id, "car-7", "car-8", "car-9", "unknown"]
    async with records.unit_of_work() as work:
        found = await work.vehicles.enrolled_with("t", ids)
        assert sorted(car.vehicle_id for car in found) == sorted([CAR.vehicle_id, "car-7"])
        assert await work.vehicles.enrolled_with("t", []) == []
        assert await work.vehicles.enrolled_with("another", ids) == []


async def test_a_claim_code_is_taken_once_and_not_after_its_time(records: Records) -> None:
    async with records.unit_of_work() as work:
        await work.vehicles.add(CAR)
        await work.vehicles.set_claim_code(CAR.vehicle_id, "old", NOW + DAY)
        await work.vehicles.set_claim_code(CAR.vehicle_id, "new", NOW + DAY)
        assert await work.vehicles.take_claim_code("old", NOW) is None
        assert await work.vehicles.take_claim_code("new", NOW + DAY) is None
        assert await work.vehicles.take_claim_code("new", NOW) == CAR.vehicle_id
        assert await work.vehicles.take_claim_code("new", NOW) is None


async def test_a_car_has_one_owner_at_a_time(records: Records) -> None:
    await settle(records)
    async with records.unit_of_work() as work:
        await work.people.add_customer(Customer("owner-2", "Bo Example", "bo@example.test", "en", "UTC"))
        assert await work.vehicles.owner_of(CAR.vehicle_id) == OWNER.customer_id
        await work.vehicles.own(Ownership(CAR.vehicle_id, "owner-2", NOW + DAY))
        assert await work.vehicles.owner_of(CAR.vehicle_id) == "owner-2"
        assert await work.vehicles.owned_by(OWNER.customer_id) == []
        assert await work.vehicles.owned(CAR.vehicle_id, OWNER.customer_id) is None
        assert await work.vehicles.owned(CAR.vehicle_id, "owner-2") == CAR
        assert await work.vehicles.owned_by("owner-2") == [CAR]
        assert await work.vehicles.owner_of("another") is None


async def test_people_come_back_as_they_were_put(records: Records) -> None:
    await settle(records)
    second = replace(DEALER, dealer_id="dealer-2", name="Another Garage", webhook_url="")
    async with records.unit_of_work() as work:
        await work.people.add_dealer(second)
        assert await work.people.customer(OWNER.customer_id) == OWNER
        assert await work.people.account(ACCOUNT.account_id) == ACCOUNT
        assert await work.people.dealer(DEALER.dealer_id) == DEALER
        assert await work.people.dealers() == [second, DEALER]
        assert await work.people.customer("x") is None
        assert await work.people.account("x") is None
        assert await work.people.dealer("x") is None


async def test_an_email_address_is_one_however_it_is_written(records: Records) -> None:
    await settle(records)
    async with records.unit_of_work() as work:
        with pytest.raises(Conflict):
            await work.people.add_account(Account("account-2", Role.OPERATOR, "ADA@example.TEST", "h"))
        await work.people.add_account(Account("account-3", Role.OPERATOR, "STRASSE@example.test", "h"))
        with pytest.raises(Conflict):
            await work.people.add_account(Account("account-4", Role.OPERATOR, "straße@example.test", "h"))
        assert await work.people.account_by_email(" aDA@EXAMPLE.test ") == ACCOUNT
        assert await work.people.account_by_email("nobody@example.test") is None


async def test_a_session_lasts_until_it_is_ended(records: Records) -> None:
    await settle(records)
    session, link = Session("t1", ACCOUNT.account_id, NOW), Session("t2", ACCOUNT.account_id, NOW, is_single_use=True)
    async with records.unit_of_work() as work:
        await work.people.add_session(session)
        await work.people.add_session(link)
        assert await work.people.session("t1") == session
        assert await work.people.session("t2") == link
        await work.people.end_session("t2")
        assert await work.people.session("t2") is None
        assert await work.people.session("t1") == session


async def test_the_consent_behind_a_proposal_is_found_for_its_two_parties_only(records: Records) -> None:
    await settle(records)
    async with records.unit_of_work() as work:
        await work.proposals.add(proposal())
        for party_id in (OWNER.customer_id, DEALER.dealer_id):
            assert await work.consents.behind("proposal-1", party_id) == GRANT
        assert await work.consents.behind("proposal-1", "another") is None
        assert await work.consents.behind("another", OWNER.customer_id) is None


async def test_a_consent_is_live_until_withdrawn_or_expired(records: Records) -> None:
    await settle(records)
    reminders = ConsentGrant("grant-2", 1, OWNER.customer_id, CAR.vehicle_id, Purpose.REMINDERS, None, (), NOW, None)
    async with records.unit_of_work() as work:
        await work.consents.add(reminders)
        assert await work.consents.live(CAR.vehicle_id, Purpose.BOOKING, NOW) == [GRANT]
        assert await work.consents.live(CAR.vehicle_id, Purpose.BOOKING, NOW + 90 * DAY) == []
        assert await work.consents.live(CAR.vehicle_id, Purpose.REMINDERS, NOW + 900 * DAY) == [reminders]
        assert await work.consents.live("another", Purpose.REMINDERS, NOW) == []
        several = [CAR.vehicle_id, "another"]
        assert await work.consents.permitting(several, Purpose.BOOKING, NOW) == {CAR.vehicle_id}
        assert await work.consents.permitting(several, Purpose.BOOKING, NOW + 90 * DAY) == set()
        assert await work.consents.permitting(["another"], Purpose.BOOKING, NOW) == set()
        withdrawn = GRANT.ended(GrantEnd.WITHDRAWN, NOW + 5)
        await work.consents.update(withdrawn)
        assert await work.consents.live(CAR.vehicle_id, Purpose.BOOKING, NOW) == []
        assert await work.consents.permitting(several, Purpose.BOOKING, NOW) == set()
        assert await work.consents.get(GRANT.grant_id) == withdrawn
        assert await work.consents.get(GRANT.grant_id, lock=True) == withdrawn
        assert await work.consents.of_customer(OWNER.customer_id) == [withdrawn, reminders]
        with pytest.raises(Conflict):
            await work.consents.update(withdrawn)


async def test_the_newest_assessment_stays_in_whatever_order_they_come(records: Records) -> None:
    older, newer = prediction(id="a", event_ms=NOW), prediction(id="b", event_ms=NOW + 1)
    oil = prediction(id="c", item="engine_oil", remaining_km=None, probability={})
    async with records.unit_of_work() as work:
        await work.assessments.upsert([newer, older, oil])
        await work.assessments.upsert([older])
        await work.assessments.upsert([])
        assert await work.assessments.of_vehicle(CAR.vehicle_id) == [oil, newer]
        newest = replace(newer, id="d", event_ms=NOW + 2)
        await work.assessments.upsert([newest])
    async with records.unit_of_work() as work:
        assert await work.assessments.of_vehicle(CAR.vehicle_id) == [oil, newest]


async def test_evidence_is_kept_once_and_as_it_was(records: Records) -> None:
    async with records.unit_of_work() as work:
        await work.assessments.keep_evidence(prediction(), "need opened", NOW)
        await work.assessments.keep_evidence(prediction(health=0.9), "need moved", NOW)
        assert await work.assessments.evidence(prediction().id) == prediction()
        assert await work.assessments.evidence("another") is None


async def test_a_car_has_one_live_need_per_item(records: Records) -> None:
    async with records.unit_of_work() as work:
        await work.needs.add(need())
        with pytest.raises(Conflict):
            await work.needs.add(need(need_id="need-2"))
        await work.needs.add(need(need_id="need-3", item="engine_oil"))
        await work.needs.update(need().to(NeedState.RESOLVED, NOW + 1))
        await work.needs.add(need(need_id="need-4", opened_ms=NOW + 2))
    async with records.unit_of_work() as work:
        live = await work.needs.live(CAR.vehicle_id, "front_brake_pads")
        assert live == need(need_id="need-4", opened_ms=NOW + 2)
        assert await work.needs.latest(CAR.vehicle_id, "front_brake_pads") == live
        assert [n.need_id for n in await work.needs.of_vehicle(CAR.vehicle_id)] == ["need-3", "need-4"]
        everything = await work.needs.of_vehicle(CAR.vehicle_id, live_only=False)
        assert [n.need_id for n in everything] == ["need-3", "need-1", "need-4"]
        assert await work.needs.get("need-9") is None
        assert await work.needs.live("another", "front_brake_pads") is None
        with pytest.raises(Conflict):
            await work.needs.update(need(need_id="need-9"))


async def test_a_snooze_that_ran_out_is_found(records: Records) -> None:
    snoozed = need().to(NeedState.SNOOZED, NOW, until_ms=NOW + DAY)
    async with records.unit_of_work() as work:
        await work.needs.add(snoozed)
        assert await work.needs.snoozed_until(NOW + DAY - 1) == []
        assert await work.needs.snoozed_until(NOW + DAY) == [snoozed]
        await work.needs.update(snoozed.to(NeedState.REMINDED, NOW + DAY))
        assert await work.needs.snoozed_until(NOW + 2 * DAY) == []


async def test_a_proposal_changes_one_version_at_a_time(records: Records) -> None:
    await settle(records)
    first = proposal()
    accepted = first.to(ProposalState.ACCEPTED, Actor.DEALER, NOW + 1)
    async with records.unit_of_work() as work:
        await work.proposals.add(first)
        await work.proposals.update(accepted)
        with pytest.raises(Conflict):
            await work.proposals.update(first.to(ProposalState.DECLINED, Actor.DEALER, NOW + 2))
        assert await work.proposals.get(first.proposal_id) == accepted
        assert await work.proposals.get(first.proposal_id, lock=True) == accepted
        assert await work.proposals.get("another") is None


async def test_proposals_are_found_by_car_dealer_grant_and_time(records: Records) -> None:
    await settle(records)
    sent = proposal()
    done = proposal(proposal_id="proposal-2", state=ProposalState.COMPLETED, created_ms=NOW + 1)
    draft = proposal(proposal_id="proposal-3", state=ProposalState.DRAFT, slot=None, created_ms=NOW + 2)
    async with records.unit_of_work() as work:
        for one in (sent, done, draft):
            await work.proposals.add(one)
        assert await work.proposals.of_vehicle(CAR.vehicle_id) == [draft, done, sent]
        assert await work.proposals.under_grant(GRANT.grant_id) == [draft, done, sent]
        assert await work.proposals.of_dealer(DEALER.dealer_id) == [draft, done, sent]
        assert await work.proposals.of_dealer(DEALER.dealer_id, [ProposalState.SENT]) == [sent]
        assert await work.proposals.of_dealer(DEALER.dealer_id, []) == []
        assert await work.proposals.of_dealer("another") == []
        assert await work.proposals.expired(sent.expires_ms - 1) == []
        assert await work.proposals.expired(sent.expires_ms) == [sent, draft]


async def test_the_steps_of_a_proposal_are_kept_in_their_order(records: Records) -> None:
    await settle(records)
    async with records.unit_of_work() as work:
        with pytest.raises(Conflict):
            await work.proposals.add_step(step())
        await work.proposals.add(proposal())
        await work.proposals.add_step(step(2, ProposalState.ACCEPTED))
        await work.proposals.add_step(step(1))
        with pytest.raises(Conflict):
            await work.proposals.add_step(step(1, ProposalState.DECLINED))
        assert await work.proposals.steps("proposal-1") == [step(1), step(2, ProposalState.ACCEPTED)]


async def test_a_service_record_is_added_once(records: Records) -> None:
    await settle(records)
    earlier = service_record(record_id="record-0", performed_ms=NOW - DAY, value=None, outcome=ServiceOutcome.OK)
    async with records.unit_of_work() as work:
        await work.proposals.add(proposal())
        assert await work.service_records.add(service_record(), "proposal-1")
        assert not await work.service_records.add(service_record(value=9.0), None)
        assert await work.service_records.add(earlier, None)
        assert await work.service_records.add(service_record(record_id="record-2", vehicle_id="car-2"), None)
        assert await work.service_records.of_vehicle(CAR.vehicle_id) == [earlier, service_record()]


async def test_a_reply_is_kept_under_its_key_and_account(records: Records) -> None:
    reply = KeptReply(201, '{"ok": true}')
    async with records.unit_of_work() as work:
        assert await work.idempotency.claim("one", "k", "print", now_ms=NOW, until_ms=NOW + 9) is None
        assert await work.idempotency.claim("one", "k", "print", now_ms=NOW, until_ms=NOW + 9) == KeptCall("print")
        assert not await work.idempotency.keep("one", "k", reply, until_ms=NOW + 8), "not the one who has the claim"
        assert await work.idempotency.keep("one", "k", reply, until_ms=NOW + 9)
        kept = await work.idempotency.claim("one", "k", "other", now_ms=NOW + 99, until_ms=NOW + 100)
        assert kept == KeptCall("print", reply), "a kept reply is neither taken over nor written over"
        assert await work.idempotency.claim("another", "k", "print", now_ms=NOW, until_ms=NOW + 9) is None


async def test_a_claim_that_lapsed_is_taken_over_by_the_same_call_only(records: Records) -> None:
    async with records.unit_of_work() as work:
        assert await work.idempotency.claim("one", "k", "print", now_ms=NOW, until_ms=NOW + 9) is None
        other = await work.idempotency.claim("one", "k", "other", now_ms=NOW + 9, until_ms=NOW + 20)
        assert other == KeptCall("print")
        assert await work.idempotency.claim("one", "k", "print", now_ms=NOW + 9, until_ms=NOW + 20) is None
        await work.idempotency.release("one", "k", until_ms=NOW + 9)
        still = await work.idempotency.claim("one", "k", "print", now_ms=NOW + 9, until_ms=NOW + 21)
        assert still == KeptCall("print"), "who lost the claim cannot release it"
        await work.idempotency.release("one", "k", until_ms=NOW + 20)
        assert await work.idempotency.claim("one", "k", "other", now_ms=NOW + 9, until_ms=NOW + 20) is None
        await work.idempotency.forget_before(NOW + 10)
        assert await work.idempotency.claim("one", "k", "print", now_ms=NOW + 9, until_ms=NOW + 20) is None


async def test_a_vehicle_keeps_what_any_language_writes(records: Records) -> None:
    odd = Vehicle("car-ö", "东风", "Ω\U0001f697", 2020, VehicleAttributes(), label="a'b\"c\\d\r\n;--")
    async with records.unit_of_work() as work:
        await work.vehicles.add(odd)
    async with records.unit_of_work() as work:
        assert await work.vehicles.get("car-ö") == odd
