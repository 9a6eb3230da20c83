"""The two databases, opened as this product needs them."""

from __future__ import annotations

import select
import sqlite3
import time
from typing import Any

import psycopg
from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.records.patient_connection import PatientConnection
from domain.errors import InvalidInput

_FIX = "sqlite+aiosqlite:///<file> or postgresql+psycopg://<user>:<password>@<host>/<database>"
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_PATIENCE_MS = 10_000
_TRUSTED_S = 5.0


def open_engine(database_url: str, *, connections: int) -> AsyncEngine:
    """An engine for the URL; InvalidInput when it names no database we know. Connects at first use."""
    url = _url(database_url)
    if url.get_backend_name() == "sqlite":
        return _sqlite(url)
    return _postgres(url, connections)


def _url(database_url: str) -> URL:
    try:
        url = make_url(database_url)
    except ArgumentError as error:
        raise InvalidInput("this is not a database URL", field="database_url", fix=_FIX) from error
    driver = _DRIVERS.get(url.drivername, url.drivername)
    if driver not in _DRIVERS.values():
        raise InvalidInput(f"no records are kept by {url.drivername}", field="database_url", fix=_FIX)
    if not url.database or url.database == ":memory:":
        raise InvalidInput("the database URL names no database", field="database_url", fix=_FIX)
    return url.set(drivername=driver)


def _sqlite(url: URL) -> AsyncEngine:
    # One connection: SQLite has one writer, and a queue in front of it beats "database is locked".
    engine = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=60, hide_parameters=True)

    @event.listens_for(engine.sync_engine, "do_connect")
    def look_first(_dialect: object, _record: object, arguments: list[Any], _options: object) -> None:
        # A file that cannot be opened is found here: aiosqlite would leave its thread behind, to speak to a loop that
        # may be closed by then. Returning None lets it connect.
        _keep_log_ahead(arguments[0])

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        # Transactions are begun by us (below), so that DDL and SELECT are inside them too.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout = {_PATIENCE_MS}",
            # NORMAL would lose the last commits when the power goes: what is acknowledged must be there.
            "synchronous = FULL",
            "foreign_keys = ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        # IMMEDIATE takes the writer's place at once; a read that turns into a write later could fail half-way.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _keep_log_ahead(path: str) -> None:
    """Make a new file one with a write-ahead log, which it then is for good.

    That takes the file for oneself for a moment, and SQLite does not wait for it: of processes that start together on a
    new file, all but one would be told that it is locked.
    """
    ends = time.monotonic() + _PATIENCE_MS / 1000
    while True:
        connection = sqlite3.connect(path)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > ends:
                raise
            time.sleep(0.01)
        else:
            return
        finally:
            connection.close()


def _postgres(url: URL, connections: int) -> AsyncEngine:
    server_settings = {
        "timezone": "UTC",
        "lock_timeout": f"{_PATIENCE_MS}",
        "statement_timeout": "30000",
        "idle_in_transaction_session_timeout": "60000",
    }
    engine = create_async_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=30,
        hide_parameters=True,  # errors end up in logs
        # The unit of work's own locks are taken one after another; each statement must see what was committed before.
        isolation_level="READ COMMITTED",
        connect_args={
            "async_creator_fn": PatientConnection.connect,
            "connect_timeout": 5,
            "tcp_user_timeout": _PATIENCE_MS,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "options": " ".join(f"-c {name}={value}" for name, value in server_settings.items()),
        },
    )
    _replace_dead(engine)
    return engine


def _replace_dead(engine: AsyncEngine) -> None:
    """A connection that died while it lay idle is replaced before a use case starts on it.

    A server that goes says so on the line, so of a connection that was in use just now it is enough to look whether
    anything was said; one that lay idle for longer is asked, as between may be what drops idle ones in silence.
    """

    @event.listens_for(engine.sync_engine, "checkin")
    def lay_down(_connection: Any, record: Any) -> None:
        record.info["idle_since_s"] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def take_up(connection: Any, record: Any, _fairy: object) -> None:
        idle_s = time.monotonic() - record.info.get("idle_since_s", time.monotonic())
        if idle_s < _TRUSTED_S and not _has_said(connection.driver_connection.fileno()):
            return
        try:
            engine.sync_engine.dialect.do_ping(connection)
        except (DBAPIError, psycopg.Error) as error:
            # Those that are older died with it, as like as not: the pool then opens all of them anew.
            raise InvalidatePoolError from error


def _has_said(line: int) -> bool:
    poll = select.poll()
    poll.register(line, select.POLLIN)
    return bool(poll.poll(0))
