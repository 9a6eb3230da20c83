"""Who may what: one table from operation to parties, and the one check that reads it.

An operation is named as the route that offers it, `<module>.<function>`. A route without an entry stops the application
at its start; a role, scope or credential that an entry does not name is refused before anything is read. What an
object's own parties may see of it (this customer's car, this dealer's proposal) is looked at by the use case, in the
transaction that reads it, and answered with NotFound.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.errors import Forbidden, NotFound, ScopeMissing
from domain.machine_client import Scope
from domain.people import Role


class Bears(StrEnum):
    """What a caller must show to be let in at all."""

    NOTHING = "nothing"
    ACCOUNT = "a session token, or a machine client's access token"
    CLIENT_SECRET = "a client's id and secret"  # noqa: S105
    CAR = "a car's own credential"
    ENROLMENT = "an enrolment token"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may run an operation: these roles, and machine clients that have `scope`."""

    bears: Bears = Bears.ACCOUNT
    roles: frozenset[Role] = frozenset()
    scope: Scope | None = None
    all_clients: bool = False


def _only(*roles: Role) -> Rule:
    return Rule(roles=frozenset(roles))


def _dealers(scope: Scope) -> Rule:
    return Rule(roles=frozenset({Role.ADVISOR}), scope=scope)


OPEN = Rule(Bears.NOTHING)
OWNERS = _only(Role.OWNER)
OPERATORS = _only(Role.OPERATOR)
DEALERS_AND_OPERATORS = _only(Role.ADVISOR, Role.OPERATOR)
READS_PROPOSALS = _dealers(Scope.PROPOSALS_READ)
ANSWERS_PROPOSALS = _dealers(Scope.PROPOSALS_WRITE)
MANAGES_WEBHOOKS = _dealers(Scope.WEBHOOKS_MANAGE)
READS_DELIVERIES = _dealers(Scope.DELIVERIES_READ)

