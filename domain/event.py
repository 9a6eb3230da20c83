"""Domain events as CloudEvents 1.0, and the steps of the timeline they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# Why something happened, in words of ours: what a person wrote stays with the thing it was written about.
_CAUSES: Mapping[str, str] = {
    "vehicle-enrolled": "enrolment token", "vehicle-claimed": "code on the screen", "vehicle-sold": "owner's word",
    "driver-invited": "owner's choice", "driver-added": "owner's code", "driver-left": "the right to drive has ended",
    "driver-changed": "owner's choice",
    "consent-granted": "owner's choice", "consent-narrowed": "owner's choice",
    "need-opened": "prediction", "need-moved": "prediction", "need-closed": "the evidence is gone",
    "need-reopened": "the visit fell through", "need-snoozed": "owner's choice", "need-dismissed": "owner's reason",
    "need-booked": "the visit is confirmed", "need-resolved": "service record",
    "owner-reminded": "needs that stand", "owner-notified": "access was changed", "reminder-opened": "link followed",
    "service-recorded": "visit", "visit-invoiced": "visit", "label-learned": "service record",
}  # fmt: skip
_CAUSES_OF_STEPS: Mapping[str, str] = {
    "owner": "owner's choice", "driver": "driver's choice", "dealer": "dealer's answer", "clock": "time ran out",
    "consent": "the consent ended",
}  # fmt: skip


def usual_cause(kind: str, actor: str) -> str:
    """Why events of a kind happen; of a proposal's steps, by who takes them."""
    return _CAUSES.get(kind) or _CAUSES_OF_STEPS.get(actor, actor)


@dataclass(frozen=True, slots=True)
class DomainEvent:
    """Something that happened, past tense. `data` holds ids and numbers only: no name, VIN, position or free text."""

    event_id: str
    kind: str  # e.g. "need-opened"
    vehicle_id: str
    time_ms: int
    actor: str  # owner | dealer | car | clock | model | operator | consent
    cause: str
    data: Mapping[str, Any]
    customer_id: str | None = None
    dealer_id: str | None = None
    channel: str = ""

    def cloud_event(self) -> dict[str, Any]:
        """The event as a CloudEvents 1.0 object; the subject is the pseudonymous vehicle id."""
        return {
            "specversion": "1.0",
            "id": self.event_id,
            "source": "/pitcall",
            "type": f"pitcall.{self.kind}.v1",
            "subject": self.vehicle_id,
            "time": datetime.fromtimestamp(self.time_ms / 1000, UTC).isoformat(timespec="milliseconds"),
            "datacontenttype": "application/json",
            "data": {"actor": self.actor, "cause": self.cause, "channel": self.channel, **self.data},
        }
