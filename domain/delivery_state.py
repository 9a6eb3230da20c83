"""Where a delivery to a dealer's webhook stands."""

from __future__ import annotations

from enum import StrEnum


class DeliveryState(StrEnum):
    """A delivery waits (for its first or another try) until it is over, or given up until it is replayed."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DROPPED = "dropped"
    GIVEN_UP = "given_up"
