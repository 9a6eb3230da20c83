"""A site: what may be said of it, and what it can never do."""

from __future__ import annotations

from typing import Any

import pytest

from domain.errors import InvalidInput
from domain.opening_hours import OpeningHours
from domain.site import Demand, Resource, ResourceKind, Site, Technician, make_site

HOURS = OpeningHours("UTC", {})
SKILLS = frozenset({"high_voltage", "glass"})


def site(**changes: Any) -> Site:
    said: dict[str, Any] = {"bays": 2, "technicians": [("T1", ["high_voltage"]), ("T2", [])], "loaners": ["L1"]}
    return make_site(HOURS, **(said | changes), known_skills=SKILLS)


def test_a_site_names_its_bays_itself_and_keeps_the_ids_of_its_people_and_cars() -> None:
    made = site(technicians=[("T1", ["high_voltage", "glass", "glass"])])
    assert made.bays == ("bay-01", "bay-02")
    assert made.technicians == (Technician("T1", ("glass", "high_voltage")),)
    kinds = (ResourceKind.BAY, ResourceKind.BAY, ResourceKind.TECHNICIAN, ResourceKind.LOANER)
    assert made.resources == tuple(map(Resource, kinds, ("bay-01", "bay-02", "T1", "L1")))


def test_as_many_cars_are_worked_on_at_once_as_there_are_bays_and_people_for() -> None:
    assert site().places == 2
    assert site(bays=5).places == 2
    assert site(bays=5, technicians=[]).places == 5


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"bays": 0}, "bays"),
        ({"bays": 100}, "bays"),
        ({"technicians": [("T1", []), ("T1", [])]}, "technicians[1].id"),
        ({"technicians": [("", [])]}, "technicians[0].id"),
        ({"technicians": [("T1", []), (" T2", [])]}, "technicians[1].id"),
        ({"technicians": [("T\n1", [])]}, "technicians[0].id"),
        ({"technicians": [("T" * 41, [])]}, "technicians[0].id"),
        ({"technicians": [(f"T{n}", []) for n in range(100)]}, "technicians"),
        ({"technicians": [("T1", ["high-voltage"])]}, "technicians[0].skills"),
        ({"loaners": ["L1", "L1"]}, "loaners[1]"),
        ({"loaners": [f"L{n}" for n in range(100)]}, "loaners"),
    ],
)
def test_a_site_that_cannot_be_is_refused_with_field_and_fix(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        site(**changes)
    assert (refused.value.field, bool(refused.value.fix)) == (field, True)


def test_a_skill_that_no_work_asks_for_is_refused_with_those_that_are() -> None:
    with pytest.raises(InvalidInput) as refused:
        site(technicians=[("T1", ["welding"])])
    assert "glass, high_voltage" in refused.value.fix


def test_what_a_site_can_never_do_is_said_at_once() -> None:
    site().check(Demand(60, ("high_voltage",), wants_loaner=True))
    with pytest.raises(InvalidInput) as refused:
        site().check(Demand(60, ("glass", "high_voltage")))
    assert refused.value.field == "need_ids"
    with pytest.raises(InvalidInput) as refused:
        site(loaners=[]).check(Demand(60, wants_loaner=True))
    assert refused.value.field == "loaner"
    site(technicians=[]).check(Demand(60, ("glass",)))  # who names no technicians is asked for none
