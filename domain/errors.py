"""The one tree of errors.

PitcallError
├── InvalidInput      a field is wrong; names it and the fix
│   └── TooLarge      over a size limit
├── Unauthenticated   no credential, or one that is not (any longer) good
├── Forbidden         known, but not allowed
│   └── ScopeMissing   a machine client lacks a scope; names it
├── NotFound          absent, or hidden from the one who asks
├── Conflict          the state of things does not allow it (any longer)
│   ├── TryAgain      others were in the way of the transaction; run afresh it may well succeed
│   ├── SlotTaken     the bay is held or booked for an overlapping time
│   ├── ConsentMissing  no live grant permits this
│   └── ChangedMeanwhile  it is no longer what the caller has seen
├── Unavailable       a part we rely on is away; try again later
├── Undeliverable     what was to be sent is refused for good
├── TooManyTries      who guesses waits longer each time; says for how long
└── DamagedSnapshot   a model snapshot failed its length, hash or HMAC
"""

from __future__ import annotations


class PitcallError(Exception):
    """Base of all errors Pitcall raises on purpose; `str()` is a sentence for a person."""


class InvalidInput(PitcallError):
    """A field is wrong. `field` is its path in the input; `fix` says what would be right."""

    def __init__(self, message: str, *, field: str, fix: str = "") -> None:
        super().__init__(message)
        self.field = field
        self.fix = fix


class TooLarge(InvalidInput):
    """The input is over a named size limit."""


class Unauthenticated(PitcallError):
    """There is no credential, or it is wrong, expired or revoked."""


class Forbidden(PitcallError):
    """The caller is known, but may not do this; `field` is the path of what gave it away, where it was the input."""

    def __init__(self, message: str, *, field: str = "", fix: str = "") -> None:
        super().__init__(message)
        self.field = field
        self.fix = fix


class ScopeMissing(Forbidden):
    """A machine client's token lacks the scope that the call takes."""

    def __init__(self, message: str, *, scope: str) -> None:
        super().__init__(message)
        self.scope = scope


class NotFound(PitcallError):
    """There is no such thing, or the caller must not learn that there is."""


class Conflict(PitcallError):
    """The present state does not allow the command."""


class TryAgain(Conflict):
    """Another writer was in the way; the same use case, run afresh, may well succeed."""


class SlotTaken(Conflict):
    """The bay is held or booked for a time that overlaps."""


class ConsentMissing(Conflict):
    """No live consent grant permits what was asked."""


class ChangedMeanwhile(Conflict):
    """The command was decided on a version that is no longer the present one."""


class Unavailable(PitcallError):
    """A part we rely on is away; nothing was acknowledged, and trying again is safe."""

    def __init__(self, message: str, *, retry_after_s: int = 5) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Undeliverable(PitcallError):
    """What was to be sent is refused for good: trying again would not help."""


class TooManyTries(PitcallError):
    """Too many failures before this try, which was not looked at."""

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class DamagedSnapshot(PitcallError):
    """A model snapshot is truncated, altered or signed with another key."""
