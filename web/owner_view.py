"""The owner's pages: the car, the list of cars, and the consents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from domain.consent import ConsentGrant, GrantEnd, Purpose
from domain.dossier import CarDossier, CarOverview, ProposalDossier
from domain.need import MaintenanceNeed, NeedState, Severity
from domain.people import Dealer, Driving, Vehicle
from domain.proposal import ProposalState
from web.health_view import HealthChart, health_chart
from web.ledger_view import LedgerView, ledger_view
from web.need_view import NeedCard, need_cards
from web.reading import Reading

TIMELINE_SHOWN = 14
# Every prediction that moves a window is a step; a person wants the steps that mean something.
QUIET_KINDS = frozenset({"need-moved", "proposal-draft"})


@dataclass(frozen=True, slots=True)
class TimelineStep:
    """Something that happened, in words."""

    text: str
    when: str
    iso: str
    kind: str
    who: str = ""


@dataclass(frozen=True, slots=True)
class VisitCard:
    """A proposal under way, or just over, on the car's page."""

    proposal_id: str
    state: str
    label: str
    told: str
    dealer: str
    slot: str
    is_owners_turn: bool
    items: str


@dataclass(frozen=True, slots=True)
class GrantLine:
    """A consent grant in one line."""

    grant_id: str
    purpose: str
    text: str
    dealer: str
    car: str
    items: str
    period: str
    is_live: bool
    receipt: Mapping[str, object]
    warning: str
    kept_items: tuple[tuple[str, str], ...] = ()
    """What may be left out of a live one: each data item and its name, the last one too."""
    erasure: str = ""


@dataclass(frozen=True, slots=True)
class DriverLine:
    """Somebody who drives the car, for its owner."""

    customer_id: str
    name: str
    may_book: bool
    since: str


@dataclass(frozen=True, slots=True)
class CarView:
    """The car's page, for its owner or (`driving`) for who drives it."""

    vehicle_id: str
    name: str
    subtitle: str
    statement: str
    lead: str
    tone: str
    visits: tuple[VisitCard, ...]
    needs: tuple[NeedCard, ...]
    bookable: tuple[str, ...]
    health: HealthChart
    grants: tuple[GrantLine, ...]
    timeline: tuple[TimelineStep, ...]
    ledger: LedgerView
    zone: str
    drivers: tuple[DriverLine, ...]
    codes_out: str
    driving: Driving | None


@dataclass(frozen=True, slots=True)
class CarRow:
    """A car in the list of many; `told` says who drives it, or that the reader does so for its owner."""

    vehicle_id: str
    name: str
    subtitle: str
    told: str
    statement: str
    tone: str


def car_rows(cars: Sequence[CarOverview], reading: Reading) -> tuple[CarRow, ...]:
    """The list of a reader's cars, what presses most first, and otherwise in the order in which they came."""
    rows = []
    for car in cars:
        sent = [proposal for proposal in car.under_way if proposal.state is not ProposalState.DRAFT]
        arranged = {need_id for proposal in sent for need_id in proposal.need_ids}
        waiting = [n for n in car.needs if n.need_id not in arranged and n.state not in _QUIET]
        pressing = sorted(waiting, key=_urgency)
        rows.append((_urgency(pressing[0]) if pressing else _NOT_URGENT, _car_row(car, pressing, reading)))
    return tuple(row for _, row in sorted(rows, key=lambda entry: entry[0]))


_QUIET = (NeedState.BOOKED, NeedState.SNOOZED)
_RANKS = {Severity.URGENT: 0, Severity.SOON: 1, Severity.ADVISORY: 2}
_NOT_URGENT = (len(_RANKS), 0)


def _urgency(need: MaintenanceNeed) -> tuple[int, int]:
    return _RANKS[need.severity], need.window.expected_ms or 2**62


def _car_row(car: CarOverview, pressing: Sequence[MaintenanceNeed], reading: Reading) -> CarRow:
    texts, vehicle = reading.texts, car.vehicle
    firsts = [(reading.item_name(need.item), str(need.severity)) for need in pressing]
    statement, tone = _statement(firsts, reading, has_needs=bool(car.needs), is_learning=not car.is_ready)
    if car.heard_ms is None:
        heard = texts("owner.never_heard")
    else:
        heard = texts("owner.last_heard", when=reading.formatting.moment(car.heard_ms))
    return CarRow(
        vehicle_id=vehicle.vehicle_id,
        name=car_name(vehicle),
        subtitle=f"{vehicle.make} {vehicle.model} {vehicle.model_year} · {heard}",
        told=texts("drivers.yours") if car.is_driven else ", ".join(car.drivers),
        statement=statement,
        tone=tone,
    )


