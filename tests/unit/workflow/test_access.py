"""The one table of who may what: each role its own operations, a machine client those of its scopes."""

import pytest

from domain.errors import Forbidden, ScopeMissing
from domain.machine_client import Scope
from domain.people import Role
from workflow.access import ACCESS, Bears, Caller, admit

OF_ACCOUNTS = sorted(name for name, rule in ACCESS.items() if rule.bears is Bears.ACCOUNT)
ALL_SCOPES = frozenset(Scope)


@pytest.mark.parametrize("operation", OF_ACCOUNTS)
def test_a_role_passes_where_the_table_names_it_and_nowhere_else(operation: str) -> None:
    for role in set(Role) - {Role.MACHINE}:
        caller = Caller("account-1", role, customer_id="owner-1", dealer_id="dealer-1", scopes=ALL_SCOPES)
        if role in ACCESS[operation].roles:
            admit(operation, caller)
        else:
            with pytest.raises(Forbidden):
                admit(operation, caller)


@pytest.mark.parametrize("operation", OF_ACCOUNTS)
def test_a_machine_client_passes_with_the_one_scope_only(operation: str) -> None:
    rule = ACCESS[operation]
    for scopes in ({scope} for scope in Scope):
        caller = Caller("client-1", Role.MACHINE, dealer_id="dealer-1", scopes=frozenset(scopes))
        if rule.all_clients or rule.scope in scopes:
            admit(operation, caller)
        else:
            with pytest.raises(Forbidden):
                admit(operation, caller)


def test_the_scope_that_lacks_is_named() -> None:
    with pytest.raises(ScopeMissing) as refused:
        admit("dealer_desk.queue", Caller("client-1", Role.MACHINE, dealer_id="dealer-1", scopes=frozenset()))
    assert refused.value.scope == "proposals:read"


def test_no_client_may_run_what_people_decide() -> None:
    """Consents, accounts, clients and the operator's doors are never a machine's."""
    people_only = ("me.", "consents.", "proposals.", "clients.", "operators.", "signals.")
    for name in OF_ACCOUNTS:
        if name.startswith(people_only) and name != "me.me":
            assert ACCESS[name].scope is None and not ACCESS[name].all_clients, name
