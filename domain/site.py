"""Site: what a dealer has to promise from: hours, bays, technicians with their skills, and cars that it lends."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.errors import InvalidInput
from domain.opening_hours import OpeningHours

MOST_OF_A_KIND = 99
LONGEST_ID = 40


class ResourceKind(StrEnum):
    BAY = "bay"
    TECHNICIAN = "technician"
    LOANER = "loaner"


@dataclass(frozen=True, slots=True, order=True)
class Resource:
    """One thing or person of a site that can be promised to one visit at a time."""

    kind: ResourceKind
    resource_id: str


@dataclass(frozen=True, slots=True)
class Technician:
    """Who works on cars; the id is the dealer's own (a staff number), no name."""

    technician_id: str
    skills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Demand:
    """What a visit asks of a site: so many minutes, all these skills in one technician, perhaps a car to go on with."""

    minutes: int
    skills: tuple[str, ...] = ()
    wants_loaner: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """A site without technicians says nothing of its people: its bays alone are what it promises."""

    hours: OpeningHours
    bays: tuple[str, ...]
    technicians: tuple[Technician, ...] = ()
    loaners: tuple[str, ...] = ()

    @property
    def resources(self) -> tuple[Resource, ...]:
        """All there is to promise: bays, technicians, loaners, in the site's own order."""
        ids = {
            ResourceKind.BAY: self.bays,
            ResourceKind.TECHNICIAN: tuple(technician.technician_id for technician in self.technicians),
            ResourceKind.LOANER: self.loaners,
        }
        return tuple(Resource(kind, resource_id) for kind, names in ids.items() for resource_id in names)

    @property
    def places(self) -> int:
        """How many cars can be worked on at once."""
        return min(len(self.bays), len(self.technicians) or len(self.bays))

    def choices(self, demand: Demand) -> dict[ResourceKind, tuple[Resource, ...]]:
        """Of each kind that the visit takes one of, those that would do, the first choice first.

        Who has the fewest skills beyond those asked for goes first, so that the specialists stay free.
        """
        choices = {ResourceKind.BAY: self.bays}
        if self.technicians:
            wanted = frozenset(demand.skills)
            able = [technician for technician in self.technicians if wanted <= frozenset(technician.skills)]
            able.sort(key=lambda technician: len(set(technician.skills)))
            choices[ResourceKind.TECHNICIAN] = tuple(technician.technician_id for technician in able)
        if demand.wants_loaner:
            choices[ResourceKind.LOANER] = self.loaners
        return {kind: tuple(Resource(kind, name) for name in names) for kind, names in choices.items()}

    def check(self, demand: Demand) -> None:
        """InvalidInput when the site can never do it, whatever the time."""
        if demand.wants_loaner and not self.loaners:
            raise InvalidInput("this dealer lends no cars", field="loaner", fix="ask without one, or another dealer")
        if not all(self.choices(demand).values()):
            skills = ", ".join(demand.skills)
            raise InvalidInput(
                f"nobody at this dealer is trained for all of this: {skills}",
                field="need_ids",
                fix="book the other work alone, or choose another dealer",
            )


def make_site(
    hours: OpeningHours,
    bays: int,
    technicians: Sequence[tuple[str, Sequence[str]]],
    loaners: Sequence[str],
    known_skills: Collection[str],
) -> Site:
    """A site with that many bays, technicians as (id, skills) and loaner cars by id; InvalidInput names the field."""
    if not 1 <= bays <= MOST_OF_A_KIND:
        raise InvalidInput(
            f"a site has 1 to {MOST_OF_A_KIND} bays", field="bays", fix="say how many cars can be worked on at once"
        )
    _check_ids({f"technicians[{i}].id": name for i, (name, _) in enumerate(technicians)}, "technicians")
    _check_ids({f"loaners[{i}]": name for i, name in enumerate(loaners)}, "loaners")
    return Site(
        hours,
        tuple(f"bay-{number:02d}" for number in range(1, bays + 1)),
        tuple(
            Technician(name, _skills(skills, known_skills, f"technicians[{i}].skills"))
            for i, (name, skills) in enumerate(technicians)
        ),
        tuple(loaners),
    )


def _check_ids(by_field: Mapping[str, str], field: str) -> None:
    if len(by_field) > MOST_OF_A_KIND:
        raise InvalidInput("these are too many", field=field, fix=f"at most {MOST_OF_A_KIND}")
    seen: set[str] = set()
    for at, name in by_field.items():
        if not name or len(name) > LONGEST_ID or not name.isprintable() or name != name.strip():
            raise InvalidInput("that is no id", field=at, fix=f"1 to {LONGEST_ID} characters, such as a staff number")
        if name in seen:
            raise InvalidInput("this id is there twice", field=at, fix="give each its own")
        seen.add(name)


def _skills(given: Iterable[str], known: Collection[str], field: str) -> tuple[str, ...]:
    skills = tuple(sorted(set(given)))
    for skill in skills:
        if skill not in known:
            among = ", ".join(sorted(known)) or "none: no item of the catalogue asks for a skill"
            raise InvalidInput(f"no work asks for the skill {skill!r}", field=field, fix=f"of {among}")
    return skills
