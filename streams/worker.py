"""StreamWorker: the agents with their table and models, and the feed that keeps the models new."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.catalogue import Catalogue
from domain.errors import DamagedSnapshot, InvalidInput
from domain.prediction import Prediction
from domain.service_record import TrainingExample
from models.fold import VehicleFold
from models.learner import Learner
from models.predictor import Predictor
from models.state_migration import FormerLayouts, read_description
from models.vehicle_state import StateLayout
from streams.agent import block_agent, blocks_agent
from streams.agents.learner import LearnerAgent
from streams.agents.needs import NeedsAgent
from streams.agents.vehicles import VehiclesAgent
from streams.app import create_app
from streams.feed import snapshot_feed
from streams.measured import MeasuredProducer, measured, measured_together
from streams.producer import RecordProducer
from streams.topics import (
    DOMAIN_EVENTS,
    MODEL_SNAPSHOTS,
    PREDICTIONS,
    SERVICE_RECORDS,
    TELEMETRY_UPLOADS,
    TRAINING_EXAMPLES,
    VEHICLE_STATES,
)
from workflow.learning import record_label
from workflow.messages import encode
from workflow.metrics import Metrics, NoMetrics
from workflow.needs import record_predictions
from workflow.ports import Office

logger = logging.getLogger(__name__)

LAYOUT_KEY = b"layout:"
"""Before the version: descriptions of states' layouts stand beside the models, which every worker reads as well."""

Retrying = Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class RecoveryProgress:
    """Changelog records that are yet to be read, and the part that is read, 0 to 1."""

    remaining: int
    progress: float


class StreamWorker:
    """One worker. `retrying` runs a use case again when others were in the way of its transaction."""

    def __init__(
        self,
        *,
        broker_url: str,
        data_dir: Path,
        partitions: int | None,
        catalogue: Catalogue,
        snapshot_key: bytes,
        producer: RecordProducer,
        office: Office,
        retrying: Retrying,
        on_crash: Callable[[BaseException], None],
        commit_interval_s: float,
        metrics: Metrics | None = None,
        is_on_disk: bool = False,
        standby_replicas: int = 0,
    ) -> None:
        metrics = metrics or NoMetrics()
        self._office = office
        self._retrying = retrying
        layout = StateLayout(catalogue)
        self.state_bytes = layout.size
        self._former = FormerLayouts(catalogue, layout)
        self._producer = producer
        self.predictor = Predictor(catalogue, snapshot_key)
        self.learner = Learner(catalogue, snapshot_key)
        self._published: dict[str, bytes] = {}
        self._is_described = False
        self.app = create_app(
            broker_url,
            data_dir,
            on_crash=on_crash,
            partitions=partitions,
            commit_interval_s=commit_interval_s,
            is_on_disk=is_on_disk,
            standby_replicas=standby_replicas,
        )
        self.table = self.app.block_table(VEHICLE_STATES)
        vehicles = VehiclesAgent(
            self.table,
            MeasuredProducer(producer, metrics, office.wall),
            catalogue,
            layout,
            VehicleFold(catalogue, layout),
            self.predictor,
            former=self._former,
        )
        needs = NeedsAgent(catalogue, self.predictor.rows, self._record_predictions)
        learner = LearnerAgent(self.learner, producer, self._published.get, self._record_label)
        blocks_agent(
            self.app,
            "vehicles",
            (TELEMETRY_UPLOADS, SERVICE_RECORDS, DOMAIN_EVENTS),
            measured_together("vehicles", vehicles.handle, metrics),
        )
        block_agent(self.app, "needs", [PREDICTIONS], measured("needs", needs.handle, metrics))
        block_agent(self.app, "learner", [TRAINING_EXAMPLES], measured("learner", learner.handle, metrics))
        self._feed = snapshot_feed(broker_url, self._on_snapshot, on_crash=on_crash)

    async def start(self) -> None:
        """Hold the newest models first, and say what states will look like; then begin to work."""
        await self._feed.start()
        if not self._is_described:
            key, value = LAYOUT_KEY + str(self._former.own.version).encode(), encode(self._former.own)
            await self._producer.send(MODEL_SNAPSHOTS, key, value, timestamp_ms=self._office.wall.now_ms())
        await self.app.start()

    async def stop(self) -> None:
        """Finish what is under way, then stop."""
        await self.app.stop()
        await self._feed.stop()

    def versions(self) -> dict[str, str]:
        """The model version that serves each item."""
        return self.predictor.versions()

    def snapshots_behind(self) -> int:
        """How many items this worker has taught further than its predictor knows yet."""
        taught = self.learner.versions()
        return sum(self.predictor.version(item) < version for item, version in taught.items())

    def is_recovered(self) -> bool:
        """Whether the table is complete, so that uploads are being worked on."""
        manager: Any = self.app.tables
        return bool(manager.recovery.completed.is_set())

    def recovery(self) -> RecoveryProgress:
        """How far the table is read back from its changelog."""
        manager: Any = self.app.tables
        if self.is_recovered():
            return RecoveryProgress(0, 1.0)
        recovery = manager.recovery
        read, ends = recovery.active_offsets, recovery.active_highwaters
        remaining = _unread(read, ends)
        total = sum(max(end + 1, 0) for end in ends.values() if end is not None)
        return RecoveryProgress(remaining, 1.0 - min(remaining / total, 1.0) if total else 0.0)

    def standby_remaining(self) -> int:
        """Changelog records yet to be read to stand by for other workers; they hold nothing up."""
        manager: Any = self.app.tables
        return _unread(manager.recovery.standby_offsets, manager.recovery.standby_highwaters)

    def vehicles(self) -> int:
        """How many cars' states this worker works on."""
        return self.table.active_count()

    def _on_snapshot(self, key: bytes, value: bytes) -> None:
        if key.startswith(LAYOUT_KEY):
            self._on_layout(value)
            return
        item = key.decode()
        try:
            if self.predictor.install(item, value):
                self._published[item] = value
        except DamagedSnapshot as error:
            logger.error("a snapshot of %s is damaged, the one before goes on serving: %s", item, error)

    def _on_layout(self, value: bytes) -> None:
        try:
            description = read_description(value)
            self._is_described |= description.version == self._former.own.version
            self._former.learn(description)
        except InvalidInput as error:
            logger.warning("states of a former layout will not be read: %s", error)

    async def _record_predictions(self, rows: list[list[Prediction]]) -> None:
        await self._retrying(lambda: record_predictions(self._office, rows))

    async def _record_label(self, example: TrainingExample, version: str) -> None:
        known = example.item in self.learner.versions()
        is_drifting = self.learner.is_drifting(example.item) if known else None
        await self._retrying(lambda: record_label(self._office, example, version, is_drifting=is_drifting))


def _unread(offsets: Mapping[Any, int | None], ends: Mapping[Any, int | None]) -> int:
    """Records up to the last ones. Where Faust has not looked yet how far a partition is read, none of it counts."""
    unread = 0
    for tp, end in ends.items():
        read = offsets.get(tp)
        unread += max((-1 if end is None else end) - (-1 if read is None else read), 0)
    return unread
