"""The history of a car's signals: what an upload said of each, and what a screen reads of it over a span."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import InvalidInput
from domain.telemetry import RECORDED, SIMULATED

LARGEST = 1e150
"""No sensor says more, and sums of squares of it still fit a float64: beyond it a number is a mistake."""

MAX_POINTS = 2_000
"""More points than a screen has columns."""


@dataclass(frozen=True, slots=True)
class SignalAggregate:
    """One signal over one upload.

    `vehicle_id` is the pseudonymous one; `signal` a VSS path; `start_ms` and `end_ms` the upload's first and last
    sample (int64 milliseconds, UTC); `count` ≥ 1 how many values the signal had; `mean`, `minimum` and `maximum` in
    the signal's unit; `origin` `recorded` or `simulated`. Vehicle, signal and start identify it. InvalidInput when
    one of these does not hold, so that nothing that is not finite reaches a store.
    """

    vehicle_id: str
    signal: str
    start_ms: int
    end_ms: int
    count: int
    mean: float
    minimum: float
    maximum: float
    origin: str = RECORDED

    def __post_init__(self) -> None:
        if not _is_name(self.vehicle_id) or not _is_name(self.signal):
            raise InvalidInput(
                "the vehicle or the signal has no proper name",
                field="signal",
                fix="name both, in printable characters without backslashes",
            )
        if self.count < 1 or self.end_ms < self.start_ms:
            raise InvalidInput("there are no values in it", field="count", fix="at least one value, start before end")
        # Written so that NaN, which no comparison holds for, is refused.
        if not -LARGEST <= self.minimum <= self.mean <= self.maximum <= LARGEST:
            raise InvalidInput(
                "minimum, mean and maximum are not finite, or not in this order",
                field=self.signal,
                fix="aggregate finite values only",
            )
        if self.origin not in (RECORDED, SIMULATED):
            raise InvalidInput(f"origin {self.origin!r}", field="origin", fix=f"{RECORDED} or {SIMULATED}")


def _is_name(text: str) -> bool:
    # Not every store can hold others: InfluxDB's line protocol has no way to write them.
    return bool(text) and text.isprintable() and "\\" not in text


@dataclass(frozen=True, slots=True)
class SignalPoint:
    """A signal over the part [`start_ms`, `end_ms`) of a span, for a screen.

    `count` values of the uploads that began in it, of which `simulated` did not come from a sensor; `mean` is over
    values, not over uploads.
    """

    start_ms: int
    end_ms: int
    count: int
    mean: float
    minimum: float
    maximum: float
    simulated: int = 0


@dataclass(frozen=True, slots=True)
class SpanGrid:
    """Cuts the span [`from_ms`, `until_ms`) into at most `points` parts of equal width.

    InvalidInput when the span is empty or `points` is not 1 to MAX_POINTS.
    """

    from_ms: int
    until_ms: int
    points: int

    def __post_init__(self) -> None:
        if self.until_ms <= self.from_ms:
            raise InvalidInput("the span is empty", field="until_ms", fix="an end after the beginning")
        if not 1 <= self.points <= MAX_POINTS:
            raise InvalidInput(f"{self.points} points", field="points", fix=f"1 to {MAX_POINTS:,}")

    @property
    def width_ms(self) -> int:
        """Width of a part; the last one may be cut short by the span's end."""
        return -(-(self.until_ms - self.from_ms) // self.points)

    def point(
        self, part: int, *, count: int, total: float, minimum: float, maximum: float, simulated: int
    ) -> SignalPoint:
        """The point of part 0, 1, … by the sums of what began in it."""
        start_ms = self.from_ms + part * self.width_ms
        return SignalPoint(
            start_ms=start_ms,
            end_ms=min(start_ms + self.width_ms, self.until_ms),
            count=count,
            # Rounding may push a mean of equal values past them.
            mean=min(max(total / count, minimum), maximum),
            minimum=minimum,
            maximum=maximum,
            simulated=simulated,
        )
