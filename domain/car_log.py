"""CarLog: what the logs of one car were found to hold, and what can be said of the car by them, or not.

A log is what a driver's OBD-II app has recorded. Everything here says where it comes from and what is missing, so that
a page made of it can't promise more than the logs do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.errors import InvalidInput
from domain.prediction import Prediction
from domain.telemetry import VehicleAttributes

SHOWN = 50  # mistakes in a message


@dataclass(frozen=True, slots=True)
class LogMistake:
    """Why a log can't be used: its file, the line as a person counts it (from 1), the column, what is wrong, the fix.

    `row` is None and `column` empty where it is about the file as a whole.
    """

    file: str
    row: int | None
    column: str
    wrong: str
    fix: str

    def __str__(self) -> str:
        at = self.file if self.row is None else f"{self.file}:{self.row}"
        return f"{at}: {self.column + ': ' if self.column else ''}{self.wrong}; {self.fix}"


class InvalidLogs(InvalidInput):
    """Logs can't be used: `mistakes` of all of them, one a line in the message, in the order they were given."""

    def __init__(self, mistakes: Sequence[LogMistake]) -> None:
        self.mistakes = tuple(mistakes)
        lines = [str(mistake) for mistake in self.mistakes[:SHOWN]]
        if len(self.mistakes) > SHOWN:
            lines.append(f"and {len(self.mistakes) - SHOWN} more")
        files = len({mistake.file for mistake in self.mistakes})
        message = "\n  ".join([f"{files} of the logs can't be used:", *lines])
        # Every line ends with its own fix.
        super().__init__(message, field=self.mistakes[0].column or self.mistakes[0].file, fix="")


class ColumnUse(StrEnum):
    """What became of a column of a log."""

    READ = "read"
    TIME = "time"
    CODES = "codes"  # of trouble
    SECOND = "second"  # another column has the same reading, and better
    NOT_NEEDED = "not_needed"  # understood, but no item's prediction asks for it
    UNKNOWN = "unknown"
    WRONG_UNIT = "wrong_unit"
    POSITION = "position"  # where the car was is never read


@dataclass(frozen=True, slots=True)
class LogColumn:
    """One column, or one reading of a log with a row per reading.

    `unit` is the one it was written in ("" where none was told) and `own_unit` what it was brought to. Of the cells,
    `readings` were used, `not_numbers` could not be read though they were not empty, and `implausible` lie outside of
    what the signal can be; `first_bad_row` is the line of the first of either.
    """

    name: str
    use: ColumnUse
    signal: str = ""
    unit: str = ""
    own_unit: str = ""
    readings: int = 0
    not_numbers: int = 0
    implausible: int = 0
    first_bad_row: int | None = None
    hint: str = ""


@dataclass(frozen=True, slots=True)
class DroppedRows:
    """Rows that were left out, why, and the line of the first (None where rows of several lines were sorted)."""

    reason: str
    rows: int
    first_row: int | None = None


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file: rows of data in it and how many were kept; times in ms, UTC, −1 where none was kept."""

    name: str
    rows: int
    kept: int
    dropped: tuple[DroppedRows, ...]
    columns: tuple[LogColumn, ...]
    notes: tuple[str, ...]
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Driving:
    """What was driven: `km` over stretches whose speed is known, and gaps within drives, over which nothing counts.

    `gap_km` is reckoned from the speeds beside the gaps; None where those are not known. `refused` are uploads that the
    fold could not use, counted by its reason.
    """

    drives: int
    uploads: int
    samples: int
    start_ms: int
    end_ms: int
    minutes: float
    km: float
    gaps: int
    gap_minutes: float
    gap_km: float | None
    refused: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ExposureReading:
    """What the car gathered of an exposure over `over_km`, beside what the typical car gathers per km.

    `signals` are those it is reckoned from; `missing` those of them that no log has. Where it was not seen over any
    distance `amount` is 0, `per_km` None, and `why_not` says why.
    """

    name: str
    text: str
    unit: str
    amount: float
    over_km: float
    per_km: float | None
    typical_per_km: float
    signals: tuple[str, ...]
    missing: tuple[str, ...]
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class TrendReading:
    """A level, how many uploads told it, or why none did. `is_own`: of a part of the car, not of the weather."""

    name: str
    text: str
    unit: str
    value: float | None
    count: int
    why_not: str
    missing: tuple[str, ...]
    is_own: bool


class Basis(StrEnum):
    """What a prediction rests on."""

    KNOWN = "known"  # the car's own log, or a date; and, of what wears, when it was last serviced
    GUESS = "guess"  # a part of that, or too little to tell a habit by
    NOTHING = "nothing"  # neither: whatever would be said were about the typical car


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that would make a prediction better, or possible, and how to get it."""

    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class ItemFinding:
    """One item: the prediction, what it rests on, what is missing. Without a basis there is no prediction."""

    item: str
    name: str
    basis: Basis
    prediction: Prediction | None
    rests_on: tuple[str, ...]
    missing: tuple[Missing, ...]
    advice: str = ""


@dataclass(frozen=True, slots=True)
class GivenService:
    """A service as the car's owner remembers it; `odometer_m` −1 where not given."""

    item: str
    performed_ms: int
    odometer_m: int = -1


@dataclass(frozen=True, slots=True)
class GivenCar:
    """What the owner told of the car beside its logs; None where nothing was told.

    `odometer_m` is the reading at the end of the newest log.
    """

    mass_kg: float | None = None
    powertrain: str | None = None
    built_ms: int | None = None
    odometer_m: int | None = None
    services: tuple[GivenService, ...] = ()

    @property
    def attributes(self) -> VehicleAttributes:
        """What the fold must know, with the usual car's values where nothing was told."""
        usual = VehicleAttributes()
        return VehicleAttributes(
            self.powertrain or usual.powertrain,
            usual.mass_kg if self.mass_kg is None else self.mass_kg,
            self.built_ms or 0,
        )


@dataclass(frozen=True, slots=True)
class CarLog:
    """All of it. `odometer_m` is the newest known reading, −1 where there is none; `codes` those stored at the end.

    `has_codes`: a log had a column of trouble codes; without one nothing is known of them. `remarks` say in a sentence
    each what stood in for what the owner did not tell, and what does not fit together.
    """

    files: tuple[LogFile, ...]
    driving: Driving
    car: GivenCar
    odometer_m: int
    remarks: tuple[Missing, ...]
    exposures: tuple[ExposureReading, ...]
    trends: tuple[TrendReading, ...]
    has_codes: bool
    codes: tuple[str, ...]
    items: tuple[ItemFinding, ...]
