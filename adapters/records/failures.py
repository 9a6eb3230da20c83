"""What a database's failure means to the rest of the house."""

from __future__ import annotations

import sqlite3
from typing import TypeAlias

import psycopg
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, TimeoutError

from domain.errors import Conflict, InvalidInput, PitcallError, TryAgain, Unavailable

Failure: TypeAlias = DBAPIError | psycopg.Error | sqlite3.Error

# https://www.postgresql.org/docs/15/errcodes-appendix.html
_AGAIN = {
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
    "55P03",  # lock_not_available (lock_timeout)
}
_AWAY = {
    "25P03",  # idle_in_transaction_session_timeout: the session is gone
    "3D000",  # invalid_catalog_name
    "57014",  # query_canceled (statement_timeout)
    "57P01",  # admin_shutdown
    "57P02",  # crash_shutdown
    "57P03",  # cannot_connect_now
    "57P04",  # database_dropped
    "58030",  # io_error
}
# Whole classes: connection exception, invalid authorisation, insufficient resources (disk full, too many clients).
_AWAY_CLASSES = {"08", "28", "53"}

_SQLITE_AWAY = (
    *("locked", "busy", "unable to open", "disk i/o", "disk is full", "readonly", "no active connection"),
    *("not a database", "malformed"),
)


def meaning_of(error: BaseException) -> PitcallError | None:
    """The house's own error for a database's; None when it is a mistake of ours and should be seen as it is."""
    if isinstance(error, TimeoutError):
        return Unavailable("all connections to the records database are in use")
    if isinstance(error, OSError):
        return Unavailable(f"the records database does not answer: {type(error).__name__}")
    if isinstance(error, DBAPIError):
        return _meaning(error, error.orig, is_invalidated=error.connection_invalidated)
    # What is a `Statement` is run by the driver itself.
    if isinstance(error, ValueError) and "no active connection" in str(error):
        return _away(error)  # so aiosqlite says that it was closed
    return _meaning(error, error) if isinstance(error, (psycopg.Error, sqlite3.Error)) else None


def _meaning(error: Failure, said: BaseException | None, *, is_invalidated: bool = False) -> PitcallError | None:
    state = getattr(said, "sqlstate", None)
    if state in _AGAIN:
        return TryAgain("others were changing the same things at the same time")
    if is_invalidated or state in _AWAY or (state is not None and state[:2] in _AWAY_CLASSES):
        return _away(said)
    if isinstance(error, (IntegrityError, psycopg.IntegrityError, sqlite3.IntegrityError)):
        return Conflict(f"the records do not allow this: {_constraint(said)}")
    if isinstance(error, (DataError, psycopg.DataError, sqlite3.DataError)):
        return InvalidInput(
            "a text or number cannot be stored", field="(record)", fix="no NUL characters, and numbers of 64 bits"
        )
    if state is None and _is_connection_trouble(error, said):
        return _away(said)
    return None


def _is_connection_trouble(error: Failure, said: BaseException | None) -> bool:
    if isinstance(error, (InterfaceError, psycopg.InterfaceError, sqlite3.InterfaceError)):
        return True
    if isinstance(said, psycopg.Error):
        # Without a SQLSTATE no server has answered.
        return type(said).__name__ in ("OperationalError", "ConnectionTimeout", "PoolTimeout")
    return any(words in str(said).lower() for words in _SQLITE_AWAY)


def _away(said: BaseException | None) -> Unavailable:
    first_line = (str(said).strip().splitlines() or [""])[0]
    return Unavailable(f"the records database does not answer: {first_line}")


def _constraint(said: BaseException | None) -> str:
    """The constraint's name, and never the values: they may be a person's."""
    diagnosis = getattr(said, "diag", None)
    name = getattr(diagnosis, "constraint_name", None)
    return str(name or str(said).splitlines()[0])
