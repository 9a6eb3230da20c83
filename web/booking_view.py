"""The booking flow: choosing dealer, time and what to share; then the proposal until the visit is over."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from domain.consent import ConsentGrant, DataItem
from domain.dossier import CarDossier, ProposalDossier
from domain.people import Dealer
from domain.proposal import NO_DATA, ProposalState
from domain.slot import Slot
from domain.workload import RankedSlot
from web.formatting import DAY_MS
from web.need_view import NeedCard, need_cards
from web.payload_view import PayloadView, payload_view
from web.reading import Reading

DAYS_SHOWN = 8
RECOMMENDED = 3
NOON_HOUR = 12
CONSENT_DAYS = (30, 90)
TICKED_AT_FIRST = (DataItem.CONTACT, DataItem.VEHICLE, DataItem.ODOMETER, DataItem.EVIDENCE)


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to tick or choose."""

    value: str
    name: str
    text: str = ""
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class SlotDay:
    """The free times of one day at the dealer."""

    day: str
    times: tuple[Choice, ...]
    is_open: bool


@dataclass(frozen=True, slots=True)
class BookingForm:
    """What has been chosen so far; `errors` are by field.

    A driver has no data items to choose: `shares` is what the owner has consented to.
    """

    vehicle_id: str
    needs: tuple[NeedCard, ...]
    chosen_needs: tuple[str, ...]
    dealers: tuple[Choice, ...]
    dealer: Dealer | None
    duration: str
    zone: str
    recommended: tuple[Choice, ...]
    days: tuple[SlotDay, ...]
    from_ms: int | None
    later_ms: int | None
    expected: str
    data_items: tuple[Choice, ...]
    consent_days: tuple[Choice, ...]
    is_driver: bool
    shares: str
    note: str
    lends_cars: bool
    wants_loaner: bool
    errors: dict[str, str]


def booking_minutes(dossier: CarDossier, need_ids: Iterable[str], reading: Reading) -> int:
    """How long the chosen work takes."""
    items = {need.need_id: need.item for need in dossier.needs}
    specs = [reading.item(items[i]) for i in dict.fromkeys(need_ids) if i in items]
    return sum(spec.labour_minutes for spec in specs if spec)


def slot_days(
    slots: Sequence[Slot], reading: Reading, *, chosen: Iterable[int] = (), days_shown: int = DAYS_SHOWN
) -> tuple[SlotDay, ...]:
    """Free slots by local day of the reading's zone; the first day, and those with a chosen time, are open."""
    fmt, picked = reading.formatting, frozenset(chosen)
    by_day: dict[str, list[Slot]] = {}
    for slot in sorted(slots):
        by_day.setdefault(fmt.weekday(slot.start_ms), []).append(slot)
    days = []
    for index, (day, of_day) in enumerate(list(by_day.items())[:days_shown]):
        times = tuple(Choice(str(s.start_ms), fmt.clock(s.start_ms), is_chosen=s.start_ms in picked) for s in of_day)
        is_open = any(t.is_chosen for t in times) or (index == 0 and not picked)
        days.append(SlotDay(day, times, is_open))
    return tuple(days)


def recommended(ranked: Sequence[RankedSlot], reading: Reading, chosen: int | None = None) -> tuple[Choice, ...]:
    """The first time of each of the first few recommended half-days, with why."""
    fmt, texts = reading.formatting, reading.texts
    firsts: dict[tuple[str, bool], RankedSlot] = {}
    for free in ranked:
        start_ms = free.slot.start_ms
        if free.is_quiet:
            firsts.setdefault((fmt.weekday(start_ms), fmt.local(start_ms).hour >= NOON_HOUR), free)
    return tuple(
        Choice(
            str(free.slot.start_ms),
            fmt.span(free.slot.start_ms, free.slot.end_ms),
            texts("booking.quiet_morning" if not is_past_noon else "booking.quiet_afternoon"),
            free.slot.start_ms == chosen,
        )
        for (_, is_past_noon), free in list(firsts.items())[:RECOMMENDED]
    )


