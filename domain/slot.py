"""Slot and hold: a span of time on a bay, with whoever and whatever else is promised for it."""

from __future__ import annotations

from dataclasses import dataclass

from domain.site import Resource, ResourceKind

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Hold:
    """A resource that is promised for [start_ms, end_ms)."""

    resource: Resource
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A bay for a span of time: [start_ms, end_ms), int64 ms, UTC.

    `technician_id` is empty at a site that names no technicians, `loaner_id` where the owner asked for no car.
    """

    start_ms: int
    end_ms: int
    bay_id: str
    technician_id: str = ""
    loaner_id: str = ""

    @property
    def resources(self) -> tuple[Resource, ...]:
        """What nobody else may have for that time."""
        named = (
            Resource(ResourceKind.BAY, self.bay_id),
            Resource(ResourceKind.TECHNICIAN, self.technician_id),
            Resource(ResourceKind.LOANER, self.loaner_id),
        )
        return tuple(resource for resource in named if resource.resource_id)

    @property
    def holds(self) -> tuple[Hold, ...]:
        """The same, each with the time."""
        return tuple(Hold(resource, self.start_ms, self.end_ms) for resource in self.resources)

    def overlaps(self, other: Slot) -> bool:
        """Whether both cannot be promised: they share a resource and a moment."""
        is_at_once = self.start_ms < other.end_ms and other.start_ms < self.end_ms
        return is_at_once and not set(self.resources).isdisjoint(other.resources)
