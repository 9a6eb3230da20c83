"""The dealer's day: each bay, technician and loaner car with what is promised of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from domain.dossier import SiteDay
from domain.site import Resource, ResourceKind
from web.reading import Reading


@dataclass(frozen=True, slots=True)
class PromisedTime:
    """A time that is taken, and the proposal it is taken for."""

    text: str
    state: str
    proposal_id: str


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """One bay, technician or car; `note` has what sets it apart."""

    name: str
    note: str
    times: tuple[PromisedTime, ...]


@dataclass(frozen=True, slots=True)
class ResourceGroup:
    """All of one kind."""

    title: str
    rows: tuple[ResourceRow, ...]


@dataclass(frozen=True, slots=True)
class SiteDayView:
    """The page of one day."""

    title: str
    iso: str
    before: str
    after: str
    hours: str
    holiday: str | None
    load: tuple[str, str]
    groups: tuple[ResourceGroup, ...]


def site_day_view(found: SiteDay, reading: Reading) -> SiteDayView:
    """A day as its dealer reads it, in the site's own time zone."""
    fmt, texts, site = reading.formatting, reading.texts, found.dealer.site
    noon = datetime.combine(found.day, time(12), tzinfo=site.hours.zone)
    holiday = site.hours.holiday(found.day)
    morning, afternoon = (fmt.percent(percent / 100) for percent in found.load)
    # What is promised of something that has left the site is shown too: somebody has to see to it.
    gone = {promise.hold.resource for promise in found.promises} - set(site.resources)
    resources = [*site.resources, *sorted(gone)]
    return SiteDayView(
        title=fmt.weekday(int(noon.timestamp() * 1000)),
        iso=found.day.isoformat(),
        before=(found.day - timedelta(days=1)).isoformat(),
        after=(found.day + timedelta(days=1)).isoformat(),
        hours=", ".join(f"{fmt.clock(opens)}–{fmt.clock(closes)}" for opens, closes in found.spans),
        holiday=None if holiday is None else holiday.name or texts("site.holiday"),
        load=(texts("site.morning", share=morning), texts("site.afternoon", share=afternoon)),
        groups=tuple(
            ResourceGroup(
                texts(f"site.{kind}"),
                tuple(_row(resource, found, reading) for resource in resources if resource.kind is kind),
            )
            for kind in ResourceKind
            if any(resource.kind is kind for resource in resources)
        ),
    )


def _row(resource: Resource, found: SiteDay, reading: Reading) -> ResourceRow:
    fmt, site = reading.formatting, found.dealer.site
    skills = [
        skill
        for technician in site.technicians
        if resource == Resource(ResourceKind.TECHNICIAN, technician.technician_id)
        for skill in technician.skills
    ]
    is_gone = resource not in site.resources
    return ResourceRow(
        name=resource.resource_id,
        note=reading.texts("site.gone") if is_gone else ", ".join(skill.replace("_", " ") for skill in skills),
        times=tuple(
            PromisedTime(
                f"{fmt.clock(promise.hold.start_ms)}–{fmt.clock(promise.hold.end_ms)}",
                reading.texts(f"proposal_state.{promise.state}.dealer"),
                promise.proposal_id,
            )
            for promise in found.promises
            if promise.hold.resource == resource
        ),
    )