def car_name(vehicle: Vehicle) -> str:
    """What the owner calls it, else what it is."""
    return vehicle.label or f"{vehicle.make} {vehicle.model}".strip()


def car_view(dossier: CarDossier, reading: Reading) -> CarView:
    """All that its owner, or who drives it, sees of one car."""
    needs = need_cards(dossier.needs, dossier.proposals, dossier.now_ms, reading)
    is_learning = not any(a.is_ready for a in dossier.assessments)
    pressing = [need for need in needs if need.can_book and need.state != NeedState.SNOOZED]
    lead = pressing[0].advice if len(pressing) == 1 else ""
    firsts = [(need.name, need.severity) for need in pressing]
    statement, tone = _statement(firsts, reading, has_needs=bool(needs), is_learning=is_learning)
    if not needs:
        lead = reading.texts("owner.still_learning_lead" if is_learning else "owner.nothing_due_lead")
    driving = dossier.driving
    if driving is not None and not driving.may_book:
        needs = tuple(replace(need, can_book=False) for need in needs)
    return CarView(
        vehicle_id=dossier.vehicle.vehicle_id,
        name=car_name(dossier.vehicle),
        subtitle=_subtitle(dossier, reading),
        statement=statement,
        lead=lead,
        tone=tone,
        visits=tuple(visit_card(p, dossier, reading) for p in _shown_visits(dossier)),
        needs=needs,
        bookable=tuple(need.need_id for need in needs if need.can_book),
        health=health_chart(dossier.assessments, dossier.needs, dossier.now_ms, reading),
        grants=grant_lines(
            [g for g in dossier.grants if g.is_live(dossier.now_ms)],
            {dossier.vehicle.vehicle_id: dossier.vehicle},
            {p.dealer.dealer_id: p.dealer for p in dossier.proposals},
            dossier.now_ms,
            reading,
        ),
        timeline=timeline(dossier, reading),
        ledger=ledger_view(dossier.ledger, reading),
        zone=reading.formatting.zone_name,
        drivers=tuple(
            DriverLine(d.driving.customer_id, d.name, d.driving.may_book, reading.formatting.day(d.driving.from_ms))
            for d in dossier.drivers
        ),
        codes_out=_codes_out(dossier, reading),
        driving=driving,
    )


def _codes_out(dossier: CarDossier, reading: Reading) -> str:
    """How many codes for drivers nobody has used yet, and until when they count; empty where there is none."""
    if not dossier.invitations:
        return ""
    until = max(one.expires_ms for one in dossier.invitations)
    return reading.texts.plural("drivers.codes", len(dossier.invitations), date=reading.formatting.day(until))


def _subtitle(dossier: CarDossier, reading: Reading) -> str:
    vehicle, fmt = dossier.vehicle, reading.formatting
    told = [f"{vehicle.make} {vehicle.model} {vehicle.model_year}"]
    if dossier.assessments:
        newest = max(dossier.assessments, key=lambda a: a.event_ms)
        told.append(reading.texts("owner.odometer", km=fmt.km(newest.odometer_m)))
        told.append(reading.texts("owner.last_heard", when=fmt.moment(newest.event_ms)))
    else:
        told.append(reading.texts("owner.never_heard"))
    return " · ".join(told)


def _statement(
    pressing: Sequence[tuple[str, str]], reading: Reading, *, has_needs: bool, is_learning: bool
) -> tuple[str, str]:
    """A sentence on how a car is, and its tone; `pressing`: name and severity of what is to be arranged."""
    texts = reading.texts
    if pressing:
        name, severity = pressing[0]
        told = texts(f"severity.{severity}").lower()
        return texts.plural("owner.needs_title", len(pressing), name=name, severity=told), severity
    if has_needs:
        return texts("owner.all_arranged"), "fine"
    return texts("owner.learning" if is_learning else "owner.nothing_due"), "fine"


