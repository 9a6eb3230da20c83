"""A connection to PostgreSQL that gives up on a server that is silent, and keeps what it has prepared."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Generator
from typing import Any

from psycopg import AsyncConnection, errors
from psycopg.generators import execute
from psycopg.pq import ExecStatus, PipelineStatus, TransactionStatus

_SOUND = (TransactionStatus.IDLE, TransactionStatus.INTRANS)


class PatientConnection(AsyncConnection[Any]):
    """Ends itself when the server has not answered for `patience_s`; whoever waits then hears that it is away.

    The server's own time-outs end what takes long, and the kernel's notice a peer that acknowledges nothing. Neither
    sees a connection whose far end takes every byte and never answers, as a frozen server's and a broken proxy's do.
    """

    patience_s = 35.0
    """More than `statement_timeout`, so that a server that is only slow is the first to say so."""

    _waits_since_s: float | None = None
    _alarm: asyncio.TimerHandle | None = None

    async def wait(self, *args: Any, **kwargs: Any) -> Any:
        """As the parent does, bounded."""
        loop = asyncio.get_running_loop()
        self._waits_since_s = loop.time()
        if self._alarm is None:
            # One for all waits until it goes off: to set and unset one for each costs a good part of a statement.
            self._alarm = loop.call_later(self.patience_s, self._look_at_the_time, loop)
        try:
            return await super().wait(*args, **kwargs)
        finally:
            self._waits_since_s = None

    async def rollback(self) -> None:
        """As the parent does, but what was prepared stays so.

        The parent would prepare it all anew, in case the transaction had made or changed a table that it was about.
        Only migrations do, before anything is prepared.
        """
        status = self.pgconn.transaction_status
        if self.pgconn.pipeline_status != PipelineStatus.OFF or status not in _SOUND:
            # What was to be prepared when a statement failed may not have been.
            await super().rollback()
        elif status == TransactionStatus.INTRANS:
            async with self.lock:
                await self.wait(self._roll_back())

    def _roll_back(self) -> Generator[Any, Any, None]:
        self.pgconn.send_query(b"ROLLBACK")
        for result in (yield from execute(self.pgconn)):
            if result.status != ExecStatus.COMMAND_OK:
                raise errors.error_from_result(result)

    def _look_at_the_time(self, loop: asyncio.AbstractEventLoop) -> None:
        self._alarm = None
        if self._waits_since_s is None:
            return
        ends_s = self._waits_since_s + self.patience_s
        if loop.time() < ends_s:
            self._alarm = loop.call_at(ends_s, self._look_at_the_time, loop)
        else:
            self._hang_up()

    def _hang_up(self) -> None:
        # Not cancelled: that would ask the same silent server to cancel. This way libpq finds the connection closed.
        with socket.socket(fileno=os.dup(self.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)
