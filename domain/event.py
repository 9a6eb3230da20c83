"""Domain events as CloudEvents 1.0, and the steps of the timeline they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


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
