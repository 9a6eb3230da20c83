"""The operator's page: the funnel from signal to invoice, the models in service, what is in flight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.dossier import Funnel
from web.funnel_counts import funnel_counts
from web.owner_view import TimelineStep
from web.reading import Reading

INTAKE = ("vehicles", "uploads", "predictions", "consents_granted")
# The chain in its order; the share is of the step named beside it, where one follows from the other.
CHAIN: tuple[tuple[str, str | None], ...] = (
    ("needs_opened", None),
    ("reminders", "needs_opened"),
    ("proposals_sent", "needs_opened"),
    ("dealer_replies", "proposals_sent"),
    ("counter_offers", "dealer_replies"),
    ("confirmed", "proposals_sent"),
    ("completed", "confirmed"),
    ("invoiced", "completed"),
    ("labels_learned", "completed"),
)


@dataclass(frozen=True, slots=True)
class Tile:
    """A number with its name."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class FunnelBar:
    """One step of the chain; `width` in percent of the widest."""

    key: str
    name: str
    value: str
    width: float
    conversion: str


@dataclass(frozen=True, slots=True)
class OperatorView:
    """The operator's page."""

    now: str
    zone: str
    tiles: tuple[Tile, ...]
    bars: tuple[FunnelBar, ...]
    models: tuple[tuple[str, str], ...]
    recent: tuple[TimelineStep, ...]
    waiting: int
    waits: tuple[Tile, ...]
    faults: tuple[str, ...]


def operator_view(
    funnel: Funnel, waiting: Mapping[str, Any], readiness: Mapping[str, Any], reading: Reading
) -> OperatorView:
    """From the funnel, and what the process says of itself."""
    fmt, texts = reading.formatting, reading.texts
    counts, saved = funnel_counts(funnel.counts), funnel.minutes_saved
    return OperatorView(
        now=fmt.moment(funnel.now_ms),
        zone=fmt.zone_name,
        tiles=(
            *(Tile(texts(f"count.{key}"), fmt.number(counts[key])) for key in INTAKE),
            *([Tile(texts("operator.minutes_saved"), fmt.number(saved, 1))] if saved is not None else []),
        ),
        bars=_bars(counts, reading),
        models=tuple((reading.item_name(item), version) for item, version in sorted(funnel.model_versions.items())),
        recent=tuple(
            TimelineStep(reading.event_text(e), fmt.moment(e.time_ms), fmt.iso(e.time_ms), e.kind)
            for e in funnel.recent[:10]
        ),
        waiting=int(waiting.get("waiting", 0)),
        waits=_waits(waiting, reading),
        faults=_faults(readiness, reading),
    )


def _bars(counts: Mapping[str, int], reading: Reading) -> tuple[FunnelBar, ...]:
    texts, fmt = reading.texts, reading.formatting
    widest = max(counts[key] for key, _ in CHAIN)
    bars = []
    for key, of in CHAIN:
        count = counts[key]
        base = counts[of] if of else 0
        conversion = ""
        if of and base:
            step = texts(f"count.{of}").lower()
            conversion = texts("operator.of_previous", percent=fmt.percent(count / base), step=step)
        width = round(100 * count / widest, 2) if widest else 0.0
        bars.append(FunnelBar(key, texts(f"count.{key}"), fmt.number(count), width, conversion))
    return tuple(bars)


def _waits(waiting: Mapping[str, Any], reading: Reading) -> tuple[Tile, ...]:
    lines = [(name, n) for name, n in sorted(dict(waiting.get("topics", {})).items())]
    if "outbox" in waiting:
        lines.append((reading.texts("operator.outbox"), waiting["outbox"]))
    return tuple(Tile(name, reading.formatting.number(int(n))) for name, n in lines)


def _faults(readiness: Mapping[str, Any], reading: Reading) -> tuple[str, ...]:
    """The parts that say they are not ready."""
    if readiness.get("ready", True):
        return ()
    away = [part for part, state in readiness.items() if state is False and part != "ready"]
    return tuple(reading.texts("operator.not_ready", part=part) for part in away or ["pitcall"])
