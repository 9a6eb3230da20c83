"""The exact JSON that leaves for a dealer: made once, shown as the preview, sent unchanged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from domain.catalogue import Catalogue
from domain.consent import ConsentGrant, DataItem, Permit
from domain.need import MaintenanceNeed
from domain.people import Customer, Vehicle
from domain.proposal import BookingProposal
from domain.slot import Slot
from workflow.outbox_rows import Delivery

# Where each data item stands in a payload: the part, and its fields there.
_STANDS: Mapping[DataItem, tuple[str, tuple[str, ...]]] = {
    DataItem.CONTACT: ("customer", ("name", "email")),
    DataItem.VEHICLE: ("vehicle", ("make", "model", "model_year", "powertrain")),
    DataItem.ODOMETER: ("vehicle", ("odometer_km",)),
    DataItem.VIN: ("vehicle", ("vin",)),
    DataItem.EVIDENCE: ("needs", ("evidence",)),
}


def render_payload(
    permit: Permit,
    *,
    proposal_id: str,
    catalogue: Catalogue,
    customer: Customer,
    vehicle: Vehicle,
    odometer_m: int | None,
    needs: Sequence[MaintenanceNeed],
    slot: Slot,
    wants_loaner: bool,
    note: str,
    created_ms: int,
    controller: str,
) -> str:
    """JSON text with only the data items the permit covers; the needs themselves are the message."""
    payload: dict[str, Any] = {
        "schema": 1,
        "proposal_id": proposal_id,
        "dealer_id": permit.grant.dealer_id,
        "created_ms": created_ms,
        "slot": {"start_ms": slot.start_ms, "end_ms": slot.end_ms},
        "loaner": wants_loaner,
        "needs": [_need(permit, catalogue, need) for need in needs],
        "vehicle": _vehicle(permit, vehicle, odometer_m),
        "customer": _customer(permit, customer),
        "note": note,
        "consent": permit.grant.receipt(controller),
    }
    return _written(payload)


def narrowed_payload(proposal: BookingProposal, grant: ConsentGrant, receipt: Mapping[str, Any]) -> BookingProposal:
    """The proposal with no more in its payload than `grant` still covers, and the grant's new receipt."""
    return replace(proposal, payload=_written(_narrowed(json.loads(proposal.payload), grant, receipt)))


def narrowed_delivery(delivery: Delivery, grant: ConsentGrant, receipt: Mapping[str, Any]) -> Delivery:
    """Likewise a delivery that carries a payload."""
    body = json.loads(delivery.body)
    payload = body.pop("proposal", None)
    if payload is None:
        return delivery
    return replace(delivery, body=webhook_text(body, _written(_narrowed(payload, grant, receipt))))


def webhook_text(body: Mapping[str, Any], payload: str | None = None) -> str:
    """The text of a webhook; a payload goes in to the byte: written again it could say the same in other words."""
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
    return text if payload is None else f'{text[:-1]},"proposal":{payload}}}'


def _narrowed(payload: dict[str, Any], grant: ConsentGrant, receipt: Mapping[str, Any]) -> dict[str, Any]:
    for item in set(DataItem) - set(grant.data_items):
        part, fields = _STANDS[item]
        for own in payload[part] if isinstance(payload[part], list) else [payload[part]]:
            for field in fields:
                own.pop(field, None)
    return payload | {"consent": dict(receipt)}


def _written(payload: Mapping[str, Any]) -> str:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))


def _need(permit: Permit, catalogue: Catalogue, need: MaintenanceNeed) -> dict[str, Any]:
    item = catalogue.items[need.item]
    told: dict[str, Any] = {
        "need_id": need.need_id,
        "item": need.item,
        "title": item.text().name,
        "severity": str(need.severity),
        "window": {
            "earliest_ms": need.window.earliest_ms,
            "expected_ms": need.window.expected_ms,
            "latest_ms": need.window.latest_ms,
            "coverage": need.window.coverage,
        },
        "probability": {str(days): round(p, 4) for days, p in need.probability.items()},
        "reason": need.reason,
        "reasons": dict(need.reasons),
        "labour_minutes": item.labour_minutes,
        "parts": list(item.parts),
    }
    if permit.covers(DataItem.EVIDENCE):
        told["evidence"] = {
            "contributions": [
                {"name": c.name, "amount": round(c.amount, 4), "text": c.text, "texts": dict(c.texts)}
                for c in need.contributions
            ],
            "features": {name: round(value, 4) for name, value in sorted(need.features.items())},
            "model_version": need.model_version,
        }
    return told


def _vehicle(permit: Permit, vehicle: Vehicle, odometer_m: int | None) -> dict[str, Any]:
    told: dict[str, Any] = {"ref": vehicle.vehicle_id}
    if permit.covers(DataItem.VEHICLE):
        told |= {
            "make": vehicle.make,
            "model": vehicle.model,
            "model_year": vehicle.model_year,
            "powertrain": vehicle.attributes.powertrain,
        }
    if permit.covers(DataItem.ODOMETER) and odometer_m is not None:
        told["odometer_km"] = odometer_m // 1000
    if permit.covers(DataItem.VIN) and vehicle.vin:
        told["vin"] = vehicle.vin
    return told


def _customer(permit: Permit, customer: Customer) -> dict[str, Any]:
    told: dict[str, Any] = {"ref": customer.customer_id}
    if permit.covers(DataItem.CONTACT):
        told |= {"name": customer.name, "email": customer.email}
    return told
