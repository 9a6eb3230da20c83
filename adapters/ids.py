"""Ids and secrets: random in service, seeded in headless runs."""

from __future__ import annotations

import base64
import hashlib
import secrets
import uuid
from collections import Counter


class RandomIds:
    """Ids that tell nothing, and secrets nobody can guess."""

    def new(self, kind: str) -> str:
        """32 hex digits of a random UUID. `kind` names what it is for, and does not show in it."""
        return uuid.uuid4().hex

    def secret(self, nbytes: int = 24) -> str:
        """URL-safe text of `nbytes` random bytes."""
        return secrets.token_urlsafe(nbytes)


class SeededIds:
    """The same ids from the same seed, for runs that must end alike; never in service: whoever has the seed has all.

    Every kind counts for itself, so that a run in which two kinds are asked for in another order still agrees.
    `start` must differ from one start to the next over the same data (say, how often it was started), or the second
    would give out the first's ids again.
    """

    def __init__(self, seed: int, *, start: int = 0) -> None:
        self._seed = f"{seed}/{start}"
        self._given: Counter[str] = Counter()

    def new(self, kind: str) -> str:
        """32 hex digits, as a random id looks."""
        return self._next(f"id/{kind}", 16).hex()

    def secret(self, nbytes: int = 24) -> str:
        """URL-safe text of `nbytes` bytes."""
        return base64.urlsafe_b64encode(self._next("secret", nbytes)).rstrip(b"=").decode()

    def _next(self, series: str, nbytes: int) -> bytes:
        self._given[series] += 1
        return hashlib.shake_256(f"{self._seed}/{series}/{self._given[series]}".encode()).digest(nbytes)
