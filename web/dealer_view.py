"""The dealer's desk: the queue in its groups, and each entry with what the dealer may see and do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.catalogue import ItemSpec
from domain.dossier import DealerDesk, DeskEntry
from domain.prediction import ItemKind
from domain.proposal import ProposalState
from domain.service_record import ServiceOutcome
from web.booking_view import Choice
from web.payload_view import PayloadView, payload_view
from web.reading import Reading

GROUPS: tuple[tuple[str, tuple[ProposalState, ...]], ...] = (
    ("waiting", (ProposalState.SENT,)),
    ("inside", (ProposalState.CHECKED_IN,)),
    ("booked", (ProposalState.CONFIRMED,)),
    ("with_owner", (ProposalState.ACCEPTED, ProposalState.COUNTERED)),
)
OVER_SHOWN = 5
SEVERITIES = ("urgent", "soon", "advisory")
DECLINES = ("full", "parts", "not_ours", "other")
OUTCOMES = (ServiceOutcome.REPLACED, ServiceOutcome.MEASURED, ServiceOutcome.OK, ServiceOutcome.FAILED)


@dataclass(frozen=True, slots=True)
class Measurement:
    """What can be measured of an item, in which unit, and between which values."""

    item: str
    name: str
    unit: str
    low: str
    high: str
    hint: str
    outcomes: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class EntryCard:
    """One proposal at the desk. `payload` is None once no consent stands behind it: then nothing else is told."""

    proposal_id: str
    state: str
    state_text: str
    severity: str
    payload: PayloadView | None
    slot: str
    slot_relative: str
    offered: tuple[str, ...]
    answer_by: str
    measurements: tuple[Measurement, ...]
    others: tuple[Measurement, ...]
    can_accept: bool
    can_counter: bool
    can_decline: bool
    can_check_in: bool
    can_complete: bool
    can_report_no_show: bool
    odometer_km: str


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the queue."""

    key: str
    title: str
    entries: tuple[EntryCard, ...]


@dataclass(frozen=True, slots=True)
class DeskView:
    """The dealer's page."""

    name: str
    zone: str
    now: str
    groups: tuple[Group, ...]
    over: tuple[EntryCard, ...]

    @property
    def waiting(self) -> int:
        """How many wait for this dealer."""
        return len(self.groups[0].entries)


def desk_view(desk: DealerDesk, reading: Reading) -> DeskView:
    """The queue in groups; within what waits, the most pressing first, then by the slot asked for."""
    cards = [(entry, entry_card(entry, desk.now_ms, reading)) for entry in desk.entries]
    groups = []
    for key, states in GROUPS:
        of_group = [(entry, card) for entry, card in cards if entry.proposal.state in states]
        if key == "waiting":
            of_group.sort(key=lambda pair: (_rank(pair[1].severity), _start(pair[0])))
        groups.append(Group(key, reading.texts(f"dealer.{key}"), tuple(card for _, card in of_group)))
    over = sorted((p for p in cards if p[0].proposal.state.is_over), key=lambda p: -p[0].proposal.updated_ms)
    return DeskView(
        name=desk.dealer.name,
        zone=reading.formatting.zone_name,
        now=reading.formatting.moment(desk.now_ms),
        groups=tuple(groups),
        over=tuple(card for _, card in over[:OVER_SHOWN]),
    )


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def _start(entry: DeskEntry) -> int:
    return entry.proposal.slot.start_ms if entry.proposal.slot else 0


def entry_card(entry: DeskEntry, now_ms: int, reading: Reading) -> EntryCard:
    """One entry. What the dealer may see comes from the payload that left, and from nowhere else."""
    proposal, texts, fmt = entry.proposal, reading.texts, reading.formatting
    state = proposal.state
    payload = None if entry.payload is None else payload_view(entry.payload, now_ms, reading)
    is_open, is_live = state.is_open, payload is not None
    slot = proposal.slot if is_live else None
    asked = [need.item for need in payload.needs] if payload else []
    is_inside = state is ProposalState.CHECKED_IN and is_live
    # Where the owner did not share what drives the car, the workshop can see it.
    powertrain = payload.powertrain if payload else ""
    items = reading.catalogue.items_of(powertrain) if powertrain else tuple(reading.catalogue.items)
    return EntryCard(
        proposal_id=proposal.proposal_id,
        state=str(state),
        state_text=texts(f"proposal_state.{state}.dealer"),
        severity=min((n.severity for n in payload.needs), key=_rank, default="") if payload else "",
        payload=payload,
        slot="" if slot is None else fmt.span(slot.start_ms, slot.end_ms),
        slot_relative="" if slot is None else fmt.relative(slot.start_ms, now_ms),
        offered=tuple(fmt.span(s.start_ms, s.end_ms) for s in sorted(proposal.offered)) if is_live else (),
        answer_by=fmt.moment(proposal.expires_ms) if is_open and is_live else "",
        measurements=measurements(asked, reading) if is_inside else (),
        others=measurements([i for i in items if i not in asked], reading) if is_inside else (),
        can_accept=state is ProposalState.SENT and is_live,
        can_counter=state is ProposalState.SENT and is_live,
        can_decline=is_open and is_live,
        can_check_in=state is ProposalState.CONFIRMED and is_live,
        can_complete=is_inside,
        can_report_no_show=state is ProposalState.CONFIRMED and proposal.missed_from_ms <= now_ms,
        odometer_km="" if not is_inside or proposal.odometer_m is None else str(proposal.odometer_m // 1000),
    )


def measurements(items: Sequence[str], reading: Reading) -> tuple[Measurement, ...]:
    """What to ask the workshop of each item, by the catalogue."""
    return tuple(_measurement(spec, reading) for spec in map(reading.item, items) if spec is not None)


def _outcome_key(spec: ItemSpec, outcome: ServiceOutcome) -> str:
    """What an outcome is called; of what is due by its date nothing need have been replaced."""
    is_done = spec.kind is ItemKind.CALENDAR and outcome is ServiceOutcome.REPLACED
    return "outcome.done" if is_done else f"outcome.{outcome}"


def _measurement(spec: ItemSpec, reading: Reading) -> Measurement:
    texts, fmt = reading.texts, reading.formatting
    unit, low, high, hint = "", "", "", ""
    if spec.wear is not None:
        wear = spec.wear
        unit, low, high = wear.unit, "0", f"{1.25 * max(wear.new, wear.limit):g}"
        hint = texts("dealer.measured_wear", new=fmt.number(wear.new), limit=fmt.number(wear.limit), unit=unit)
    elif spec.hazard is not None and spec.hazard.unit:
        hazard = spec.hazard
        unit, low = hazard.unit, "0"
        if hazard.sound_from is not None and hazard.fails_below is not None:
            sound, fails = fmt.number(hazard.sound_from, 1), fmt.number(hazard.fails_below, 1)
            hint = texts("dealer.measured_hazard", sound=sound, fails=fails, unit=unit)
    # Without a unit there is nothing to measure, only to look at.
    outcomes = [o for o in OUTCOMES if unit or o is not ServiceOutcome.MEASURED]
    return Measurement(
        item=spec.id,
        name=spec.text(reading.language).name,
        unit=unit,
        low=low,
        high=high,
        hint=hint,
        outcomes=tuple(Choice(str(o), texts(_outcome_key(spec, o))) for o in outcomes),
    )
