"""Node: everything of one process, started and stopped in order. The composition root: nothing imports it.

A node plays one or more parts: `api` (HTTP), `worker` (the stream), `outbox` (what leaves). The embedded default plays
all three in one process and on one event loop; on a cluster each is a process of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from adapters.catalogue_file import load_live_catalogue
from adapters.clocks import WallClock
from adapters.history import file_url, open_history
from adapters.ids import RandomIds
from adapters.mail import MailReminders
from adapters.metrics import PrometheusMetrics
from adapters.passwords import Argon2Passwords
from adapters.records.records import Records, open_records
from adapters.reminder_outbox import ReminderOutbox
from adapters.webhook import SignedWebhooks
from domain.clock import DomainClock
from domain.errors import PitcallError, Unavailable
from domain.reminder_policy import AT_ONCE
from pitcall.quality_readings import QualityReadings
from pitcall.readings import ASK_S, CONSUMED, HISTORY_CONSUMED, take_readings
from pitcall.settings import Settings, WrongSetting, log_url, records_url
from pitcall.snapshot_key import snapshot_key
from streams.app import StreamApp
from streams.history_worker import HISTORY_APP_ID, HistoryWorker
from streams.lag import LagReader, lag_reader
from streams.producer import RecordProducer, record_producer
from streams.topics import (
    DEAD_LETTERS,
    PREDICTIONS,
    TELEMETRY_UPLOADS,
    create_topics,
)
from streams.watchdog import Watchdog
from streams.worker import StreamWorker
from streams.writers import LogTopicWriter, LogUploads
from workflow.consents import end_run_out
from workflow.deliveries import Deliveries
from workflow.dispatch import BLOCK, dispatch_topics
from workflow.needs import wake_snoozed
from workflow.negotiate import expire_proposals
from workflow.outbox_housekeeping import forget_old_rows
from workflow.ports import Ids, Office, Passwords, ReminderSender
from workflow.reminders import dispatch_reminders
from workflow.signal_history import SignalHistory

logger = logging.getLogger(__name__)

API, WORKER, OUTBOX = "api", "worker", "outbox"
ALL = frozenset({API, WORKER, OUTBOX})
IDLE_S = 0.1
TIDY_S = 1.0
FORGET_S = 60.0
AWAY_S = 2.0


def _reminder_sender(settings: Settings) -> ReminderSender:
    """Mail where there is a server for it, else a file; WrongSetting for a server or sender that cannot be."""
    if not settings.smtp_url:
        return ReminderOutbox(settings.data_dir / "reminders.jsonl")
    try:
        return MailReminders(settings.smtp_url, settings.mail_from, settings.public_url)
    except ValueError as error:
        raise WrongSetting(f"PITCALL_SMTP_URL or PITCALL_MAIL_FROM cannot be: {error}") from None


@dataclass
class Node:
    """One process. `start` raises PitcallError with a sentence; `failed` is set when a part crashes later.

    With `is_lock_step` nothing leaves the outbox by itself: `settle` moves it, so that a headless run has one order.
    """

    settings: Settings
    parts: frozenset[str] = ALL
    clock: DomainClock = field(default_factory=WallClock)
    ids: Ids = field(default_factory=RandomIds)
    is_lock_step: bool = False
    passwords: Passwords = field(default_factory=Argon2Passwords)

    def __post_init__(self) -> None:
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self._crash: BaseException | None = None
        self.failed = asyncio.Event()
        self.is_started = False
        self.metrics = PrometheusMetrics()
        self.worker: StreamWorker | None = None
        self.history: SignalHistory | None = None
        self.history_lag: LagReader | None = None

    async def start(self) -> None:
        """Open what the parts need, in the order they need it."""
        settings = self.settings
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        self.catalogue = load_live_catalogue(settings.catalogue)
        self.broker_url = log_url(settings)
        partitions = None if settings.is_embedded else settings.kafka_partitions
        await create_topics(self.broker_url, partitions=partitions, replication=settings.kafka_replication)
        self.records: Records = open_records(records_url(settings))
        self._stack.push_async_callback(self.records.close)
        await self.records.migrate()
        self.office = Office(
            unit_of_work=self.records.unit_of_work,
            clock=self.clock,
            wall=WallClock(),
            ids=self.ids,
            catalogue=self.catalogue,
            passwords=self.passwords,
            # Of a clock that runs faster than people live, a night is over before anybody would have slept.
            reminder_policy=settings.reminder_policy if isinstance(self.clock, WallClock) else AT_ONCE,
            controller=settings.controller,
        )
        self.quality = QualityReadings(self.office)
        self.producer: RecordProducer = await self._stack.enter_async_context(record_producer(self.broker_url))
        self.lag: LagReader = await self._stack.enter_async_context(lag_reader(self.broker_url))
        self.uploads = LogUploads(self.producer, self.office.wall)
        self.topics = LogTopicWriter(self.producer, self.office.wall)
        self.reminders = _reminder_sender(settings)
        self.deliveries = Deliveries(self.office, SignedWebhooks(allow_private=settings.webhooks_inside))
        self._stack.push_async_callback(self.deliveries.close)
        if WORKER in self.parts:
            self.worker = StreamWorker(
                broker_url=self.broker_url,
                data_dir=settings.data_dir,
                partitions=partitions,
                catalogue=self.catalogue,
                snapshot_key=snapshot_key(settings),
                producer=self.producer,
                office=self.office,
                retrying=self.records.run,
                on_crash=self._on_crash,
                commit_interval_s=0.05 if self.is_lock_step else 1.0,
                metrics=self.metrics,
                is_on_disk=settings.is_state_on_disk,
                standby_replicas=settings.standby_replicas,
            )
            await self._watch(self.worker.app, self.lag, CONSUMED)
            await self.worker.start()
            self._stack.push_async_callback(self.worker.stop)
        await self._start_history(partitions)
        if OUTBOX in self.parts and not self.is_lock_step:
            self._tasks = [
                asyncio.create_task(self._forever(self._dispatch_topics, IDLE_S, BLOCK), name="outbox topics"),
                asyncio.create_task(self._forever(self.deliveries.run, IDLE_S), name="outbox deliveries"),
                asyncio.create_task(self._forever(self._dispatch_reminders, IDLE_S), name="outbox reminders"),
                asyncio.create_task(self._forever(self._tidy, TIDY_S), name="expiries and snoozes"),
                asyncio.create_task(self._forever(self._forget_old_rows, FORGET_S), name="outbox housekeeping"),
            ]
        self.is_started = True

    async def _watch(self, app: StreamApp, lag: LagReader, topics: Sequence[str]) -> None:
        """Watch agents from before their recovery until they are stopped."""
        limit_s = self.settings.watchdog_seconds
        if limit_s and not self.is_lock_step:
            watchdog = Watchdog(app, lag, topics, limit_s=limit_s, on_stuck=self._on_crash)
            await watchdog.start()
            self._stack.push_async_callback(watchdog.stop)

    async def _start_history(self, partitions: int | None) -> None:
        """Open the history of signals, and write it where the stream is worked on: behind it, in its own group."""
        settings = self.settings
        if not settings.history_url and not settings.is_embedded:
            return
        self.history = open_history(
            settings.history_url or file_url(settings.data_dir / "history.sqlite"),
            token=settings.history_token,
            retention_days=settings.history_retention_days,
        )
        self._stack.push_async_callback(self.history.close)
        if WORKER not in self.parts:
            return
        writer = HistoryWorker(
            broker_url=self.broker_url,
            data_dir=settings.data_dir,
            catalogue=self.catalogue,
            history=self.history,
            clock=self.clock,
            on_crash=self._on_crash,
            partitions=partitions,
            replication=settings.kafka_replication,
        )
        self.history_lag = await self._stack.enter_async_context(lag_reader(self.broker_url, HISTORY_APP_ID))
        await self._watch(writer.app, self.history_lag, HISTORY_CONSUMED)
        await writer.start()
        self._stack.push_async_callback(writer.stop)

    async def stop(self) -> None:
        """Stop in the opposite order; safe after a start that failed half-way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()

    async def __aenter__(self) -> Node:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def raise_failure(self) -> None:
        """Raise what crashed, if something did."""
        if self._crash is not None:
            raise self._crash

    def _on_crash(self, error: BaseException) -> None:
        logger.error("a part of this process crashed: %s: %s", type(error).__name__, error)
        self._crash = self._crash or error
        self.failed.set()

    async def _dispatch_topics(self) -> int:
        return await dispatch_topics(self.office, self.topics)

    async def _dispatch_reminders(self) -> int:
        return await dispatch_reminders(self.office, self.reminders)

    async def _tidy(self) -> int:
        ended = await self.records.run(lambda: expire_proposals(self.office))
        ended += await self.records.run(lambda: end_run_out(self.office))
        await self.records.run(lambda: wake_snoozed(self.office))
        return ended

    async def _forget_old_rows(self) -> int:
        return await forget_old_rows(self.office)

    async def _forever(self, once: Callable[[], Awaitable[int | None]], idle_s: float, block: int = 1) -> None:
        """Again and again, with a rest after it moved less than a block."""
        while True:
            try:
                moved = await once()
            except Unavailable as error:
                logger.warning("waiting: %s", error)
                await asyncio.sleep(AWAY_S)
            except PitcallError as error:
                logger.warning("tried again: %s", error)
                await asyncio.sleep(idle_s)
            except Exception as error:
                self._on_crash(error)
                return
            else:
                if (moved or 0) < block:
                    await asyncio.sleep(idle_s)

    async def settle(self) -> None:
        """Move what waits until nothing does: no row in the outbox, no record unread, no snapshot uninstalled.

        Nobody but the caller's actors may be acting meanwhile. A dead letter raises: in a run that is to be judged,
        what could not be handled is a defect.
        """
        while True:
            self.raise_failure()
            moved = await self._tidy() + await self._dispatch_topics()
            moved += await self.deliveries.work_off() + await self._dispatch_reminders()
            behind = await self._behind()
            if not moved and not behind:
                async with self.office.unit_of_work() as uow:
                    if not await uow.outbox.waiting(self.office.wall.now_ms()):
                        break
            elif behind:
                await asyncio.sleep(0.002 if self.settings.is_embedded else 0.02)

        if dead := (await self.lag.ends((DEAD_LETTERS,)))[DEAD_LETTERS]:
            raise PitcallError(f"{dead} records could not be handled and are dead letters; see the log")

    async def _behind(self) -> int:
        lag = sum((await self.lag.lag(CONSUMED)).values())
        return lag + (self.worker.snapshots_behind() if self.worker is not None else 0)

    async def waiting(self) -> dict[str, Any]:
        """What is in flight: unread records per topic and outbox rows; `waiting` is their sum.

        The log is asked before and after the outbox: a row that moves from one to the other meanwhile is seen.
        """
        topics: dict[str, int] = {}
        before = await self.lag.lag(CONSUMED)
        async with self.office.unit_of_work() as uow:
            outbox = await uow.outbox.waiting(self.office.wall.now_ms())
        for where, count in (await self.lag.lag(CONSUMED)).items():
            topics[where[0]] = topics.get(where[0], 0) + max(count, before.get(where, 0))
        return {"waiting": sum(topics.values()) + outbox, "topics": topics, "outbox": outbox}

    async def readiness(self) -> dict[str, Any]:
        """Whether this process can serve: the database answers, the log answers, recovery is over."""
        if not self.is_started:
            return {"ready": False, "reason": "it is starting", **self._recovery()}
        parts: dict[str, Any] = {"database": await self.records.ping()}
        await self._ask_log()
        parts["log"] = "embedded" if self.settings.is_embedded else "Kafka"
        parts |= self._recovery()
        return {"ready": parts.get("recovered", True) and not self.failed.is_set(), **parts}

    async def _ask_log(self) -> None:
        try:
            # Kafka's client would look for a broker for most of a minute; who asks for readiness won't wait so long.
            async with asyncio.timeout(ASK_S):
                await self.lag.lag((TELEMETRY_UPLOADS,))
        except TimeoutError as error:
            raise Unavailable(f"Kafka did not answer within {ASK_S:g} s") from error

    def _recovery(self) -> dict[str, Any]:
        if self.worker is None:
            return {}
        recovery = self.worker.recovery()
        return {
            "recovered": self.worker.is_recovered(),
            "recovery": {"remaining": recovery.remaining, "progress": round(recovery.progress, 4)},
        }

    async def exposition(self) -> bytes:
        """The metrics of this process in Prometheus' text format."""
        return self.metrics.exposition(await take_readings(self))

    async def volumes(self) -> dict[str, int]:
        """How many uploads and predictions the log has taken; a message predicts every item of a car."""
        ends = await self.lag.ends((TELEMETRY_UPLOADS, PREDICTIONS))
        return {"uploads": ends[TELEMETRY_UPLOADS], "predictions": ends[PREDICTIONS] * len(self.catalogue.items)}

    def model_versions(self) -> dict[str, str]:
        """The model version that serves each item; of this process's worker only."""
        return self.worker.versions() if self.worker is not None else {}
