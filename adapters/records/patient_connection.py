"""A connection to PostgreSQL that gives up on a server that is silent."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

from psycopg import AsyncConnection


class PatientConnection(AsyncConnection[Any]):
    """Ends itself when the server has not answered for `patience_s`; whoever waits then hears that it is away.

    The server's own time-outs end what takes long, and the kernel's notice a peer that acknowledges nothing. Neither
    sees a connection whose far end takes every byte and never answers, as a frozen server's and a broken proxy's do.
    """

    patience_s = 35.0
    """More than `statement_timeout`, so that a server that is only slow is the first to say so."""

    async def wait(self, *args: Any, **kwargs: Any) -> Any:
        """As the parent does, bounded."""
        timer = asyncio.get_running_loop().call_later(self.patience_s, self._hang_up)
        try:
            return await super().wait(*args, **kwargs)
        finally:
            timer.cancel()

    def _hang_up(self) -> None:
        # Not cancelled: that would ask the same silent server to cancel. This way libpq finds the connection closed.
        with socket.socket(fileno=os.dup(self.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)