ACCESS: Mapping[str, Rule] = {
    "telemetry.upload": Rule(Bears.CAR),
    "telemetry.upload_batch": Rule(Bears.ENROLMENT),
    "vehicles.enrol": Rule(Bears.ENROLMENT),
    "vehicles.claim_code": Rule(Bears.CAR),
    "customers.register": OPEN,
    "sessions.begin": OPEN,
    "oauth.token": Rule(Bears.CLIENT_SECRET),
    "health.healthz": OPEN,
    "health.readyz": OPEN,
    "health.explain": OPEN,
    "metrics.metrics": OPERATORS,
    "me.change_my_password": _only(Role.OWNER, Role.ADVISOR, Role.OPERATOR),
    "me.end_my_sessions": _only(Role.OWNER, Role.ADVISOR, Role.OPERATOR),
    "me.me": Rule(roles=frozenset(Role) - {Role.MACHINE}, all_clients=True),
    "me.claim": OWNERS,
    "me.cars": OWNERS,
    "me.car": OWNERS,
    "me.export": OWNERS,
    "me.ledger": OWNERS,
    "me.sale": OWNERS,
    "me.my_timeline": OWNERS,
    "me.timeline_of_my_car": OWNERS,
    "me.service_history": OWNERS,
    "me.snooze_need": OWNERS,
    "me.dismiss_need": OWNERS,
    "drivers.drivers": OWNERS,
    "drivers.invite": OWNERS,
    "drivers.invitations": OWNERS,
    "drivers.revoke": OWNERS,
    "drivers.let": OWNERS,
    "drivers.end": OWNERS,
    "drivers.drives": OWNERS,
    "drivers.join": OWNERS,
    "drivers.remind": OWNERS,
    "drivers.leave": OWNERS,
    "signals.signal": OWNERS,
    "consents.consents": OWNERS,
    "consents.grant": OWNERS,
    "consents.versions": OWNERS,
    "consents.narrow": OWNERS,
    "consents.withdraw": OWNERS,
    "proposals.draft": OWNERS,
    "proposals.read": OWNERS,
    "proposals.send": OWNERS,
    "proposals.confirm_slot": OWNERS,
    "proposals.counter": OWNERS,
    "proposals.withdraw_proposal": OWNERS,
    "proposals.cancel_appointment": OWNERS,
    "proposals.move_appointment": OWNERS,
    "proposals.appointment": OWNERS,
    "dealers.all_dealers": _only(Role.OWNER, Role.ADVISOR, Role.OPERATOR),
    "dealers.free_slots": Rule(
        roles=frozenset({Role.OWNER, Role.ADVISOR, Role.OPERATOR}),
        scope=Scope.SLOTS_READ,
    ),
    "dealer_desk.queue": READS_PROPOSALS,
    "dealer_desk.read": READS_PROPOSALS,
    "dealer_desk.ledger": READS_PROPOSALS,
    "dealer_desk.accept_slot": ANSWERS_PROPOSALS,
    "dealer_desk.offer": ANSWERS_PROPOSALS,
    "dealer_desk.decline_proposal": ANSWERS_PROPOSALS,
    "dealer_desk.move_visit": ANSWERS_PROPOSALS,
    "dealer_desk.cancel_visit": ANSWERS_PROPOSALS,
    "dealer_desk.check_in_car": ANSWERS_PROPOSALS,
    "dealer_desk.complete_visit": ANSWERS_PROPOSALS,
    "dealer_desk.did_not_come": ANSWERS_PROPOSALS,
    "dealer_webhooks.read": MANAGES_WEBHOOKS,
    "dealer_webhooks.change": MANAGES_WEBHOOKS,
    "dealer_webhooks.rotate": MANAGES_WEBHOOKS,
    "dealer_webhooks.send_a_test": MANAGES_WEBHOOKS,
    "dealer_webhooks.listed": READS_DELIVERIES,
    "dealer_webhooks.one": READS_DELIVERIES,
    "dealer_webhooks.replay_one": MANAGES_WEBHOOKS,
    "sites.read": _only(Role.ADVISOR),
    "sites.change": _only(Role.ADVISOR),
    "clients.new_client": DEALERS_AND_OPERATORS,
    "clients.clients": DEALERS_AND_OPERATORS,
    "clients.revoke": DEALERS_AND_OPERATORS,
    "operators.enrolment_token": OPERATORS,
    "operators.new_dealer": OPERATORS,
    "operators.release": OPERATORS,
    "operators.dead_letters": OPERATORS,
    "operators.replay_dead_letter": OPERATORS,
    "operators.replay_dead_letters_of": OPERATORS,
    "operators.read_funnel": OPERATORS,
    "operators.read_models": OPERATORS,
    "operators.waiting": OPERATORS,
}


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in account, or a machine client (`account_id` is then the client's id)."""

    account_id: str
    role: Role
    customer_id: str | None = None
    dealer_id: str | None = None
    name: str = ""
    scopes: frozenset[Scope] = frozenset()


def admit(operation: str, caller: Caller) -> None:
    """Let the caller pass to an operation, or raise Forbidden; ScopeMissing names the scope a client lacks."""
    rule = ACCESS[operation]
    if caller.role is not Role.MACHINE:
        if caller.role not in rule.roles:
            raise Forbidden(f"only {_named(rule)} may do this")
        return
    if rule.all_clients:
        return
    if rule.scope is None:
        raise Forbidden("no machine client may do this")
    if rule.scope not in caller.scopes:
        raise ScopeMissing(f"this takes the scope {rule.scope}", scope=str(rule.scope))


def _named(rule: Rule) -> str:
    names = {Role.OWNER: "an owner", Role.ADVISOR: "a dealer's people", Role.OPERATOR: "an operator"}
    return " or ".join(name for role, name in names.items() if role in rule.roles)


def require_owner(caller: Caller) -> str:
    """The caller's customer id; Forbidden for anyone but an owner."""
    if caller.role is not Role.OWNER or caller.customer_id is None:
        raise Forbidden("only an owner may do this")
    return caller.customer_id


def require_dealer(caller: Caller) -> str:
    """The id of the dealer the caller works for; Forbidden for anyone but a dealer's people and machine clients."""
    if caller.role not in (Role.ADVISOR, Role.MACHINE) or caller.dealer_id is None:
        raise Forbidden("only a dealer's people may do this")
    return caller.dealer_id


def require_own_site(caller: Caller, dealer_id: str) -> None:
    """NotFound when somebody who works for a dealer asks about another one."""
    if caller.dealer_id is not None and caller.dealer_id != dealer_id:
        raise NotFound("there is no such dealer")


def hash_token(token: str) -> str:
    """SHA-256 of a random token: tokens have the entropy of a key, so no slow hash is needed."""
    return hashlib.sha256(token.encode()).hexdigest()