def next_page_ms(slots: Sequence[Slot], reading: Reading, days_shown: int = DAYS_SHOWN) -> int | None:
    """Where the days that are not shown begin; None when all are."""
    seen: dict[str, int] = {}
    for slot in sorted(slots):
        seen.setdefault(reading.formatting.weekday(slot.start_ms), slot.start_ms)
    starts = list(seen.values())
    return starts[days_shown] if len(starts) > days_shown else None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The form's fields as they came."""

    need_ids: tuple[str, ...] = ()
    dealer_id: str = ""
    start_ms: int | None = None
    data_items: tuple[str, ...] | None = None
    days: int = CONSENT_DAYS[0]
    note: str = ""
    from_ms: int | None = None
    wants_loaner: bool = False


def booking_form(
    dossier: CarDossier,
    dealers: Sequence[Dealer],
    ranked: Sequence[RankedSlot],
    chosen: Chosen,
    reading: Reading,
    dealer_reading: Reading,
    errors: dict[str, str] | None = None,
) -> BookingForm:
    """The first three steps; `ranked` are the chosen dealer's free times, shown in its own time zone."""
    may_book = dossier.driving is None or dossier.driving.may_book
    every = need_cards(dossier.needs, dossier.proposals, dossier.now_ms, reading)
    cards = tuple(card for card in every if card.can_book and may_book)
    ids = {card.need_id for card in cards}
    picked = tuple(i for i in chosen.need_ids if i in ids)
    dealer = next((d for d in dealers if d.dealer_id == chosen.dealer_id), None)
    ticked = [str(i) for i in TICKED_AT_FIRST] if chosen.data_items is None else chosen.data_items
    slots = [free.slot for free in ranked]
    quiet = recommended(ranked, dealer_reading, chosen.start_ms)
    # A time that is ticked among the recommended ones is not ticked a second time below.
    is_below = chosen.start_ms is not None and not any(choice.is_chosen for choice in quiet)
    expected = [n.window.expected_ms for n in dossier.needs if n.need_id in picked and n.window.expected_ms]
    return BookingForm(
        vehicle_id=dossier.vehicle.vehicle_id,
        needs=cards,
        chosen_needs=picked,
        dealers=tuple(Choice(d.dealer_id, d.name, d.address, d is dealer) for d in dealers),
        dealer=dealer,
        duration=reading.formatting.duration(booking_minutes(dossier, picked, reading)),
        zone=dealer_reading.formatting.zone_name,
        recommended=quiet,
        days=slot_days(slots, dealer_reading, chosen=[chosen.start_ms] if is_below and chosen.start_ms else ()),
        from_ms=chosen.from_ms,
        later_ms=next_page_ms(slots, dealer_reading),
        expected=reading.formatting.day(min(expected)) if expected else "",
        data_items=() if dossier.driving else item_choices(ticked, reading),
        consent_days=() if dossier.driving else day_choices(chosen.days, reading),
        is_driver=dossier.driving is not None,
        shares=_shares(dossier, dealer, reading),
        note=chosen.note,
        lends_cars=dealer is not None and bool(dealer.loaners),
        wants_loaner=chosen.wants_loaner,
        errors=errors or {},
    )


def item_choices(ticked: Collection[str], reading: Reading) -> tuple[Choice, ...]:
    """What a dealer may have, each with what it is for."""
    texts = reading.texts
    return tuple(
        Choice(str(i), texts(f"data_item.{i}.name"), texts(f"data_item.{i}.text"), str(i) in ticked) for i in DataItem
    )


def day_choices(chosen: int, reading: Reading) -> tuple[Choice, ...]:
    """How long a consent may stand."""
    return tuple(Choice(str(n), reading.texts("booking.until_days", n=n), is_chosen=n == chosen) for n in CONSENT_DAYS)


def _shares(dossier: CarDossier, dealer: Dealer | None, reading: Reading) -> str:
    """For a driver: what the owner lets the chosen dealer have."""
    grant = None if dealer is None else grant_of_owner(dossier.grants, dealer.dealer_id)
    if dossier.driving is None or grant is None:
        return ""
    names = [reading.texts(f"data_item.{item}.short") for item in grant.data_items]
    return reading.texts("drivers.shares", items=", ".join(names) or "–")


