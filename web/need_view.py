"""NeedCard: a need as its owner reads it: what, how pressing, when, why, and what can be done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from domain.call import Call
from domain.catalogue import ItemSpec
from domain.dossier import ProposalDossier
from domain.need import MaintenanceNeed, NeedState
from domain.prediction import Contribution, DueWindow, ItemKind
from domain.proposal import ProposalState
from web.due_axis import DueAxis, WindowBar, due_axis
from web.formatting import NARROW
from web.health_view import Chance, chances, window_label
from web.reading import Reading

SNOOZE_DAYS = (3, 7, 14)
DISMISSALS = ("done", "wrong", "selling", "other")


@dataclass(frozen=True, slots=True)
class ContributionBar:
    """One part of a prediction: from `x` over `width` percent, from where the parts before it have led."""

    text: str
    amount: str
    x: float
    width: float
    is_negative: bool


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The parts in their order, what they add up to, and where zero lies (percent)."""

    bars: tuple[ContributionBar, ...]
    total: ContributionBar
    zero_x: float


@dataclass(frozen=True, slots=True)
class WindowWords:
    """Earliest, expected and latest in words; empty where nothing can be said."""

    earliest: str
    expected: str
    latest: str
    coverage: str
    label: str

    @property
    def is_one_day(self) -> bool:
        """A calendar's date rather than a window."""
        return bool(self.earliest) and self.earliest == self.latest


@dataclass(frozen=True, slots=True)
class WindowFigure:
    """A due window with an axis of its own."""

    axis: DueAxis
    bar: WindowBar | None
    words: WindowWords


@dataclass(frozen=True, slots=True)
class NeedCard:
    """One live need."""

    need_id: str
    item: str
    name: str
    advice: str
    severity: str
    severity_text: str
    state: str
    state_text: str
    reason: str
    when: str
    figure: WindowFigure
    chances: tuple[Chance, ...]
    contributions: Waterfall | None
    unit: str
    rests_on: str
    model: str
    opened: str
    call: str
    labour: str
    cost_hint: str
    can_book: bool
    can_snooze: bool
    proposal_id: str


def need_cards(
    needs: Iterable[MaintenanceNeed], proposals: Sequence[ProposalDossier], now_ms: int, reading: Reading
) -> tuple[NeedCard, ...]:
    """The live needs, the most pressing first."""
    order = {"urgent": 0, "soon": 1, "advisory": 2}
    ranked = sorted(needs, key=lambda n: (order[n.severity], n.window.expected_ms or 2**62, n.item))
    return tuple(need_card(need, _standing(need, proposals), now_ms, reading) for need in ranked)


def _standing(need: MaintenanceNeed, proposals: Sequence[ProposalDossier]) -> ProposalDossier | None:
    """The proposal the need stands in, if one is under way."""
    under_way = (ProposalState.CONFIRMED, ProposalState.CHECKED_IN)
    for dossier in proposals:
        state = dossier.proposal.state
        if need.need_id in dossier.proposal.need_ids and (state.is_open or state in under_way):
            return dossier
    return None


def need_card(need: MaintenanceNeed, standing: ProposalDossier | None, now_ms: int, reading: Reading) -> NeedCard:
    """One need with its figures; `standing` is the proposal under way that holds it."""
    texts, fmt, spec = reading.texts, reading.formatting, reading.item(need.item)
    kind = spec.kind if spec else ItemKind.WEAR
    unit = reading.unit_of(need.item, kind)
    expected = need.window.expected_ms
    cost = spec.cost_hint if spec else None
    return NeedCard(
        need_id=need.need_id,
        item=need.item,
        name=reading.item_name(need.item),
        advice=spec.text(reading.language).advice if spec else "",
        severity=str(need.severity),
        severity_text=texts(f"severity.{need.severity}"),
        state=str(need.state),
        state_text=_state_text(need, standing, reading),
        reason=need.reason_in(reading.language),
        when="" if expected is None else fmt.relative(expected, now_ms),
        figure=window_figure(reading.item_name(need.item), need.window, now_ms, reading),
        chances=chances(need.probability, reading),
        contributions=waterfall(need.contributions, unit, reading),
        unit=unit,
        rests_on=_rests_on(need, reading),
        model=texts("need.model", version=need.model_version),
        opened=texts("need.opened", date=fmt.day(need.opened_ms)),
        call=_call_text(need.call, spec, reading),
        labour=texts("need.labour", duration=fmt.duration(spec.labour_minutes)) if spec else "",
        cost_hint=texts(
            "need.cost_hint", low=fmt.number(cost[0]), high=fmt.number(cost[1]), currency=spec.cost_currency
        )
        if spec and cost
        else "",
        can_book=standing is None and need.state is not NeedState.BOOKED,
        can_snooze=need.state in (NeedState.OPEN, NeedState.REMINDED) and standing is None,
        proposal_id=standing.proposal.proposal_id if standing else "",
    )


