"""Machine clients: a dealer's own systems, which sign in by client credentials and may do what their scopes say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from domain.errors import InvalidInput

LONGEST_NAME = 200


class Scope(StrEnum):
    """What a machine client may be allowed, for its own dealer only."""

    PROPOSALS_READ = "proposals:read"
    PROPOSALS_WRITE = "proposals:write"
    SLOTS_READ = "slots:read"
    WEBHOOKS_MANAGE = "webhooks:manage"
    DELIVERIES_READ = "deliveries:read"


@dataclass(frozen=True, slots=True)
class MachineClient:
    """A dealer's system. Its secret is kept by its bearer only; we hold the secret's SHA-256."""

    client_id: str
    dealer_id: str
    name: str
    secret_hash: str
    scopes: tuple[Scope, ...]
    created_ms: int  # wall clock, as all times here
    created_by: str
    revoked_ms: int | None = None

    @property
    def is_live(self) -> bool:
        """Whether it may (still) sign in, and its tokens count."""
        return self.revoked_ms is None

    def revoked(self, now_ms: int) -> MachineClient:
        """The client without its rights; revoking again changes nothing."""
        return self if self.revoked_ms is not None else replace(self, revoked_ms=now_ms)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a client was given for its secret: rights until a moment, no more than the client has."""

    token_hash: str
    client_id: str
    scopes: tuple[Scope, ...]
    expires_ms: int  # wall clock


def scopes_of(names: Iterable[str], *, field: str) -> tuple[Scope, ...]:
    """The scopes by name, each once and in the order of the list above; InvalidInput for one that there is not."""
    wanted = set(names)
    unknown = sorted(wanted - set(Scope))
    if unknown:
        raise InvalidInput(f"there is no scope {unknown[0]!r}", field=field, fix="of " + ", ".join(Scope))
    return tuple(scope for scope in Scope if scope in wanted)
