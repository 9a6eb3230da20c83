"""HistoryWorker: the history agent in a consumer group of its own, which may lag without holding anything up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from domain.catalogue import Catalogue
from domain.clock import DomainClock
from domain.errors import Unavailable
from streams.agent import block_agent
from streams.agents.history import HistoryAgent
from streams.app import create_app
from streams.topics import DOMAIN_EVENTS, TELEMETRY_UPLOADS, Topic, changelog_name, create_topics
from workflow.signal_history import SignalHistory

logger = logging.getLogger(__name__)

HISTORY_APP_ID = "pitcall-history"
"""The consumer group of the history."""

WITHDRAWALS = "withdrawals"
HISTORY_TOPICS = (Topic(changelog_name(WITHDRAWALS, HISTORY_APP_ID), is_compacted=True),)
"""Topics that only the history needs; it creates them itself."""

EXPIRE_EVERY_S = 3600.0
SHARE_BESIDE_THE_STREAM = 0.25
"""Of a core, where the stream runs in the same process: about 1,700 JSON uploads a second at 150 µs each."""


class HistoryWorker:
    """Writes `history` from the log, and ends what is past its retention by `clock`. Who opened `history` closes it.

    The topics it reads must exist; `partitions` and `replication` are those they were created with. `share` is the
    part of a core it may take: in a process of its own, 1.
    """

    def __init__(
        self,
        *,
        broker_url: str,
        data_dir: Path,
        catalogue: Catalogue,
        history: SignalHistory,
        clock: DomainClock,
        on_crash: Callable[[BaseException], None],
        partitions: int | None = None,
        replication: int = 1,
        commit_interval_s: float = 1.0,
        share: float = SHARE_BESIDE_THE_STREAM,
    ) -> None:
        self._broker_url = broker_url
        self._partitions = partitions
        self._replication = replication
        self._history = history
        self._clock = clock
        self._on_crash = on_crash
        self._expiry: asyncio.Task[None] | None = None
        self.app = create_app(
            broker_url,
            data_dir / "history",
            on_crash=on_crash,
            app_id=HISTORY_APP_ID,
            partitions=partitions,
            commit_interval_s=commit_interval_s,
        )
        agent = HistoryAgent(self.app.block_table(WITHDRAWALS), history, catalogue, share=share)
        block_agent(self.app, "history", [TELEMETRY_UPLOADS, DOMAIN_EVENTS], agent.handle)

    async def start(self) -> None:
        """Begin to work; a history that is away is waited for, not here but behind."""
        await create_topics(
            self._broker_url, topics=HISTORY_TOPICS, partitions=self._partitions, replication=self._replication
        )
        await self.app.start()
        self._expiry = asyncio.create_task(self._expire_for_ever(), name="retention of the history")

    async def stop(self) -> None:
        """Stop; what isn't acknowledged comes again."""
        expiry, self._expiry = self._expiry, None
        if expiry is not None:
            expiry.cancel()
            await asyncio.wait([expiry])
        await self.app.stop()

    async def _expire_for_ever(self) -> None:
        while True:
            try:
                await self._history.expire(self._clock.now_ms())
            except Unavailable as error:
                logger.warning("the history's retention waits: %s", error)
            except Exception as error:
                self._on_crash(error)
                return
            await asyncio.sleep(EXPIRE_EVERY_S)
