"""Who calls, and what their role lets them do."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from domain.errors import Forbidden
from domain.people import Role


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in account."""

    account_id: str
    role: Role
    customer_id: str | None = None
    dealer_id: str | None = None
    name: str = ""


def require_owner(caller: Caller) -> str:
    """The caller's customer id; Forbidden for anyone but an owner."""
    if caller.role is not Role.OWNER or caller.customer_id is None:
        raise Forbidden("only an owner may do this")
    return caller.customer_id


def require_dealer(caller: Caller) -> str:
    """The caller's dealer id; Forbidden for anyone but a dealer's people."""
    if caller.role is not Role.ADVISOR or caller.dealer_id is None:
        raise Forbidden("only a dealer's people may do this")
    return caller.dealer_id


def require_operator(caller: Caller) -> None:
    """Forbidden for anyone but an operator."""
    if caller.role is not Role.OPERATOR:
        raise Forbidden("only an operator may do this")


def hash_token(token: str) -> str:
    """SHA-256 of a random token: tokens have the entropy of a key, so no slow hash is needed."""
    return hashlib.sha256(token.encode()).hexdigest()
