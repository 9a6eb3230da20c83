"""Verdict: what one check found at a dealer's endpoint, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    UNSEEN = "unseen"  # answered as it should be, but what matters cannot be seen from outside
    UNTRIED = "untried"  # an earlier fault would have made its answer mean nothing


@dataclass(frozen=True, slots=True)
class Finding:
    """`fault` is a stable name, empty unless it failed; `saw` and `fix` are plain sentences."""

    outcome: Outcome
    saw: str
    fault: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The finding of the check of this name."""

    check: str
    finding: Finding


def passed(saw: str) -> Finding:
    """It does what the contract asks for."""
    return Finding(Outcome.PASSED, saw)


def failed(fault: str, saw: str, fix: str) -> Finding:
    """It does not; `fix` says what would be right."""
    return Finding(Outcome.FAILED, saw, fault, fix)


def unseen(saw: str, look: str) -> Finding:
    """The dealer's engineer has to look; `look` says where and for what."""
    return Finding(Outcome.UNSEEN, saw, fix=look)


def untried(saw: str) -> Finding:
    """It was not tried; `saw` says why."""
    return Finding(Outcome.UNTRIED, saw)
