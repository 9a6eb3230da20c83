"""The Faust app of a worker, set up by the rules that its measurements and its open issues ask for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faust
from mode import CrashingSupervisor

from streams.disk_store import DiskStore
from streams.recovery import BlockTableManager
from streams.state_store import MemoryStore, StateStore
from streams.table import BlockTable
from streams.topics import APP_ID, EMBEDDED_PARTITIONS, KAFKA_PARTITIONS, is_embedded

GATHER_S = 0.03
"""On Kafka, where blocks of many partitions come one after the other, an agent waits so long for others to take with
the first."""

OnCrash = Callable[[BaseException], None]


class StreamApp(faust.App):
    """A Faust app that reports, once, when it or any part of it has crashed."""

    def __init__(
        self, *args: Any, on_crash: OnCrash, states_in: Path | None, gather_s: float = 0.0, **kwargs: Any
    ) -> None:
        self.gather_s = gather_s
        self._on_crash: OnCrash | None = on_crash
        self._states_in = states_in
        self._states: list[StateStore] = []
        self._home = threading.get_ident()
        self.outages = 0
        """How often a part of the worker was told that something it needs is away, and waited."""
        self.halves = 0
        """How often a part of a block was handled by itself, since the whole had failed."""
        super().__init__(*args, **kwargs)

    def _crash(self, reason: BaseException) -> None:
        # Every crash of a part ends up here; Faust itself would only stop and say nothing.
        super()._crash(reason)
        on_crash, self._on_crash = self._on_crash, None
        if on_crash is None or self._stopped.is_set():
            return
        if threading.get_ident() == self._home:
            on_crash(reason)
        else:
            self.loop.call_soon_threadsafe(on_crash, reason)

    async def _on_agent_error(self, agent: Any, exc: BaseException) -> None:
        # An agent catches what its handler raises, so what gets here is a fault of the agent itself.
        await super()._on_agent_error(agent, exc)
        await self.crash(exc)

    def block_table(self, name: str) -> BlockTable:
        """Add a table that is read by partition and written in blocks."""
        states = self._new_states(name)
        table = BlockTable(self, name=name, states=states)
        self._states.append(states)
        self.tables.add(table)
        return table

    def _new_states(self, name: str) -> StateStore:
        if self._states_in is not None:
            return DiskStore(states_folder(self._states_in, name), self.conf.topic_partitions)
        return MemoryStore()

    async def start(self) -> None:
        """Take the folders of the tables, then start; raises `Conflict` when another process has them."""
        try:
            for states in self._states:
                states.open()
            await super().start()
        except BaseException:
            self._close_states()
            raise

    async def stop(self) -> None:
        """Stop, and put what the tables hold where it will be found again."""
        try:
            await super().stop()
        finally:
            self._close_states()

    def _close_states(self) -> None:
        for states in self._states:
            states.close()


def states_folder(data_dir: Path, table: str) -> Path:
    """Where a worker keeps a table's states on disk."""
    return data_dir / "streams" / table


def create_app(
    broker_url: str,
    data_dir: Path,
    *,
    on_crash: OnCrash,
    app_id: str = APP_ID,
    partitions: int | None = None,
    commit_interval_s: float = 1.0,
    is_on_disk: bool = False,
    standby_replicas: int = 0,
) -> StreamApp:
    """Make the app; create its topics, add agents and tables, then ``await app.start()`` in a running event loop.

    It opens no port, sets up no logging and handles no signal, so it can share a process and a loop with a web
    server. `data_dir` is this worker's alone. `partitions` is the number the topics were created with. A lock-step
    run, which waits for commits, asks for a shorter `commit_interval_s`. `on_crash` is called, in the loop's thread,
    when any part fails: whoever runs the app then has to end the process, for Faust would go on without the part.
    `is_on_disk`: tables are kept below `data_dir`, else in memory. `standby_replicas`: so many other workers keep
    each partition's state ready (Kafka only).
    """
    directory = data_dir / "streams"
    directory.mkdir(parents=True, exist_ok=True)
    default = EMBEDDED_PARTITIONS if is_embedded(broker_url) else KAFKA_PARTITIONS
    return StreamApp(
        app_id,
        on_crash=on_crash,
        states_in=data_dir if is_on_disk else None,
        gather_s=0.0 if is_embedded(broker_url) else GATHER_S,
        broker=broker_url,
        datadir=directory,
        key_serializer="raw",
        value_serializer="raw",
        # Each table brings its own store.
        store="memory://",
        TableManager=BlockTableManager,
        agent_supervisor=CrashingSupervisor,
        topic_partitions=partitions or default,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0 if is_embedded(broker_url) else standby_replicas,
        # An agent may be waiting for a database that is away. Nothing is lost by not waiting for it: what is not
        # acknowledged comes again, and what a table has begun to write is waited for by `BlockTable.release`.
        stream_wait_empty=False,
        producer_acks=-1,
        producer_linger=0.002,
        producer_max_batch_size=1_000_000,
        consumer_auto_offset_reset="earliest",
        broker_max_poll_records=4_096,
        broker_session_timeout=10.0,
        broker_heartbeat_interval=3.0,
        broker_commit_interval=commit_interval_s,
        web_enabled=False,
    )
