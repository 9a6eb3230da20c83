"""One transaction over all repositories."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.records.assessments import SqlAssessments
from adapters.records.connection import RecordsConnection
from adapters.records.consents import SqlConsents
from adapters.records.deliveries import SqlDeliveries
from adapters.records.drivers import SqlDrivers
from adapters.records.failures import meaning_of
from adapters.records.guesses import SqlSignInGuesses
from adapters.records.holds import SqlHolds
from adapters.records.idempotency import SqlIdempotency
from adapters.records.judged_labels import SqlJudgedLabels
from adapters.records.letters import SqlLetters
from adapters.records.machine_clients import SqlMachineClients
from adapters.records.needs import SqlNeeds
from adapters.records.outbox import SqlOutbox
from adapters.records.people import SqlPeople
from adapters.records.proposals import SqlProposals
from adapters.records.service_records import SqlServiceRecords
from adapters.records.statement import Statement
from adapters.records.timeline import SqlTimeline
from adapters.records.vehicles import SqlVehicles
from workflow import party_ports, ports

T = TypeVar("T")

_SHOW_ONLY = Statement(text("SELECT set_config('pitcall.party', :party, true)"))


class OneAtATime:
    """The queue in front of SQLite's one writer, in the order of arrival.

    A task that opened a second unit of work inside its first would wait for itself for ever; it is told instead.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._holder: asyncio.Task[object] | None = None

    async def enter(self) -> None:
        task = asyncio.current_task()
        if task is not None and task is self._holder:
            raise RuntimeError("a unit of work inside another: pass the open one on instead")
        await self._lock.acquire()
        self._holder = task

    def leave(self) -> None:
        self._holder = None
        self._lock.release()


class SqlUnitOfWork:
    """Commits when the block ends well, rolls back when it raises.

    Errors of the database leave the block as the house's own: Conflict (TryAgain for deadlocks and the like),
    Unavailable when it is away. After an Unavailable at the commit nobody knows whether it was done: ids make
    trying again harmless.
    """

    vehicles: party_ports.Vehicles
    drivers: party_ports.Drivers
    people: party_ports.People
    machine_clients: party_ports.MachineClients
    guesses: party_ports.SignInGuesses
    consents: ports.Consents
    assessments: ports.Assessments
    needs: ports.Needs
    proposals: ports.Proposals
    holds: ports.Holds
    service_records: ports.ServiceRecords
    judged_labels: ports.JudgedLabels
    outbox: ports.Outbox
    deliveries: ports.Deliveries
    letters: ports.SentLetters
    timeline: ports.Timeline
    idempotency: ports.Idempotency

    def __init__(self, engine: AsyncEngine, queue: OneAtATime | None) -> None:
        self._engine = engine
        self._queue = queue
        self._connection: RecordsConnection | None = None

    async def __aenter__(self) -> Self:
        if self._connection is not None:
            raise RuntimeError("this unit of work is open already: ask for another")
        if self._queue is not None:
            await self._queue.enter()
        try:
            connection = await RecordsConnection.open(self._engine)
        except BaseException as error:
            self._leave()
            _raise_meaning(error)
            raise
        self._connection = connection
        self._open_repositories(connection)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection = self._connection
        if connection is None:
            raise RuntimeError("this unit of work is not open")
        try:
            if error is None:
                await self._commit(connection)
        except BaseException as failure:
            _raise_meaning(failure)
            raise
        finally:
            self._connection = None
            try:
                # What was not committed is rolled back as the connection goes back to the pool.
                await connection.close()
            finally:
                self._leave()
        if error is not None:
            _raise_meaning(error)

    async def show_only(self, party_id: str) -> None:
        """Let row-level security hide what is not this party's, until the transaction ends; nothing on SQLite."""
        if self._connection is None:
            raise RuntimeError("this unit of work is not open")
        if self._connection.is_postgres:
            await self._connection.execute(_SHOW_ONLY, {"party": party_id})

    async def run_sync(self, function: Callable[[Connection], T]) -> T:
        """Run what is not asynchronous over the transaction: migrations, a look at the server."""
        if self._connection is None:
            raise RuntimeError("this unit of work is not open")
        return await self._connection.run_sync(function)

    async def _commit(self, connection: RecordsConnection) -> None:
        try:
            async with connection.in_one_go():
                # So the one lock that all who write events queue for, the timeline's, is held for a moment.
                await self._outbox.flush()
                await self._timeline.flush()
                await connection.commit()
        except BaseException:
            # SQLite keeps a transaction open when its commit is refused (a reference to nobody, a full disk), while
            # SQLAlchemy takes it for ended: only closing the connection is sure to roll it back.
            await connection.invalidate()
            raise

    def _leave(self) -> None:
        if self._queue is not None:
            self._queue.leave()

    def _open_repositories(self, connection: RecordsConnection) -> None:
        self.vehicles = SqlVehicles(connection)
        self.drivers = SqlDrivers(connection)
        self.people = SqlPeople(connection)
        self.machine_clients = SqlMachineClients(connection)
        self.guesses = SqlSignInGuesses(connection)
        self.consents = SqlConsents(connection)
        self.assessments = SqlAssessments(connection)
        self.needs = SqlNeeds(connection)
        self.proposals = SqlProposals(connection)
        self.holds = SqlHolds(connection)
        self.service_records = SqlServiceRecords(connection)
        self.judged_labels = SqlJudgedLabels(connection)
        self.outbox = self._outbox = SqlOutbox(connection)
        self.deliveries = SqlDeliveries(connection, self._outbox)
        self.letters = SqlLetters(connection)
        self.timeline = self._timeline = SqlTimeline(connection)
        self.idempotency = SqlIdempotency(connection)


def _raise_meaning(error: BaseException) -> None:
    meaning = meaning_of(error)
    if meaning is not None:
        raise meaning from error