def _shown_visits(dossier: CarDossier) -> list[ProposalDossier]:
    """What is under way, and the newest that is over; a discarded draft is nothing to show."""
    newest_first = sorted(dossier.proposals, key=lambda p: -p.proposal.updated_ms)
    under_way = [p for p in newest_first if not p.proposal.state.is_over]
    over = [p for p in newest_first if p.proposal.state.is_over and any(s.state is ProposalState.SENT for s in p.steps)]
    return under_way + over[: max(0, 2 - len(under_way))]


def visit_card(dossier: ProposalDossier, car: CarDossier, reading: Reading) -> VisitCard:
    """A proposal in short."""
    proposal, texts, fmt = dossier.proposal, reading.texts, reading.formatting
    names = {n.need_id: reading.item_name(n.item) for n in (*car.needs, *car.past_needs)}
    slot = proposal.slot
    return VisitCard(
        proposal_id=proposal.proposal_id,
        state=str(proposal.state),
        label=texts(f"proposal_state.{proposal.state}.label"),
        told=texts(f"proposal_state.{proposal.state}.owner"),
        dealer=dossier.dealer.name,
        slot="" if slot is None else fmt.span(slot.start_ms, slot.end_ms),
        is_owners_turn=proposal.state in (ProposalState.DRAFT, ProposalState.COUNTERED, ProposalState.ACCEPTED),
        items=", ".join(names[i] for i in proposal.need_ids if i in names),
    )


def grant_lines(
    grants: Iterable[ConsentGrant],
    cars: Mapping[str, Vehicle],
    dealers: Mapping[str, Dealer],
    now_ms: int,
    reading: Reading,
) -> tuple[GrantLine, ...]:
    """Grants in words, the newest first."""
    return tuple(
        _grant_line(grant, cars, dealers, now_ms, reading)
        for grant in sorted(grants, key=lambda g: (-g.granted_ms, g.grant_id))
    )


def _grant_line(
    grant: ConsentGrant, cars: Mapping[str, Vehicle], dealers: Mapping[str, Dealer], now_ms: int, reading: Reading
) -> GrantLine:
    texts, fmt = reading.texts, reading.formatting
    dealer = dealers.get(grant.dealer_id or "")
    car = cars.get(grant.vehicle_id)
    if grant.withdrawn_ms is not None:
        how = "sold" if grant.end is GrantEnd.SOLD else "withdrawn"
        period = texts(f"consents.{how}", date=fmt.day(grant.withdrawn_ms))
    elif grant.expires_ms is None:
        period = texts("consents.open_ended")
    elif grant.is_live(now_ms):
        period = texts("consents.until", date=fmt.day(grant.expires_ms))
    else:
        period = texts("consents.expired", date=fmt.day(grant.expires_ms))
    warning = f"consents.warn_{grant.purpose}"
    return GrantLine(
        grant_id=grant.grant_id,
        purpose=texts(f"purpose.{grant.purpose}.name"),
        text=texts(f"purpose.{grant.purpose}.text"),
        dealer=dealer.name if dealer else "",
        car=car_name(car) if car else "",
        items=", ".join(texts(f"data_item.{item}.short") for item in grant.data_items),
        period=period,
        is_live=grant.is_live(now_ms),
        receipt=grant.receipt(reading.controller),
        warning=texts(warning) if grant.purpose in (Purpose.PREDICTION, Purpose.BOOKING) else "",
        kept_items=tuple((str(item), texts(f"data_item.{item}.name")) for item in grant.data_items),
        erasure=texts("consents.erasure", date=fmt.day(grant.erasure_asked_ms)) if grant.erasure_asked_ms else "",
    )


def timeline(dossier: CarDossier, reading: Reading) -> tuple[TimelineStep, ...]:
    """The newest steps that mean something, newest first."""
    told = [event for event in dossier.timeline if event.kind not in QUIET_KINDS]
    told.sort(key=lambda event: -event.time_ms)
    fmt, is_driver = reading.formatting, dossier.driving is not None
    return tuple(
        TimelineStep(
            reading.event_text(e), fmt.moment(e.time_ms), fmt.iso(e.time_ms), e.kind,
            reading.actor_text(e.actor, is_reader=e.actor == "owner" and not is_driver),
        )
        for e in told[:TIMELINE_SHOWN]
    )  # fmt: skip
