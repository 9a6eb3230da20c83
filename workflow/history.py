"""Telling what happened: one step on the timeline and one message on `domain-events`, in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.event import DomainEvent, usual_cause
from workflow.messages import DOMAIN_EVENTS, encode_event
from workflow.outbox_rows import TopicMessage
from workflow.ports import UnitOfWork


async def tell(
    uow: UnitOfWork,
    kind: str,
    *,
    event_id: str,
    vehicle_id: str,
    time_ms: int,
    actor: str,
    cause: str = "",
    data: Mapping[str, Any] | None = None,
    customer_id: str | None = None,
    dealer_id: str | None = None,
    channel: str = "",
) -> DomainEvent:
    """Record the event; `event_id` comes from what changed (id and version), so that a repeat is no second step."""
    event = DomainEvent(
        event_id=f"{kind}:{event_id}",
        kind=kind,
        vehicle_id=vehicle_id,
        time_ms=time_ms,
        actor=actor,
        cause=cause or usual_cause(kind, actor),
        data=dict(data or {}),
        customer_id=customer_id,
        dealer_id=dealer_id,
        channel=channel,
    )
    await uow.timeline.append(event)
    await uow.outbox.put(TopicMessage(DOMAIN_EVENTS, vehicle_id, encode_event(event)), time_ms)
    return event
