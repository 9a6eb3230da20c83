"""A back-test case: when it decides, and what is wrong with one that can't be replayed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from domain.errors import InvalidInput
from domain.field_reader import FieldReader, Fields
from domain.iso_time import DAY_MS, duration_ms, moment_ms

SHOWN = 50  # of the mistakes, in the message
T = TypeVar("T")

# What may stand in case.yaml for people only.
_FOR_PEOPLE = ("description", "source", "sources", "licence", "license", "notes", "author", "schema", "version")


@dataclass(frozen=True, slots=True)
class Decide:
    """Predictions are made on whole multiples of `every_ms` since midnight UTC, and judged in [`from_ms`, `to_ms`).

    A vehicle is decided on until `stale_after_ms` past its newest report; None leaves that to the usual gap.
    """

    every_ms: int
    from_ms: int
    to_ms: int
    stale_after_ms: int | None


@dataclass(frozen=True, slots=True)
class CaseSettings:
    """What `case.yaml` says.

    `tells_all_failures`: where nothing was reported nothing failed. Where False, as of cars on the road, only a service
    tells what became of a hazard until then.
    """

    name: str
    decide: Decide
    tells_all_failures: bool = True


@dataclass(frozen=True, slots=True)
class CaseMistake:
    """Something wrong in a file of a case.

    `row` is the line of a CSV as a person counts it, its header being line 1; the number of the row, from 1, in a
    parquet file; None where it is about the file or a column as a whole.
    """

    file: str
    row: int | None
    wrong: str

    def __str__(self) -> str:
        return f"{self.file}: {self.wrong}" if self.row is None else f"{self.file}:{self.row}: {self.wrong}"


class InvalidCase(InvalidInput):
    """The case has mistakes: `mistakes` as far as they were kept, `count` of all there are.

    The message shows the first fifty, a line for each, and says how many more there are.
    """

    def __init__(self, mistakes: Sequence[CaseMistake], count: int | None = None) -> None:
        self.mistakes = tuple(mistakes)
        self.count = max(count or 0, len(self.mistakes))
        lines = [str(mistake) for mistake in self.mistakes[:SHOWN]]
        if self.count > len(lines):
            lines.append(f"and {self.count - len(lines)} more")
        noun = "mistake" if self.count == 1 else "mistakes"
        message = "\n  ".join([f"the case has {self.count} {noun}:", *lines])
        first = self.mistakes[0] if self.mistakes else CaseMistake("case.yaml", None, "")
        super().__init__(message, field=first.file, fix=first.wrong)


def read_case_settings(values: Any, name: str, reader: FieldReader) -> CaseSettings:
    """The settings in `values`, a parsed `case.yaml`; mistakes go to `reader`. `name` is for a case without one."""
    with reader.fields(values, "") as top:
        for ignored in _FOR_PEOPLE:
            top.get(ignored)
        with reader.fields(top.get("decide"), "decide") as at:
            every = _read(reader, at, "every", _duration, DAY_MS)
            start = _read(reader, at, "from", moment_ms, 0)
            end = _read(reader, at, "to", moment_ms, start + every)
            stale_after = None
            if at.get("stale_after") is not None:
                stale_after = _read(reader, at, "stale_after", _duration, DAY_MS)
        if start >= end:
            reader.wrong("decide.to", "must be after from")
        return CaseSettings(top.text("name", name) or name, Decide(every, start, end, stale_after))


def _duration(value: Any) -> int:
    if not isinstance(value, str):
        raise ValueError("must be an ISO 8601 duration such as P7D, PT3H or PT10M")
    length = duration_ms(value)
    if not length:
        raise ValueError("must be longer than nothing")
    return length


def _read(reader: FieldReader, at: Fields, name: str, read: Callable[[Any], T], stand_in: T) -> T:
    value = at.get(name)
    try:
        if value is None:
            raise ValueError("is missing")
        if not isinstance(value, str | date):
            raise ValueError("must be ISO 8601 text")
        return read(value)
    except ValueError as error:
        said = f"{error}" if value is None else f"{value} {error}"
        reader.wrong(at.at(name), said)
        return stand_in