def grant_of_owner(grants: Iterable[ConsentGrant], dealer_id: str) -> ConsentGrant | None:
    """The consent of a car's owner under which a driver books with a dealer: of several the one that shares least.

    An owner who once let a dealer have more, for a booking of their own, has not said so of the driver's.
    """
    own = [grant for grant in grants if grant.dealer_id == dealer_id]
    return min(own, key=lambda grant: (len(grant.data_items), -grant.granted_ms, grant.grant_id), default=None)


def grant_that_fits(
    grants: Iterable[ConsentGrant],
    vehicle_id: str,
    dealer_id: str,
    items: Iterable[DataItem],
    until_ms: int,
    now_ms: int,
) -> ConsentGrant | None:
    """A live grant that allows exactly this and ends no later than a day after, so that none is granted twice."""
    wanted = frozenset(items)
    for grant in grants:
        is_same = grant.vehicle_id == vehicle_id and grant.dealer_id == dealer_id
        if not (is_same and grant.is_live(now_ms) and frozenset(grant.data_items) == wanted):
            continue
        if grant.expires_ms is not None and abs(grant.expires_ms - until_ms) <= DAY_MS:
            return grant
    return None


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step of a proposal in words."""

    label: str
    who: str
    when: str
    cause: str


@dataclass(frozen=True, slots=True)
class ProposalView:
    """A proposal for its owner, or for a driver, who may not see what is shared (no `payload`), or not act."""

    proposal_id: str
    vehicle_id: str
    grant_id: str
    state: str
    label: str
    told: str
    step: int
    dealer: str
    address: str
    slot: str
    zone: str
    answer_by: str
    offers: tuple[Choice, ...]
    payload: PayloadView | None
    raw: str
    steps: tuple[StepLine, ...]
    has_calendar: bool
    is_over: bool
    is_draft: bool
    end_reason: str
    need_ids: tuple[str, ...]
    may_act: bool


STEP_OF_STATE = {ProposalState.DRAFT: 4}
WITH_CALENDAR = (ProposalState.CONFIRMED, ProposalState.CHECKED_IN, ProposalState.COMPLETED)


def proposal_view(dossier: ProposalDossier, now_ms: int, reading: Reading, reader_id: str) -> ProposalView:
    """The last two steps of the flow; `reading` is in the dealer's time zone, since the visit takes place there."""
    proposal, texts, fmt = dossier.proposal, reading.texts, reading.formatting
    state, slot = proposal.state, proposal.slot
    return ProposalView(
        proposal_id=proposal.proposal_id,
        vehicle_id=proposal.vehicle_id,
        grant_id=proposal.grant_id,
        state=str(state),
        label=texts(f"proposal_state.{state}.label"),
        told=texts(f"proposal_state.{state}.owner"),
        step=STEP_OF_STATE.get(state, 5),
        dealer=dossier.dealer.name,
        address=dossier.dealer.address,
        slot="" if slot is None else fmt.span(slot.start_ms, slot.end_ms),
        zone=fmt.zone_name,
        answer_by=fmt.moment(proposal.expires_ms) if state.is_open else "",
        offers=tuple(
            Choice(str(s.start_ms), fmt.span(s.start_ms, s.end_ms), fmt.relative(s.start_ms, now_ms), index == 0)
            for index, s in enumerate(sorted(proposal.offered))
        )
        if state is ProposalState.COUNTERED
        else (),
        payload=None if proposal.payload == NO_DATA else payload_view(proposal.payload, now_ms, reading),
        raw=proposal.payload,
        steps=step_lines(dossier, reading, reader_id),
        has_calendar=state in WITH_CALENDAR and slot is not None,
        is_over=state.is_over,
        is_draft=state is ProposalState.DRAFT,
        end_reason=proposal.end_reason,
        need_ids=proposal.need_ids,
        may_act=dossier.may_act,
    )


def step_lines(dossier: ProposalDossier, reading: Reading, reader_id: str) -> tuple[StepLine, ...]:
    """The steps, newest first; those that the reader took are theirs."""
    texts, fmt = reading.texts, reading.formatting
    newest_first = sorted(dossier.steps, key=lambda s: -s.version)
    return tuple(
        StepLine(
            texts(f"proposal_state.{step.state}.label"),
            reading.actor_text(step.actor, is_reader=step.actor_id == reader_id),
            fmt.moment(step.time_ms),
            step.cause,
        )
        for step in newest_first
    )
