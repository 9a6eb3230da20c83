"""The views: what is shown is what the models and the dossiers say, and nothing else."""

import json
from dataclasses import replace
from datetime import time

import pytest

from domain.consent import ConsentGrant, DataItem, GrantEnd, Purpose
from domain.dossier import CarDossier, DealerDesk, DeskEntry, Funnel, ProposalDossier
from domain.event import DomainEvent
from domain.iso_time import iso_moment
from domain.need import MaintenanceNeed, NeedState, open_need
from domain.opening_hours import OpeningHours
from domain.people import Customer, Dealer, Vehicle
from domain.prediction import Contribution, Prediction
from domain.proposal import Actor, BookingProposal, ProposalState, ProposalStep
from domain.slot import Slot
from domain.telemetry import VehicleAttributes
from tests.support.moments import DAY, HOUR, NOW
from tests.support.predictions import CAR, hazard, wear
from web.booking_view import Chosen, booking_form, grant_that_fits, next_page_ms, proposal_view, slot_days
from web.dealer_view import desk_view
from web.funnel_counts import funnel_counts
from web.health_view import health_chart
from web.need_view import need_card, waterfall
from web.operator_view import operator_view
from web.owner_view import car_view
from web.payload_view import payload_view
from web.reading import Reading

CUSTOMER = Customer("customer-1", "Olla Testa", "olla@owner.example", "en", "Europe/Berlin")
VEHICLE = Vehicle(CAR, "Bauer", "Kompakt", 2019, VehicleAttributes())
HOURS = OpeningHours("Europe/Berlin", {"tue": ((time(8), time(17)),)})
DEALER = Dealer("dealer-1", "Pit Lane Garage", "1 Boxenstraße", HOURS, ("bay-01",))


def need_of(prediction: Prediction, reading: Reading) -> MaintenanceNeed:
    return open_need(f"need-{prediction.item}", prediction, reading.catalogue.items[prediction.item].need_rule, NOW)


def dossier(*needs: MaintenanceNeed, **changes: object) -> CarDossier:
    base = CarDossier(NOW, CUSTOMER, VEHICLE, (), needs, (), (), (), (), ())
    return replace(base, **changes)  # type: ignore[arg-type]


PAYLOAD = {
    "slot": {"start_ms": NOW + DAY, "end_ms": NOW + DAY + HOUR},
    "needs": [
        {
            "need_id": "need-front_brake_pads",
            "item": "front_brake_pads",
            "title": "Front brake pads",
            "severity": "soon",
            "window": {"earliest_ms": NOW, "expected_ms": NOW + 9 * DAY, "latest_ms": NOW + 12 * DAY, "coverage": 0.9},
            "reason": "About 4 mm are left.",
            "labour_minutes": 75,
            "parts": ["front brake pad set"],
        }
    ],
    "vehicle": {"ref": "car-1-and-more"},
    "customer": {"ref": "customer-1-and-more"},
    "note": "",
    "consent": {
        "dct:identifier": "grant-1-and-more",
        "dct:hasVersion": 1,
        "dpv:hasProcess": {
            "dpv:hasPersonalData": ["odometer"],
            "dpv:hasDuration": {
                "@type": "dpv:UntilTimeDuration",
                "rdf:value": {"@type": "xsd:dateTime", "@value": iso_moment(NOW + 30 * DAY)},
            },
        },
    },
}


