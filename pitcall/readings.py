"""What is looked up of a node when Prometheus asks: lag, recovery, state, outbox. What does not answer is left out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from domain.errors import PitcallError
from streams.topics import (
    DEAD_LETTERS,
    DOMAIN_EVENTS,
    PREDICTIONS,
    SERVICE_RECORDS,
    TELEMETRY_REJECTS,
    TELEMETRY_UPLOADS,
    TRAINING_EXAMPLES,
)
from streams.worker import StreamWorker
from workflow.metrics import Readings

if TYPE_CHECKING:
    from pitcall.node import Node

ASK_S = 3.0
"""So long a scrape waits for each part: less than Prometheus' own ten seconds, for all together."""
CONSUMED = (TELEMETRY_UPLOADS, SERVICE_RECORDS, DOMAIN_EVENTS, PREDICTIONS, TRAINING_EXAMPLES)
HISTORY_CONSUMED = (TELEMETRY_UPLOADS, DOMAIN_EVENTS)

Answer = TypeVar("Answer")


async def take_readings(node: Node) -> Readings:
    """The readings of a node by the names that `adapters.metrics.GAUGES` describes; never fails."""
    found: dict[str, float | Mapping[str, float]] = {}
    if not node.is_started:
        found["pitcall_ready"] = 0
    else:
        lag = await _ask(node.lag.lag(CONSUMED))
        ends = await _ask(node.lag.ends((DEAD_LETTERS, TELEMETRY_REJECTS)))
        outbox = await _ask(_outbox_waiting(node))
        up = {"log": lag is not None and ends is not None, "database": outbox is not None}
        found["pitcall_component_up"] = {component: float(is_up) for component, is_up in up.items()}
        found["pitcall_ready"] = float(
            all(up.values()) and not node.failed.is_set() and (node.worker is None or node.worker.is_recovered())
        )
        if lag is not None:
            found["pitcall_log_lag_records"] = _by_topic(lag)
        behind = None if node.history_lag is None else await _ask(node.history_lag.lag(HISTORY_CONSUMED))
        if behind is not None:
            found["pitcall_history_lag_records"] = sum(behind.values())
        if ends is not None:
            found["pitcall_dead_letters"] = ends[DEAD_LETTERS]
            found["pitcall_rejected_uploads"] = ends[TELEMETRY_REJECTS]
        if outbox is not None:
            found["pitcall_outbox_waiting"] = outbox
            # A database that has just not answered is not asked for more: the scrape has its time limit.
            found |= await _ask(node.quality.take()) or {}
    return found | _of_worker(node.worker)


async def _ask(question: Awaitable[Answer]) -> Answer | None:
    try:
        async with asyncio.timeout(ASK_S):
            return await question
    except (PitcallError, TimeoutError):
        return None


async def _outbox_waiting(node: Node) -> int:
    async with node.office.unit_of_work() as uow:
        return await uow.outbox.waiting(node.office.wall.now_ms())


def _by_topic(lag: dict[tuple[str, int], int]) -> dict[str, float]:
    topics = dict.fromkeys(CONSUMED, 0.0)
    for (topic, _), records in lag.items():
        topics[topic] += records
    return topics


def _of_worker(worker: StreamWorker | None) -> dict[str, float | dict[str, float]]:
    if worker is None:
        return {}
    recovery = worker.recovery()
    vehicles = worker.vehicles()
    consumer: Any = worker.app.consumer
    return {
        "pitcall_log_last_commit_age_seconds": time.monotonic() - consumer.last_commit_s,
        "pitcall_blocks_in_flight": consumer.ledger.in_flight,
        "pitcall_recovery_remaining_records": recovery.remaining,
        "pitcall_recovery_progress_ratio": recovery.progress,
        "pitcall_state_vehicles": vehicles,
        "pitcall_state_bytes": vehicles * worker.state_bytes,
        "pitcall_state_disk_bytes": worker.table.states.bytes_on_disk(),
        "pitcall_state_wiped_partitions": worker.table.states.wipes(),
        "pitcall_standby_vehicles": worker.table.standby_count(),
        "pitcall_standby_remaining_records": worker.standby_remaining(),
        "pitcall_model_version": {item: float(worker.predictor.version(item)) for item in worker.versions()},
    }
