"""Trouble codes in the state: which are stored in the car, and since when.

Each code is a register that the newest report of it sets, so that reports may come in any order and more than once.
"""

from __future__ import annotations

from collections.abc import Iterable

from models.upload_block import CodeReport
from models.vehicle_state import CODES_LOST, Record

_ACTIVE, _USED = 1 << 31, 1 << 30
_SYSTEMS = "PCBU"


def pack_code(code: str) -> int:
    """A code of SAE J2012 (`P0420`, with a failure type `P0420-1A`) as a number of 25 bits.

    >>> unpack_code(pack_code("U3FFF-1A"))
    'U3FFF-1A'
    """
    main, _, failure = code.partition("-")
    number = _SYSTEMS.index(main[0]) << 14 | int(main[1:], 16)
    return number << 9 | (int(failure, 16) << 1 | 1 if failure else 0)


def unpack_code(number: int) -> str:
    """The code that `pack_code` made a number of."""
    main, failure = number >> 9, number & 0x1FF
    text = f"{_SYSTEMS[main >> 14]}{main & 0x3FFF:04X}"
    return f"{text}-{failure >> 1:02X}" if failure else text


def stored_codes(state: Record) -> tuple[str, ...]:
    """The codes that are stored in the car now, sorted."""
    numbers = [int(number) for number in state["codes"]["code"] if int(number) & _ACTIVE]
    return tuple(sorted(unpack_code(number & (_USED - 1)) for number in numbers))


def fold_codes(state: Record, report: CodeReport, at_ms: int) -> None:
    """Take over what an upload that ended at `at_ms` says; a report older than what is known of a code is no news.

    When there are more codes than places, the one that has been quiet longest makes room, and the state is flagged.
    """
    at_s = at_ms // 1000
    known = {int(number) & (_USED - 1): int(number) for number in state["codes"]["code"] if int(number)}
    added = [pack_code(code) for code in report.added]
    removed = [pack_code(code) for code in report.removed]
    if report.is_whole:
        removed += [code for code, number in known.items() if number & _ACTIVE and code not in added]
    for code in _once(removed):
        _set(state, code, 0, at_s)
    for code in _once(added):
        _set(state, code, _ACTIVE, at_s)


def _set(state: Record, code: int, active: int, at_s: int) -> None:
    places = state["codes"]
    own = next((place for place in places if int(place["code"]) & ~_ACTIVE == code | _USED), None)
    if own is None:
        free = next((place for place in places if not int(place["code"])), None)
        own = free if free is not None else min(places, key=lambda p: (bool(int(p["code"]) & _ACTIVE), p["changed_s"]))
        if free is None:
            if int(own["code"]) & _ACTIVE:
                state["flags"] = int(state["flags"]) | CODES_LOST
            if not active or (int(own["code"]) & _ACTIVE and int(own["changed_s"]) > at_s):
                return
    elif int(own["changed_s"]) > at_s:
        return
    own["code"], own["changed_s"] = code | _USED | active, at_s


def _once(codes: Iterable[int]) -> list[int]:
    return list(dict.fromkeys(codes))
