"""Free slots: what a site can promise, beside a search by brute force, in all zones and over changes of the clocks."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.free_slots import free_slots
from domain.opening_hours import WEEKDAYS, Holiday, OpeningHours
from domain.site import Demand, Resource, ResourceKind, Site, Technician
from domain.slot import MINUTE_MS, Hold, Slot
from tests.support.clock_changes import all_zones, changes_of_clocks
from tests.support.moments import DAY, HOUR, NOW

DAYTIME = ((time(8), time(17)),)
B, T, L = ResourceKind.BAY, ResourceKind.TECHNICIAN, ResourceKind.LOANER


def a_site(zone: str = "UTC", spans: tuple[tuple[time, time], ...] = DAYTIME, bays: int = 1) -> Site:
    return Site(OpeningHours(zone, dict.fromkeys(WEEKDAYS, spans)), tuple(f"bay-{n:02d}" for n in range(1, bays + 1)))


def held(start_ms: int, end_ms: int, name: str = "bay-01", kind: ResourceKind = B) -> Hold:
    return Hold(Resource(kind, name), start_ms, end_ms)


def starts(site: Site, demand: Demand, *holds: Hold, until_ms: int = NOW + 12 * HOUR) -> list[int]:
    return [slot.start_ms for slot in free_slots(site, holds, demand, NOW, until_ms)]


def test_two_slots_overlap_only_where_they_share_something_and_only_within() -> None:
    slot = Slot(NOW, NOW + HOUR, "bay-01", "T1", "loaner-1")
    for shared in ({"bay_id": "bay-01"}, {"technician_id": "T1"}, {"loaner_id": "loaner-1"}):
        other = replace(Slot(NOW + HOUR - 1, NOW + 2 * HOUR, "bay-02", "T2", "loaner-2"), **shared)
        assert slot.overlaps(other) and other.overlaps(slot)
        assert not slot.overlaps(replace(other, start_ms=NOW + HOUR))
    assert not slot.overlaps(Slot(NOW, NOW + HOUR, "bay-02", "T2", "loaner-2"))
    assert not Slot(NOW, NOW + HOUR, "bay-01").overlaps(Slot(NOW, NOW + HOUR, "bay-02"))


def test_slots_start_every_half_hour_and_the_last_ends_at_closing() -> None:
    found = starts(a_site(), Demand(75))
    assert found[0] == NOW
    assert {later - earlier for earlier, later in itertools.pairwise(found)} == {30 * MINUTE_MS}
    assert found[-1] == NOW + 9 * HOUR - 90 * MINUTE_MS


def test_no_slot_lies_over_a_break_and_after_it_they_count_anew() -> None:
    site = a_site(spans=((time(8), time(12)), (time(12, 40), time(17))))
    found = starts(site, Demand(60))
    assert NOW + 3 * HOUR in found and NOW + 3 * HOUR + 30 * MINUTE_MS not in found
    assert NOW + 4 * HOUR + 40 * MINUTE_MS in found
    assert starts(site, Demand(241), until_ms=NOW + 4 * HOUR) == []


def test_work_that_is_longer_than_the_day_finds_no_slot() -> None:
    assert starts(a_site(), Demand(541), until_ms=NOW + 7 * DAY) == []


def test_nothing_is_free_on_a_holiday() -> None:
    site = a_site()
    tuesday = Holiday(date(2025, 10, 7), "Inventory")
    closed = replace(site, hours=replace(site.hours, holidays=(tuesday,)))
    found = starts(closed, Demand(60), until_ms=NOW + 3 * DAY)
    assert {datetime.fromtimestamp(start / 1000, UTC).day for start in found} == {6, 8}


def test_of_several_free_bays_the_first_is_taken_and_of_none_nothing() -> None:
    taken = held(NOW, NOW + HOUR)
    assert free_slots(a_site(bays=2), [taken], Demand(60), NOW, NOW + 1)[0].bay_id == "bay-02"
    assert free_slots(a_site(), [taken], Demand(60), NOW, NOW + 1) == []


def test_what_is_held_on_a_bay_that_was_closed_down_disturbs_nobody() -> None:
    assert free_slots(a_site(), [held(NOW, NOW + HOUR, "bay-99")], Demand(60), NOW, NOW + 1)


TRAINED = Technician("T1", ("high_voltage", "paint"))
PLAIN = Technician("T2")


def test_a_visit_takes_a_technician_who_has_every_skill_and_leaves_the_specialists_free() -> None:
    site = replace(a_site(bays=3), technicians=(TRAINED, PLAIN))
    assert free_slots(site, [], Demand(60), NOW, NOW + 1)[0].technician_id == "T2"
    assert free_slots(site, [], Demand(60, ("high_voltage",)), NOW, NOW + 1)[0].technician_id == "T1"
    assert free_slots(site, [], Demand(60, ("high_voltage", "glass")), NOW, NOW + 1) == []
    busy = held(NOW, NOW + HOUR, "T1", T)
    assert free_slots(site, [busy], Demand(60, ("high_voltage",)), NOW, NOW + 1) == []
    assert free_slots(site, [held(NOW, NOW + HOUR, "T2", T)], Demand(60), NOW, NOW + 1)[0].technician_id == "T1"


def test_a_site_that_names_no_technicians_promises_its_bays_alone() -> None:
    assert free_slots(a_site(), [], Demand(60, ("high_voltage",)), NOW, NOW + 1) == [Slot(NOW, NOW + HOUR, "bay-01")]


def test_a_visit_that_was_promised_a_bay_alone_takes_somebodys_hands_too() -> None:
    site = replace(a_site(bays=3), technicians=(TRAINED, PLAIN))
    before = [held(NOW, NOW + HOUR), held(NOW + HOUR, NOW + 2 * HOUR, "bay-02")]
    assert free_slots(site, before, Demand(120), NOW, NOW + 1), "one car at a time, and two technicians"
    at_once = [*before, held(NOW + HOUR - 1, NOW + 2 * HOUR, "bay-03")]
    assert free_slots(site, at_once, Demand(120), NOW, NOW + 1) == []
    assert free_slots(replace(site, technicians=()), before, Demand(120), NOW, NOW + 1)


def test_a_loaner_is_taken_only_where_one_is_asked_for_and_only_a_free_one() -> None:
    site = replace(a_site(), loaners=("L1", "L2"))
    wish = Demand(60, wants_loaner=True)
    assert free_slots(site, [], Demand(60), NOW, NOW + 1)[0].loaner_id == ""
    assert free_slots(site, [held(NOW, NOW + 1, "L1", L)], wish, NOW, NOW + 1)[0].loaner_id == "L2"
    both = [held(NOW + HOUR - 1, NOW + 9 * HOUR, name, L) for name in ("L1", "L2")]
    assert free_slots(site, both, wish, NOW, NOW + 1) == []
    assert free_slots(a_site(), [], wish, NOW, NOW + 1) == []


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "UTC"])
def test_over_every_change_of_clocks_a_day_has_the_same_slots(zone: str) -> None:
    for change in changes_of_clocks(zone, 2026, 2026):
        midnight = datetime.combine(change - timedelta(days=2), time(), tzinfo=ZoneInfo(zone))
        start = int(midnight.timestamp() * 1000)
        per_day: dict[date, list[time]] = {}
        for slot in free_slots(a_site(zone), [], Demand(60), start, start + 4 * DAY):
            local = datetime.fromtimestamp(slot.start_ms / 1000, ZoneInfo(zone))
            per_day.setdefault(local.date(), []).append(local.time())
        whole = list(per_day.values())[:4]
        assert len(whole) == 4
        assert all(times == whole[0] for times in whole[:3])


def test_a_slot_over_a_change_of_the_clocks_takes_the_minutes_that_pass() -> None:
    night = a_site("Europe/Berlin", ((time(0), time(6)),))
    for day, hours in ((date(2026, 3, 29), 5), (date(2026, 10, 25), 7)):
        start = int(datetime.combine(day, time(), tzinfo=ZoneInfo("Europe/Berlin")).timestamp() * 1000)
        found = free_slots(night, [], Demand(60 * hours), start, start + 5 * HOUR)
        assert [(slot.start_ms, slot.end_ms) for slot in found] == [(start, start + hours * HOUR)]
        assert free_slots(night, [], Demand(60 * hours + 1), start, start + 5 * HOUR) == []


MINUTES_OF_DAY = st.integers(0, 24 * 12 - 1).map(lambda fives: time(*divmod(fives * 5, 60)))
SKILLS = st.lists(st.sampled_from(["a", "b"]), max_size=2, unique=True).map(tuple)


@st.composite
def spans_of_a_day(draw: st.DrawFn) -> tuple[tuple[time, time], ...]:
    times = sorted(draw(st.lists(MINUTES_OF_DAY, min_size=2, max_size=6, unique=True)))
    return tuple(itertools.islice(itertools.pairwise(times), 0, None, 2))


@st.composite
def sites(draw: st.DrawFn) -> tuple[Site, int]:
    """A site in any zone, and the beginning of three days around a change of its clocks."""
    zone = draw(st.sampled_from(all_zones()))
    change = draw(st.sampled_from(changes_of_clocks(zone, 2024, 2027) or (date(2026, 3, 29),)))
    noon = datetime.combine(change, time(12), tzinfo=UTC)
    hours = OpeningHours(
        zone,
        {day: draw(spans_of_a_day()) for day in WEEKDAYS if draw(st.integers(0, 5))},
        tuple(Holiday(change + timedelta(days=n), "") for n in draw(st.sets(st.integers(-2, 2), max_size=1))),
    )
    technicians = draw(st.lists(SKILLS, max_size=3))
    site = Site(
        hours,
        tuple(f"b{n}" for n in range(draw(st.integers(1, 3)))),
        tuple(Technician(f"t{n}", skills) for n, skills in enumerate(technicians)),
        tuple(f"l{n}" for n in range(draw(st.integers(0, 2)))),
    )
    return site, int(noon.timestamp() * 1000) - 36 * HOUR


@st.composite
def held_times(draw: st.DrawFn, site: Site, from_ms: int) -> list[Hold]:
    resource = st.sampled_from([*site.resources, Resource(B, "gone")])
    held_at = st.builds(
        lambda what, start, length: Hold(
            what, from_ms + start * 5 * MINUTE_MS, from_ms + (start + length) * 5 * MINUTE_MS
        ),
        resource,
        st.integers(-50, 72 * 12),
        st.integers(1, 200),
    )
    return draw(st.lists(held_at, max_size=25))


def by_brute_force(
    site: Site, holds: Sequence[Hold], demand: Demand, from_ms: int, until_ms: int
) -> dict[int, tuple[set[str], set[str], set[str]]]:
    """Every start that is free, by trying each minute of opening on each combination; which of each would do."""
    zone = ZoneInfo(site.hours.time_zone)
    free: dict[int, tuple[set[str], set[str], set[str]]] = {}
    day = datetime.fromtimestamp(from_ms / 1000, zone).date() - timedelta(days=2)
    for n in range((until_ms - from_ms) // DAY + 6):
        for opens, closes in site.hours.spans(day + timedelta(days=n)):
            start = opens
            while start + demand.minutes * MINUTE_MS <= closes:
                end = start + demand.minutes * MINUTE_MS
                if from_ms <= start < until_ms:
                    taken = {hold.resource for hold in holds if hold.start_ms < end and start < hold.end_ms}
                    bays = {bay for bay in site.bays if Resource(B, bay) not in taken}
                    able = [t for t in site.technicians if set(demand.skills) <= set(t.skills)]
                    people = {t.technician_id for t in able if Resource(T, t.technician_id) not in taken}
                    cars = {car for car in site.loaners if Resource(L, car) not in taken}
                    people = people if site.technicians else {""}
                    cars = cars if demand.wants_loaner else {""}
                    moments = {start, *(h.start_ms for h in holds if start <= h.start_ms < end)}
                    at_work = max(
                        sum(h.resource.kind is B and h.start_ms <= m < h.end_ms for h in holds) for m in moments
                    )
                    has_hands = not site.technicians or at_work < len(site.technicians)
                    if bays and people and cars and has_hands:
                        free[start] = (bays, people, cars)
                start += 30 * MINUTE_MS
    return free


def check_by_brute_force(site: Site, holds: list[Hold], demand: Demand, from_ms: int, until_ms: int) -> None:
    expected = by_brute_force(site, holds, demand, from_ms, until_ms)
    found = free_slots(site, holds, demand, from_ms, until_ms)
    assert [slot.start_ms for slot in found] == sorted(expected)
    for slot in found:
        bays, people, cars = expected[slot.start_ms]
        assert slot.bay_id in bays and slot.technician_id in people and slot.loaner_id in cars
        assert slot.end_ms - slot.start_ms == demand.minutes * MINUTE_MS
        check_wall_times(site, slot)
    # Promised one after another, none of them takes what another was promised.
    promised: list[Slot] = []
    for slot in found:
        again = free_slots(
            site, [*holds, *(h for p in promised for h in p.holds)], demand, slot.start_ms, slot.start_ms + 1
        )
        promised += again
    assert not any(one.overlaps(other) for one, other in itertools.combinations(promised, 2))


def check_wall_times(site: Site, slot: Slot) -> None:
    """What the clock on the wall shows at the beginning and the end lies within the hours on the door."""
    begins, ends = (datetime.fromtimestamp(t / 1000, site.hours.zone) for t in (slot.start_ms, slot.end_ms))
    assert begins.date() not in {holiday.day for holiday in site.hours.holidays}
    is_folded = begins.fold or ends.fold or begins.utcoffset() != ends.utcoffset()
    if not is_folded:  # within an hour that comes twice the wall clock may show a time before the opening again
        of_day = site.hours.days[WEEKDAYS[begins.weekday()]]
        assert any(opens <= begins.time() and ends.time() <= closes for opens, closes in of_day)


@settings(deadline=None, max_examples=100)
@given(data=st.data(), minutes=st.integers(5, 300), skills=SKILLS, wants_loaner=st.booleans(), days=st.integers(1, 3))
def test_free_slots_are_those_that_brute_force_finds_in_every_zone_around_changes_of_clocks(
    data: st.DataObject, minutes: int, skills: tuple[str, ...], wants_loaner: bool, days: int
) -> None:
    site, from_ms = data.draw(sites())
    holds = data.draw(held_times(site, from_ms))
    check_by_brute_force(site, holds, Demand(minutes, skills, wants_loaner), from_ms, from_ms + days * DAY)


@pytest.mark.long
def test_around_every_change_of_clocks_of_all_zones_free_slots_are_those_that_brute_force_finds() -> None:
    spans = ((time(0), time(3, 30)), (time(3, 40), time(12)), (time(13), time(23, 55)))
    tried = 0
    for zone in all_zones():
        site = replace(a_site(zone, spans, bays=2), technicians=(TRAINED, PLAIN), loaners=("L1",))
        for change in changes_of_clocks(zone, 2000, 2037):
            from_ms = int(datetime.combine(change, time(12), tzinfo=UTC).timestamp() * 1000) - 36 * HOUR
            holds = [
                held(from_ms + (7 * n + k) * HOUR, from_ms + (7 * n + k + 2) * HOUR, what.resource_id, what.kind)
                for k, what in enumerate(site.resources)
                for n in range(10)
            ]
            check_by_brute_force(site, holds, Demand(75, ("paint",), True), from_ms, from_ms + 2 * DAY)
            tried += 1
    assert tried > 20_000
