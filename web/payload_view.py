"""PayloadView: what leaves (or left) for a dealer, row by row, made from the JSON itself and from nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.iso_time import moment_ms
from domain.prediction import Contribution, DueWindow, ItemKind
from web.need_view import Waterfall, WindowFigure, waterfall, window_figure
from web.reading import Reading


@dataclass(frozen=True, slots=True)
class Row:
    """A label and its value; `is_shared` is False where the consent keeps it back."""

    label: str
    value: str
    is_shared: bool = True


@dataclass(frozen=True, slots=True)
class PayloadNeed:
    """One need as the dealer hears of it."""

    need_id: str
    item: str
    title: str
    severity: str
    severity_text: str
    reason: str
    when: str
    figure: WindowFigure
    labour: str
    parts: tuple[str, ...]
    contributions: Waterfall | None
    model_version: str
    has_evidence: bool


@dataclass(frozen=True, slots=True)
class PayloadView:
    """The payload in readable pieces, and as it is."""

    needs: tuple[PayloadNeed, ...]
    car: str
    powertrain: str
    customer: str
    email: str
    odometer: str
    vin: str
    note: str
    slot: str
    minutes: int
    duration: str
    rows: tuple[tuple[str, tuple[Row, ...]], ...]
    shared: str
    consent_expires: str
    raw: str


def payload_view(payload: Mapping[str, Any] | str, now_ms: int, reading: Reading) -> PayloadView:
    """Read a payload of schema 1, given as the exact text that leaves or as the mapping in it."""
    text = payload if isinstance(payload, str) else None
    data: Mapping[str, Any] = json.loads(payload) if isinstance(payload, str) else payload
    fmt, texts = reading.formatting, reading.texts
    needs = tuple(_need(need, now_ms, reading) for need in data["needs"])
    vehicle, customer, consent, slot = data["vehicle"], data["customer"], data["consent"], data["slot"]
    minutes = sum(int(need.get("labour_minutes", 0)) for need in data["needs"])
    make = " ".join(str(vehicle[k]) for k in ("make", "model", "model_year") if vehicle.get(k))
    odometer = vehicle.get("odometer_km")
    expires = _ends_ms(consent)
    items = [texts(f"data_item.{item}.short") for item in consent["dpv:hasProcess"]["dpv:hasPersonalData"]]
    return PayloadView(
        needs=needs,
        car=make,
        powertrain=str(vehicle.get("powertrain", "")),
        customer=str(customer.get("name", "")),
        email=str(customer.get("email", "")),
        odometer="" if odometer is None else texts("owner.odometer", km=fmt.number(odometer)),
        vin=str(vehicle.get("vin", "")),
        note=str(data.get("note", "")),
        slot=fmt.span(slot["start_ms"], slot["end_ms"]),
        minutes=minutes,
        duration=fmt.duration(minutes),
        rows=_rows(data, needs, reading),
        shared=", ".join(items) or texts("dealer.basis_only"),
        consent_expires="" if expires is None else fmt.day(expires),
        raw=text if text is not None else json.dumps(data, ensure_ascii=False, indent=2),
    )


def _ends_ms(consent: Mapping[str, Any]) -> int | None:
    """When the consent of a receipt ends by itself; None when it runs until it is withdrawn."""
    lasts = consent["dpv:hasProcess"]["dpv:hasDuration"]
    return moment_ms(lasts["rdf:value"]["@value"]) if lasts["@type"] == "dpv:UntilTimeDuration" else None


def _need(need: Mapping[str, Any], now_ms: int, reading: Reading) -> PayloadNeed:
    item, window = str(need["item"]), need["window"]
    spec = reading.item(item)
    evidence = need.get("evidence") or {}
    parts = [
        Contribution(c["name"], float(c["amount"]), c["text"], c.get("texts", {}))
        for c in evidence.get("contributions", ())
    ]
    unit = reading.unit_of(item, spec.kind if spec else ItemKind.WEAR)
    due = DueWindow(window["earliest_ms"], window["expected_ms"], window["latest_ms"], window["coverage"])
    severity = str(need["severity"])
    title = spec.text(reading.language).name if spec else str(need["title"])
    expected = due.expected_ms
    return PayloadNeed(
        need_id=str(need["need_id"]),
        item=item,
        title=title,
        severity=severity,
        severity_text=reading.texts(f"severity.{severity}"),
        reason=str(need.get("reasons", {}).get(reading.language, need["reason"])),
        when="" if expected is None else reading.formatting.relative(expected, now_ms),
        figure=window_figure(title, due, now_ms, reading),
        labour=reading.formatting.duration(int(need["labour_minutes"])),
        parts=tuple(str(part) for part in need["parts"]),
        contributions=waterfall(parts, unit, reading),
        model_version=str(evidence.get("model_version", "")),
        has_evidence=bool(evidence),
    )


def _rows(
    data: Mapping[str, Any], needs: tuple[PayloadNeed, ...], reading: Reading
) -> tuple[tuple[str, tuple[Row, ...]], ...]:
    """Every piece of the payload under a heading; what the consent keeps back is listed as not shared."""
    texts, fmt = reading.texts, reading.formatting
    vehicle, customer, consent, slot = data["vehicle"], data["customer"], data["consent"], data["slot"]

    def row(key: str, value: object, kept_back: str = "payload.not_shared") -> Row:
        text = "" if value is None else str(value)
        return Row(texts(f"payload.{key}"), text or texts(kept_back), bool(text))

    make = " ".join(str(vehicle[k]) for k in ("make", "model", "model_year", "powertrain") if vehicle.get(k))
    odometer = vehicle.get("odometer_km")
    expires = _ends_ms(consent)
    has_evidence = any(need.has_evidence for need in needs)
    count = sum(len(need.contributions.bars) for need in needs if need.contributions)
    about_needs = [Row(need.title, f"{need.severity_text}. {need.reason}") for need in needs]
    about_needs.append(row("evidence", texts.plural("payload.evidence_count", count) if has_evidence else ""))
    return (
        (
            texts("payload.visit"),
            (
                row("time", f"{fmt.span(slot['start_ms'], slot['end_ms'])} ({fmt.zone_name})"),
                row("note", data.get("note"), "payload.note_none"),
            ),
        ),
        (texts("payload.needs"), tuple(about_needs)),
        (
            texts("payload.vehicle"),
            (
                row("make", make),
                row("odometer", None if odometer is None else texts("owner.odometer", km=fmt.number(odometer))),
                row("vin", vehicle.get("vin")),
                row("ref", f"{vehicle['ref'][:8]}… ({texts('payload.car_pseudonym')})"),
            ),
        ),
        (
            texts("payload.customer"),
            (
                row("name", customer.get("name")),
                row("email", customer.get("email")),
                row("ref", f"{customer['ref'][:8]}… ({texts('payload.pseudonym')})"),
            ),
        ),
        (
            texts("payload.consent"),
            (
                row(
                    "grant",
                    f"{consent['dct:identifier'][:8]}… (v{consent['dct:hasVersion']})",
                ),
                row("expires", "" if expires is None else fmt.day(expires)),
            ),
        ),
    )
