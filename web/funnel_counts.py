"""The funnel's counts by their published names, from the timeline's events and the log's own volumes."""

from __future__ import annotations

from collections.abc import Mapping

# Counters of the log keep their names; the rest is counted by the events that make it.
FROM_EVENTS: Mapping[str, tuple[str, ...]] = {
    "needs_opened": ("need-opened",),
    "reminders": ("owner-reminded",),
    "consents_granted": ("consent-granted",),
    "proposals_sent": ("proposal-sent",),
    "dealer_replies": ("proposal-accepted", "proposal-countered", "proposal-declined"),
    "counter_offers": ("proposal-countered",),
    "confirmed": ("proposal-confirmed",),
    "completed": ("proposal-completed",),
    "labels_learned": ("label-learned",),
    "invoiced": ("visit-invoiced",),
}
FROM_LOG = ("vehicles", "uploads", "predictions")


def funnel_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """From `vehicles` to `invoiced`, each 0 while nothing of it has happened."""
    named = {key: counts.get(key, 0) for key in FROM_LOG}
    for key, kinds in FROM_EVENTS.items():
        named[key] = sum(counts.get(kind, 0) for kind in kinds)
    return named