def _state_text(need: MaintenanceNeed, standing: ProposalDossier | None, reading: Reading) -> str:
    texts = reading.texts
    if need.state is NeedState.BOOKED:
        return texts("item.booked")
    if standing is not None:
        return texts("item.proposed", dealer=standing.dealer.name)
    if need.state is NeedState.SNOOZED and need.snoozed_until_ms is not None:
        return texts("item.snoozed", date=reading.formatting.day(need.snoozed_until_ms))
    return ""


def _call_text(call: Call | None, spec: ItemSpec | None, reading: Reading) -> str:
    """The best day, and what coming by then is reckoned to cost against coming later."""
    if call is None or spec is None or call.best_day_ms is None or not spec.cost_currency:
        return ""
    if call.cost_now is None or call.cost_later is None:
        return ""
    fmt = reading.formatting
    now, later = (fmt.number(round(cost)) for cost in (call.cost_now, call.cost_later))
    return reading.texts("need.call", date=fmt.day(call.best_day_ms), now=now, later=later, currency=spec.cost_currency)


def _rests_on(need: MaintenanceNeed, reading: Reading) -> str:
    uploads = sum(u.last_seq - u.first_seq + 1 for u in need.uploads)
    if not uploads:
        return ""
    starts = reading.texts.plural("need.rests_on_drives", len(need.uploads))
    return f"{reading.texts('need.rests_on', n=reading.formatting.number(uploads))}, {starts}"


def window_figure(name: str, window: DueWindow, now_ms: int, reading: Reading) -> WindowFigure:
    """A due window on its own axis, with the same in words."""
    fmt = reading.formatting
    axis = due_axis([window], now_ms, fmt)

    def told(ms: int | None) -> str:
        return "" if ms is None else fmt.day(ms)

    words = WindowWords(
        earliest=told(window.earliest_ms),
        expected=told(window.expected_ms),
        latest=told(window.latest_ms),
        coverage=reading.texts("item.coverage", percent=fmt.percent(window.coverage)),
        label=window_label(name, window, reading),
    )
    return WindowFigure(axis, axis.bar(window), words)


def waterfall(parts: Iterable[Contribution], unit: str, reading: Reading) -> Waterfall | None:
    """The parts of a prediction, each from where the one before ended, to their sum; None without parts."""
    shown = list(parts)
    if not shown:
        return None
    ends = list(accumulate(part.amount for part in shown))
    low, high = min(0.0, *ends), max(0.0, *ends)
    room = (high - low) or 1.0
    digits = 0 if room >= 200 else 1 if room >= 20 else 2

    def at(value: float) -> float:
        return 100 * (value - low) / room

    def bar(text: str, start: float, end: float, amount: str) -> ContributionBar:
        left, right = sorted((at(start), at(end)))
        width = max(0.7, right - left)
        is_down = end < start
        return ContributionBar(text, amount, round(min(left, 100 - width), 2), round(width, 2), is_down)

    def told(text: str) -> str:
        return f"{text}{NARROW}{unit}" if unit else text

    fmt, starts = reading.formatting, [0.0, *ends[:-1]]
    bars = tuple(
        bar(part.text_in(reading.language), start, end, told(fmt.signed(part.amount, digits)))
        for part, start, end in zip(shown, starts, ends, strict=True)
    )
    total = bar(reading.texts("need.together"), 0.0, ends[-1], told(fmt.number(ends[-1], digits)))
    return Waterfall(bars, total, round(at(0.0), 2))
