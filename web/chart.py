"""Chart: a plot as plain numbers for a template: two scales with round ticks, and marks placed in the units of its box.

The box is drawn with a `viewBox`, so a chart grows and shrinks with its column and needs no script.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

WIDTH, HEIGHT = 340.0, 220.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 14.0, 12.0, 38.0
MOST_TICKS = 6
LETTER = 6.2  # about the width of one in a tick's label


@dataclass(frozen=True, slots=True)
class Scale:
    """From `low`…`high` of the data onto `start`…`end` of the box; on a logarithm's scale both are above 0."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def at(self, value: float) -> float:
        """Where a value lies, clipped to the scale.

        >>> Scale(0.0, 10.0, 100.0, 0.0).at(2.5)
        75.0
        """
        low, high, here = self.low, self.high, min(max(value, self.low), self.high)
        if self.is_log:
            low, high, here = math.log(low), math.log(high), math.log(here)
        share = (here - low) / (high - low) if high > low else 0.5
        return round(self.start + share * (self.end - self.start), 2)


@dataclass(frozen=True, slots=True)
class AxisTick:
    """A labelled place on an axis, in the units of the box."""

    at: float
    label: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Line:
    """Points joined in order; `style` names its look in the style sheet, `label` is written above one of its ends."""

    path: str
    style: str
    label: str = ""
    label_x: float = 0.0
    label_y: float = 0.0
    anchor: str = "end"


@dataclass(frozen=True, slots=True)
class Dot:
    """A mark with an upright interval, and what it says to who points at it or has it read."""

    x: float
    y: float
    low_y: float
    high_y: float
    title: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar from the foot of the chart."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot with its words: `title` names it, `description` says in a sentence what it shows."""

    title: str
    description: str
    x_name: str
    y_name: str
    x_ticks: tuple[AxisTick, ...]
    y_ticks: tuple[AxisTick, ...]
    lines: tuple[Line, ...] = ()
    dots: tuple[Dot, ...] = ()
    bars: tuple[Bar, ...] = ()
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    foot: float = HEIGHT - BOTTOM


def across(low: float, high: float, *, is_log: bool = False) -> Scale:
    """The scale of x."""
    return Scale(low, high, LEFT, WIDTH - RIGHT, is_log)


def upward(low: float, high: float, *, is_log: bool = False) -> Scale:
    """The scale of y, whose low end is at the foot."""
    return Scale(low, high, HEIGHT - BOTTOM, TOP, is_log)


def round_ticks(low: float, high: float, most: int = MOST_TICKS) -> list[float]:
    """At most `most` round values (steps of 1, 2 or 5) within the scale.

    >>> round_ticks(0.0, 1.0)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    if not high > low:
        return [low]
    power = math.floor(math.log10((high - low) / most))
    for factor in (1, 2, 5, 10, 20):
        step = factor * 10.0**power
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            return [round(i * step, max(0, -power)) for i in range(first, last + 1)]
    return [low, high]


def log_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Powers of ten within the scale, thinned to at most `most`; 1, 2, 5 … of each where there are fewer than three.

    >>> log_ticks(0.06, 1.0)
    [0.1, 0.2, 0.5, 1.0]
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fine = [float(f"{step}e{power}") for power in powers for step in (1, 2, 5)]
    inside = [value for value in fine if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
    tens = [value for value in inside if value in {float(f"1e{power}") for power in powers}]
    if not inside:
        return [low, high]
    chosen, room = (tens, most) if len(tens) > 2 else (inside, MOST_TICKS)
    return chosen[:: -(-len(chosen) // room)]


def ticks_across(scale: Scale, values: Sequence[float], label: Callable[[float], str]) -> tuple[AxisTick, ...]:
    """Ticks of x; every second, third … of them where their labels would run into one another."""
    for step in range(1, len(values) + 1):
        ticks = tuple(_tick(scale.at(value), label(value)) for value in values[::step])
        if all(_begin(right) - _begin(left) >= _width(left) + LETTER for left, right in pairwise(ticks)):
            return ticks
    return ()


def _tick(at: float, text: str) -> AxisTick:
    # A label at the very edge is moved in rather than cut off.
    return AxisTick(at, text, "end" if at + len(text) * LETTER / 2 > WIDTH else "middle")


def _width(tick: AxisTick) -> float:
    return len(tick.label) * LETTER


def _begin(tick: AxisTick) -> float:
    return tick.at - _width(tick) / (1 if tick.anchor == "end" else 2)


def ticks_upward(scale: Scale, label: Callable[[float], str], most: int = 5) -> tuple[AxisTick, ...]:
    """Round ticks of y."""
    return tuple(AxisTick(scale.at(value), label(value)) for value in round_ticks(scale.low, scale.high, most))


def line(x: Scale, y: Scale, points: Sequence[tuple[float, float]], style: str) -> Line:
    """A line through points in the data's units; what lies above the scale is cut off where it leaves it."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for before, here in pairwise([points[0], *points] if points else []):
        if (before[1] > y.high) != (here[1] > y.high):
            share = (y.high - before[1]) / (here[1] - before[1])
            edge = (before[0] + share * (here[0] - before[0]), y.high)
            pieces[-1].append(edge)
            if here[1] > y.high:
                pieces.append([])
        if here[1] <= y.high:
            pieces[-1].append(here)
    drawn = ["M" + " L".join(f"{x.at(a):g} {y.at(b):g}" for a, b in piece) for piece in pieces if piece]
    return Line(" ".join(drawn), style)


def level(x: Scale, y: Scale, value: float, style: str, label: str = "", *, is_left: bool = False) -> Line:
    """A level right across the chart, its label above the right end, or the left one."""
    across_it = line(x, y, [(x.low, value), (x.high, value)], style)
    label_x, anchor = (x.start + 4, "start") if is_left else (x.end, "end")
    return Line(across_it.path, style, label, label_x, max(TOP + 8, y.at(value) - 5), anchor)


def dot(x: Scale, y: Scale, at: tuple[float, float], interval: tuple[float, float], title: str) -> Dot:
    """A mark at a point with an interval of y."""
    return Dot(x.at(at[0]), y.at(at[1]), y.at(interval[0]), y.at(interval[1]), title)


def ceiling(values: Sequence[float]) -> float:
    """A round number at or above all values, as the top of a scale that starts at 0.

    >>> ceiling([3.2, 41.0])
    50.0
    """
    largest = max((value for value in values if math.isfinite(value)), default=0.0)
    if largest <= 0:
        return 1.0
    power = math.floor(math.log10(largest))
    return next(
        step * 10.0**power for step in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if step * 10.0**power >= largest
    )
