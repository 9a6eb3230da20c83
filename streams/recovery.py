"""Faust's recovery of tables from their changelogs, mended where blocks and stores on disk need it."""

from __future__ import annotations

import logging
from asyncio import Event
from collections.abc import Mapping
from typing import Any, cast

from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.types import TP

logger = logging.getLogger(__name__)


class _LastingEvent(Event):
    """An event that stays set until somebody has waited for it; `clear` is `reset`, and not for everybody."""

    async def wait(self) -> bool:  # type: ignore[override]
        await super().wait()
        self.reset()
        return True

    def clear(self) -> None:
        """Do nothing: Faust clears right after setting, and who was not waiting yet would wait for ever."""

    def reset(self) -> None:
        """Clear the event."""
        super().clear()


class BlockRecovery(Recovery):
    """Safe against ending before it is waited for, over the embedded log it is that fast; and against old files."""

    @property
    def signal_recovery_end(self) -> _LastingEvent:
        """Set when the last block of the changelogs is applied."""
        if self._signal_recovery_end is None:
            self._signal_recovery_end = _LastingEvent()
        return cast(_LastingEvent, self._signal_recovery_end)

    def _set_recovery_started(self) -> None:
        self.signal_recovery_end.reset()
        super()._set_recovery_started()

    async def _build_offsets(self, consumer: Any, tps: set[TP], destination: Any, title: str) -> None:
        """Where to read on from; what is kept of a changelog that was made anew since then is wiped first."""
        ends: Mapping[TP, int | None] = await consumer.highwaters(*tps) if tps else {}
        for tp in tps:
            offset, end = destination[tp], ends.get(tp)
            if offset is not None and end is not None and offset >= end:
                logger.warning("%s[%d] ends at %d, and states are here up to %d", *tp, end, offset)
                cast(Any, self.tp_to_table[tp]).data.states.wipe(tp.partition)
                destination[tp] = None
        await super()._build_offsets(consumer, tps, destination, title)


class BlockTableManager(TableManager):
    """Faust's table manager with `BlockRecovery`."""

    @property
    def recovery(self) -> BlockRecovery:
        """The recovery service."""
        if self._recovery is None:
            self._recovery = BlockRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return cast(BlockRecovery, self._recovery)

    async def on_start(self) -> None:
        """Start without Faust's pause of a second: all tables are there before the app starts."""
        await self._update_channels()
        await self.recovery.start()
