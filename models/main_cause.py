"""MainCause: what wore an item most, its share of the wear, and how the car's habit compares with the typical car's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.catalogue import ELAPSED_DAYS, Catalogue
from models.wording import Wording

COMPARED_FROM_KM = 100.0  # over less, one journey would pass for a habit
ALIKE = 0.1  # so near to the typical car, a person can't tell the difference


@dataclass(frozen=True, slots=True)
class MainCause:
    """The exposure that wore an item most: its share (0–1) of the wear, and per km its multiple of the typical car's.

    `ratio` is None where there is nothing to compare: the exposure is time, the catalogue knows no typical rate, or
    the car has driven too little.
    """

    name: str
    share: float
    ratio: float | None


def main_cause(
    catalogue: Catalogue, names: Sequence[str], parts: Sequence[float], exposures: Sequence[float], km: float
) -> MainCause | None:
    """The main cause among `names` of what wore `parts` (item's unit) by `exposures` over `km`; None without wear."""
    worn = sum(parts)
    if worn <= 0:
        return None
    main = max(range(len(parts)), key=lambda i: parts[i])
    spec = catalogue.exposures[names[main]]
    is_compared = spec.function != ELAPSED_DAYS and spec.typical_per_km > 0 and km >= COMPARED_FROM_KM
    ratio = exposures[main] / km / spec.typical_per_km if is_compared else None
    return MainCause(spec.name, parts[main] / worn, ratio)


def cause_in_words(cause: MainCause | None, catalogue: Catalogue, since_ms: int, wording: Wording) -> str:
    """The main cause as a sentence; it compares where the catalogue has words for the habit."""
    if cause is None:
        return wording("cause_none")
    spec = catalogue.exposures[cause.name]
    habit = spec.habits.get(wording.code)
    said = {"name": _sentence(spec.text(wording.code)), "share": wording.number(100 * cause.share)}
    said["day"] = wording.day(since_ms)
    if cause.ratio is None or habit is None:
        return wording("cause", **said)
    if abs(cause.ratio - 1.0) <= ALIKE:
        return wording("cause_usual", **said)
    said["habit"] = habit.more if cause.ratio > 1.0 else habit.less
    return wording("cause_unlike", ratio=wording.amount(cause.ratio), **said)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
