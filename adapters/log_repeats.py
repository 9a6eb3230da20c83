"""Repeats: what a library says again and again while something is away is written once in a while, with how often.

aiokafka says several lines for each of its ten tries a second. A broker that is away for an hour would fill a disk, and
hide what else is said.
"""

from __future__ import annotations

import logging

LIBRARIES = ("aiokafka",)
PERIOD_S = 10.0


class Repeats(logging.Filter):
    """Lets each message of these libraries through once in `PERIOD_S`; the product's own all pass.

    A message is its wording, whatever values stand in it. Times are those of the records.
    """

    def __init__(self) -> None:
        super().__init__()
        self._since: dict[tuple[str, str], float] = {}
        self._held: dict[tuple[str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is written; what is says how often the same was held back before it."""
        if record.name.partition(".")[0] not in LIBRARIES:
            return True
        message = record.name, str(record.msg)
        if record.created - self._since.get(message, -PERIOD_S) < PERIOD_S:
            self._held[message] = self._held.get(message, 0) + 1
            return False
        self._since[message] = record.created
        if held := self._held.pop(message, 0):
            record.msg, record.args = f"{record.getMessage()} (and {held:,} times more since it was last written)", ()
        return True
