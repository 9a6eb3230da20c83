"""Progress: how far a long command has come, on stderr; a bar for a person, a line every 10 % for a log."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Self, TextIO

WIDTH = 28
EVERY_S = 0.1
LINE_PERCENT = 10
CLEAR_LINE = "\r\x1b[2K"


class Progress:
    """Shows shares of work as they are told; used as a context, so that the bar never stays half drawn.

    On a terminal one line that is drawn over at most ten times a second; elsewhere a line at each tenth. `clock` in
    seconds is for tests.
    """

    def __init__(
        self, what: str, total: float, stream: TextIO | None = None, clock: Callable[[], float] = monotonic
    ) -> None:
        self.what = what
        self.total = total
        self._stream = sys.stderr if stream is None else stream
        self._is_terminal = self._stream.isatty()
        self._clock = clock
        self._begun = clock()
        self._drawn_at = -EVERY_S
        self._said_percent = -LINE_PERCENT
        self._percent = 0

    def __enter__(self) -> Self:
        self.reached(0.0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._percent = 100
            if not self._is_terminal:
                self._say()
        if self._is_terminal:
            self._write(CLEAR_LINE if kind is None else "\n")

    def reached(self, done: float, note: str = "") -> None:
        """So much of `total` is done; never goes back, and never says 100 % before the end."""
        share = min(1.0, max(0.0, done / self.total)) if self.total > 0 else 0.0
        self._percent = max(self._percent, min(99, int(100 * share)))
        if not self._is_terminal:
            if self._percent - self._said_percent >= LINE_PERCENT:
                self._say(note)
            return
        now = self._clock()
        if now - self._drawn_at >= EVERY_S:
            self._drawn_at = now
            self._draw(note)

    def _draw(self, note: str) -> None:
        filled = WIDTH * self._percent // 100
        bar = "█" * filled + "░" * (WIDTH - filled)
        self._write(f"{CLEAR_LINE}{self.what} {bar} {self._percent:3d} %{self._left()}{f'  {note}' if note else ''}")

    def _say(self, note: str = "") -> None:
        self._said_percent = self._percent - self._percent % LINE_PERCENT
        self._write(f"{self.what}: {self._percent} %{f', {note}' if note else ''}\n")

    def _left(self) -> str:
        """How long it will take at the pace so far, once that says something."""
        passed = self._clock() - self._begun
        if self._percent < 3 or passed < 2:
            return ""
        seconds = int(passed * (100 - self._percent) / self._percent)
        return f"  {seconds // 60} min {seconds % 60} s left" if seconds >= 60 else f"  {seconds} s left"

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