def proposal(state: ProposalState, **changes: object) -> BookingProposal:
    base = BookingProposal(
        proposal_id="proposal-1",
        version=2,
        state=state,
        customer_id=CUSTOMER.customer_id,
        vehicle_id=CAR,
        dealer_id=DEALER.dealer_id,
        grant_id="grant-1",
        need_ids=("need-front_brake_pads",),
        minutes=75,
        slot=Slot(NOW + DAY, NOW + DAY + 75 * 60_000, "bay-01"),
        offered=(),
        payload=json.dumps(PAYLOAD),
        created_ms=NOW,
        updated_ms=NOW,
        expires_ms=NOW + 3 * DAY,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def under_way(state: ProposalState) -> ProposalDossier:
    step = ProposalStep("proposal-1", 2, ProposalState.SENT, Actor.OWNER, "customer-1", NOW, "", "page")
    return ProposalDossier(proposal(state), (step,), DEALER)


def test_a_car_without_predictions_is_still_getting_known(reading: Reading) -> None:
    view = car_view(dossier(), reading)
    assert view.statement == "Getting to know your car."
    assert view.health.rows == ()


def test_a_prediction_that_is_not_ready_shows_no_number(reading: Reading) -> None:
    row = health_chart([wear(20, is_ready=False)], [], NOW, reading).rows[0]
    assert (row.tone, row.headline, row.detail, row.bar) == ("learning", "Still learning", (), None)


def test_health_rows_come_the_most_pressing_first_with_the_models_own_figures(reading: Reading) -> None:
    oil = wear(200, item="engine_oil", health=0.62)
    pads = wear(12, health=0.2, remaining_km=1234)
    rows = health_chart([oil, pads], [need_of(pads, reading)], NOW, reading).rows
    assert [(row.name, row.percent, row.tone) for row in rows] == [
        ("Front brake pads", 20, "soon"),
        ("Engine oil", 62, "fine"),
    ]
    assert rows[0].detail == ("most likely 18 Oct 2025", "about 1,200 km left")


def test_a_hazard_tells_its_chances_by_horizon(reading: Reading) -> None:
    row = health_chart([hazard(0.4)], [], NOW, reading).rows[0]
    assert [(c.horizon, c.text) for c in row.chances] == [
        ("within 7 days", "10\u202f%"),
        ("within 30 days", "40\u202f%"),
        ("within 90 days", "80\u202f%"),
    ]


def test_contributions_add_up_to_the_number_beside_together(reading: Reading) -> None:
    parts = [
        Contribution("anchor", 12.0, "new"),
        Contribution("slow", -5.25, "slow"),
        Contribution("fast", -2.5, "fast"),
    ]
    figure = waterfall(parts, "mm", reading)
    assert figure is not None
    assert [bar.amount for bar in figure.bars] == ["+12.00\u202fmm", "−5.25\u202fmm", "−2.50\u202fmm"]
    assert figure.total.amount == "4.25\u202fmm"
    assert figure.bars[1].x + figure.bars[1].width == pytest.approx(100)
    assert figure.bars[2].x == pytest.approx(figure.total.width, abs=0.02)


def test_contributions_below_zero_keep_their_zero_line(reading: Reading) -> None:
    figure = waterfall([Contribution("usual", -4.0, ""), Contribution("volts", 1.5, "")], "log-odds", reading)
    assert figure is not None
    assert figure.zero_x == 100
    assert figure.total.amount == "−2.50\u202flog-odds"


def test_one_pressing_need_is_the_pages_first_sentence(reading: Reading) -> None:
    assert car_view(dossier(need_of(wear(12), reading)), reading).statement == "Front brake pads: due soon."


def test_a_need_says_when_it_is_best_seen_to_and_what_waiting_is_reckoned_to_cost(reading: Reading) -> None:
    need = need_of(wear(12), reading)
    assert need.call is not None and need.call.cost_now is not None and need.call.cost_later is not None
    said = need_card(need, None, NOW, reading).call
    assert said.startswith("Best seen to around 3 Nov")
    assert f"about {need.call.cost_now:.0f} EUR" in said and f"to {need.call.cost_later:.0f} EUR if it waits" in said
    assert need_card(replace(need, call=None), None, NOW, reading).call == "", "a need of before has nothing to say"


def test_a_need_in_a_proposal_is_not_offered_for_booking_again(reading: Reading) -> None:
    need = need_of(wear(12), reading)
    assert need_card(need, None, NOW, reading).can_book
    card = need_card(need, under_way(ProposalState.SENT), NOW, reading)
    assert (card.can_book, card.can_snooze, card.state_text) == (False, False, "With Pit Lane Garage")
    booked = need.to(NeedState.BOOKED, NOW)
    assert car_view(dossier(booked), reading).statement == "Everything that is due is arranged."


def test_what_is_kept_back_is_listed_as_not_shared(reading: Reading) -> None:
    view = payload_view(PAYLOAD, NOW, reading)
    rows = {row.label: row for _, group in view.rows for row in group}
    assert (rows["VIN"].value, rows["VIN"].is_shared) == ("not shared", False)
    assert (rows["Name"].is_shared, rows["Evidence"].is_shared) == (False, False)
    assert (view.duration, view.shared, view.car, view.customer) == ("1 h 15 min", "odometer", "", "")


def test_a_desk_entry_without_consent_tells_nothing(reading: Reading) -> None:
    entry = DeskEntry(proposal(ProposalState.WITHDRAWN), None, ())
    card = desk_view(DealerDesk(NOW, DEALER, (entry,)), reading).over[0]
    assert (card.payload, card.slot, card.answer_by, card.offered) == (None, "", "", ())
    assert not (card.can_accept or card.can_decline or card.can_check_in or card.can_complete)


def test_the_desk_puts_the_urgent_before_the_early(reading: Reading) -> None:
    def entry(name: str, severity: str, days: int) -> DeskEntry:
        payload = PAYLOAD | {"needs": [PAYLOAD["needs"][0] | {"severity": severity}]}  # type: ignore[operator,index]
        slot = Slot(NOW + days * DAY, NOW + days * DAY + HOUR, "bay-01")
        return DeskEntry(proposal(ProposalState.SENT, proposal_id=name, slot=slot), payload, ())

    desk = DealerDesk(NOW, DEALER, (entry("early", "advisory", 1), entry("late", "urgent", 5)))
    view = desk_view(desk, reading)
    assert [card.proposal_id for card in view.groups[0].entries] == ["late", "early"]
    assert view.waiting == 2


def test_the_workshop_is_asked_in_the_items_own_unit(reading: Reading) -> None:
    entry = DeskEntry(proposal(ProposalState.CHECKED_IN, odometer_m=61_000_000), PAYLOAD, ())
    card = desk_view(DealerDesk(NOW, DEALER, (entry,)), reading).groups[1].entries[0]
    asked = card.measurements[0]
    assert (asked.unit, asked.low, asked.high, asked.hint) == ("mm", "0", "15", "new 12 mm, replace at 3 mm")
    assert [m.item for m in card.others] == [item for item in reading.catalogue.items if item != "front_brake_pads"]
    fluid = next(m for m in card.others if m.item == "brake_fluid")
    assert fluid.unit == ""
    assert [outcome.value for outcome in fluid.outcomes] == ["replaced", "ok", "failed"]
    assert fluid.outcomes[0].name == "Done"


def test_the_workshop_is_asked_of_what_a_car_has_where_its_owner_said_what_drives_it(reading: Reading) -> None:
    told = PAYLOAD | {"vehicle": {**PAYLOAD["vehicle"], "powertrain": "electric"}}  # type: ignore[dict-item]
    entry = DeskEntry(proposal(ProposalState.CHECKED_IN, odometer_m=61_000_000), told, ())
    card = desk_view(DealerDesk(NOW, DEALER, (entry,)), reading).groups[1].entries[0]
    others = {m.item for m in card.others}
    assert others == set(reading.catalogue.items_of("electric")) - {"front_brake_pads"}
    assert "traction_battery" in others and "engine_oil" not in others


def test_a_reader_is_told_in_their_own_language_and_in_english_where_nothing_else_was_said(reading: Reading) -> None:
    german = Reading.of(reading.catalogue, locale="de-AT", time_zone="Europe/Berlin")
    need = replace(need_of(wear(12), reading), reasons={"de": "Noch 3,4 mm."})
    assert need_card(need, None, NOW, german).reason == "Noch 3,4 mm."
    assert need_card(need, None, NOW, german).name == "Bremsbeläge vorn"
    assert need_card(need, None, NOW, Reading.of(reading.catalogue, locale="fr")).reason == need.reason


def test_slots_are_grouped_by_the_dealers_days(reading: Reading) -> None:
    slots = [
        Slot(NOW + d * DAY + h * HOUR, NOW + d * DAY + h * HOUR + HOUR, "bay-01") for d in range(10) for h in (0, 1)
    ]
    days = slot_days(slots, reading)
    assert len(days) == 8
    assert (days[0].day, [t.name for t in days[0].times]) == ("Monday 6 October", ["10:00", "11:00"])
    assert [day.is_open for day in days[:2]] == [True, False]
    assert next_page_ms(slots, reading) == NOW + 8 * DAY


def test_the_booking_form_keeps_what_was_chosen_beside_its_errors(reading: Reading) -> None:
    need = need_of(wear(12), reading)
    chosen = Chosen(need_ids=(need.need_id, "unknown"), dealer_id=DEALER.dealer_id, data_items=("vin",), note="squeals")
    form = booking_form(dossier(need), [DEALER], [], chosen, reading, reading, {"start_ms": "Choose a time."})
    assert (form.chosen_needs, form.dealer, form.duration) == ((need.need_id,), DEALER, "1 h 15 min")
    assert [item.value for item in form.data_items if item.is_chosen] == ["vin"]
    assert form.errors == {"start_ms": "Choose a time."}


def test_a_grant_is_used_again_only_when_it_says_exactly_the_same() -> None:
    grant = ConsentGrant("g", 1, "c", CAR, Purpose.BOOKING, "dealer-1", (DataItem.CONTACT,), NOW, NOW + 30 * DAY)

    def fits(items: list[DataItem], until: int = NOW + 30 * DAY, given: ConsentGrant = grant) -> bool:
        return grant_that_fits([given], CAR, "dealer-1", items, until, NOW) is not None

    assert fits([DataItem.CONTACT])
    assert not fits([])
    assert not fits([DataItem.CONTACT, DataItem.VIN])
    assert not fits([DataItem.CONTACT], NOW + 90 * DAY)
    assert not fits([DataItem.CONTACT], given=grant.ended(GrantEnd.WITHDRAWN, NOW))


def test_offers_are_shown_only_while_they_stand(reading: Reading) -> None:
    offered = (Slot(NOW + 2 * DAY, NOW + 2 * DAY + HOUR, "bay-01"),)
    countered = ProposalDossier(proposal(ProposalState.COUNTERED, offered=offered), (), DEALER)
    assert [offer.name for offer in proposal_view(countered, NOW, reading, "olla").offers] == ["Wed 8 Oct, 10:00–11:00"]
    assert proposal_view(under_way(ProposalState.CONFIRMED), NOW, reading, "olla").has_calendar
    assert proposal_view(under_way(ProposalState.DRAFT), NOW, reading, "olla").step == 4


def test_the_funnel_counts_by_the_events_that_make_it(reading: Reading) -> None:
    counts = {"uploads": 1200, "need-opened": 4, "proposal-sent": 2, "proposal-accepted": 1, "proposal-countered": 1}
    named = funnel_counts(counts)
    assert (named["needs_opened"], named["dealer_replies"], named["confirmed"]) == (4, 2, 0)
    event = DomainEvent("e", "need-opened", CAR, NOW, "model", "", {"item": "engine_oil"})
    funnel = Funnel(NOW, counts, {"engine_oil": "3-abc"}, (event,))
    waiting = {"waiting": 2, "topics": {"predictions": 2}, "outbox": 0}
    view = operator_view(funnel, waiting, {"ready": False, "recovered": False}, reading)
    assert {bar.key: bar.conversion for bar in view.bars}["proposals_sent"] == "50\u202f% of needs opened"
    assert (view.models, view.faults) == ((("Engine oil", "3-abc"),), ("Not ready: recovered",))
    assert view.recent[0].text == "Engine oil: time to act"
