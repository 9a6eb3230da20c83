"""The calibration ledger of one car in plain words: what had been promised, what was measured, whether it held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.catalogue import WearSpec
from domain.judged_label import JudgedLabel
from domain.prediction import DueWindow, ItemKind
from web.formatting import Formatting
from web.reading import Reading

SHOWN = 5
"""The newest rows; the others open on demand."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One promise beside what the workshop found. `verdict` is empty where nothing had been promised."""

    name: str
    when: str
    iso: str
    promised: str
    measured: str
    found: str
    verdict: str
    tone: str


@dataclass(frozen=True, slots=True)
class LedgerView:
    """The rows, the newest first, and how many of the promises held; no rows: nothing was measured yet."""

    rows: tuple[LedgerRow, ...]
    older: tuple[LedgerRow, ...]
    summary: str


def ledger_view(labels: Sequence[JudgedLabel], reading: Reading) -> LedgerView:
    """From the labels a reader may see."""
    rows = tuple(_row(label, reading) for label in labels)
    judged = [label.is_kept for label in labels if label.is_kept is not None]
    summary = ""
    if judged:
        summary = reading.texts.plural("ledger.summary", len(judged), kept=sum(judged))
    return LedgerView(rows[:SHOWN], rows[SHOWN:], summary)


def _row(label: JudgedLabel, reading: Reading) -> LedgerRow:
    fmt = reading.formatting
    verdict, tone = _verdict(label)
    return LedgerRow(
        name=reading.item_name(label.item),
        when=fmt.day(label.known_ms),
        iso=fmt.iso(label.known_ms),
        promised=_promised(label, reading),
        measured=_measured(label, reading),
        found=_found(label, reading),
        verdict=reading.texts(f"ledger.verdict_{verdict}") if verdict else "",
        tone=tone,
    )


def _verdict(label: JudgedLabel) -> tuple[str, str]:
    """By the promised window where the day is known, else by the range that the reading was expected in."""
    entry = label.entry()
    if entry is not None and entry.is_stated:
        if entry.is_inside:
            return "kept", "fine"
        earliest = entry.window.earliest_ms
        is_early = earliest is not None and entry.found_ms < earliest
        return ("early", "soon") if is_early else ("late", "advisory")
    if label.is_failure:
        return "unannounced", "urgent"
    if label.is_inside is None:
        return "", ""
    return ("as_expected", "fine") if label.is_inside else ("unexpected", "advisory")


def _promised(label: JudgedLabel, reading: Reading) -> str:
    texts, promise = reading.texts, label.promise
    if promise is None:
        return texts("ledger.nothing_promised")
    said = []
    item = reading.item(label.item)
    if label.kind is ItemKind.HAZARD and item is not None:
        horizon = item.need_rule.horizon_days
        if horizon in promise.probability:
            chance = reading.formatting.percent(promise.probability[horizon])
            said.append(texts("ledger.chance", percent=chance, days=horizon))
    said.append(_window(promise.window, reading))
    return texts(
        "ledger.promised", date=reading.formatting.day(promise.promised_ms), said="; ".join(filter(None, said))
    )


def _window(window: DueWindow, reading: Reading) -> str:
    fmt, texts = reading.formatting, reading.texts
    if window.earliest_ms is not None and window.latest_ms is not None:
        return texts("ledger.due_between", earliest=fmt.day(window.earliest_ms), latest=fmt.day(window.latest_ms))
    if window.earliest_ms is not None:
        return texts("ledger.due_from", earliest=fmt.day(window.earliest_ms))
    if window.latest_ms is not None:
        return texts("ledger.due_by", latest=fmt.day(window.latest_ms))
    if window.expected_ms is not None:
        return texts("ledger.due_around", expected=fmt.day(window.expected_ms))
    return texts("ledger.due_not")


def _measured(label: JudgedLabel, reading: Reading) -> str:
    texts, fmt = reading.texts, reading.formatting
    said = []
    if label.is_failure is not None:
        said.append(texts("ledger.failed" if label.is_failure else "ledger.sound"))
    if label.measured is not None:
        said.append(texts("ledger.measured", amount=_amount(label.measured, label.unit, fmt)))
    expected, item = label.expected, reading.item(label.item)
    if expected is not None:
        low, high = _possible(expected, item.wear if item else None)
        said.append(texts("ledger.expected", low=fmt.number(low, 1), high=_amount(high, label.unit, fmt)))
    return " ".join(said)


def _possible(expected: tuple[float, float], wear: WearSpec | None) -> tuple[float, float]:
    """No part has less than its floor left, nor more than a new one."""
    if wear is None:
        return expected
    least = wear.floor if wear.floor is not None else min(0.0, wear.limit)
    low, high = (min(max(reading, least), wear.new) for reading in expected)
    return low, high


def _amount(value: float, unit: str, fmt: Formatting) -> str:
    return fmt.amount(value, unit, 1)


def _found(label: JudgedLabel, reading: Reading) -> str:
    """The day on which wear comes to its limit, as reckoned from the measurement; a failure's day is its row's."""
    if label.found_ms is None or label.kind is ItemKind.HAZARD:
        return ""
    key = "ledger.limit_was" if label.found_ms <= label.known_ms else "ledger.limit_will"
    return reading.texts(key, date=reading.formatting.day(label.found_ms))
