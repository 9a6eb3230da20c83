"""Customers, dealers, the accounts they sign in with, and their sessions."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, bindparam, delete, select, update

from adapters.records.documents import from_document, to_document
from adapters.records.repository import Repository
from adapters.records.statement import Statement
from adapters.records.tables import accounts, customers, dealers, sessions
from domain.people import Account, Customer, Dealer, Role, Session

_CUSTOMER = Statement(select(customers).where(customers.c.customer_id == bindparam("of_customer")))
_DEALER = Statement(select(dealers.c.document).where(dealers.c.dealer_id == bindparam("of_dealer")))


class SqlPeople(Repository):
    async def add_customer(self, customer: Customer) -> None:
        row = {
            "customer_id": customer.customer_id,
            "name": customer.name,
            "email": customer.email,
            "locale": customer.locale,
            "time_zone": customer.time_zone,
        }
        await self._insert_or_conflict(customers, row, "there is a customer with this id already")

    async def customer(self, customer_id: str) -> Customer | None:
        row = await self._one(_CUSTOMER, {"of_customer": customer_id})
        if row is None:
            return None
        return Customer(row.customer_id, row.name, row.email, row.locale, row.time_zone)

    async def add_account(self, account: Account) -> None:
        row = {
            "account_id": account.account_id,
            "role": str(account.role),
            "email": account.email,
            "email_folded": _folded(account.email),
            "password_hash": account.password_hash,
            "customer_id": account.customer_id,
            "dealer_id": account.dealer_id,
            "name": account.name,
        }
        await self._insert_or_conflict(accounts, row, "there is an account with this e-mail address already")

    async def account(self, account_id: str) -> Account | None:
        row = await self._one(select(accounts).where(accounts.c.account_id == account_id))
        return None if row is None else _account(row)

    async def account_by_email(self, email: str) -> Account | None:
        row = await self._one(select(accounts).where(accounts.c.email_folded == _folded(email)))
        return None if row is None else _account(row)

    async def add_session(self, session: Session) -> None:
        row = {
            "token_hash": session.token_hash,
            "account_id": session.account_id,
            "expires_ms": session.expires_ms,
            "is_single_use": session.is_single_use,
        }
        await self._insert_or_conflict(sessions, row, "this session exists already")

    async def session(self, token_hash: str) -> Session | None:
        query = select(sessions).where(sessions.c.token_hash == token_hash)
        row = await self._one(query)
        if row is not None and row.is_single_use:
            # Who comes second with one sign-in link waits here for the first, and finds it used up.
            row = await self._one(query.with_for_update())
        if row is None:
            return None
        return Session(row.token_hash, row.account_id, row.expires_ms, row.is_single_use)

    async def end_session(self, token_hash: str) -> None:
        await self._connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))

    async def end_sessions_of(self, account_id: str, *, but: str = "") -> None:
        own = (sessions.c.account_id == account_id) & (sessions.c.token_hash != but)
        await self._connection.execute(delete(sessions).where(own))

    async def set_password(self, account_id: str, password_hash: str) -> None:
        change = update(accounts).where(accounts.c.account_id == account_id)
        await self._connection.execute(change.values(password_hash=password_hash))

    async def add_dealer(self, dealer: Dealer) -> None:
        row = {"dealer_id": dealer.dealer_id, "name": dealer.name, "document": to_document(dealer)}
        await self._insert_or_conflict(dealers, row, "there is a dealer with this id already")

    async def update_dealer(self, dealer: Dealer) -> None:
        change = update(dealers).where(dealers.c.dealer_id == dealer.dealer_id)
        await self._connection.execute(change.values(name=dealer.name, document=to_document(dealer)))

    async def dealer(self, dealer_id: str) -> Dealer | None:
        row = await self._one(_DEALER, {"of_dealer": dealer_id})
        return None if row is None else from_document(row.document, Dealer)

    async def dealers_with(self, dealer_ids: Collection[str]) -> dict[str, Dealer]:
        query = select(dealers.c.dealer_id, dealers.c.document).where(dealers.c.dealer_id.in_(dealer_ids))
        return {row.dealer_id: from_document(row.document, Dealer) for row in await self._all(query)}

    async def dealers(self) -> list[Dealer]:
        rows = await self._all(select(dealers.c.document).order_by(dealers.c.name, dealers.c.dealer_id))
        return [from_document(row.document, Dealer) for row in rows]


def _folded(email: str) -> str:
    return email.strip().casefold()


def _account(row: Row[Any]) -> Account:
    return Account(
        account_id=row.account_id,
        role=Role(row.role),
        email=row.email,
        password_hash=row.password_hash,
        customer_id=row.customer_id,
        dealer_id=row.dealer_id,
        name=row.name,
    )
