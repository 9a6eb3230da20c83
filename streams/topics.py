"""The topics of the log as data, and creating the topics before anything starts."""

from __future__ import annotations

import asyncio
import importlib
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from yarl import URL

from domain.errors import InvalidInput, Unavailable
from streams.local_log import LocalLog, refuse_other_count
from workflow.messages import DOMAIN_EVENTS as DOMAIN_EVENTS
from workflow.messages import SERVICE_RECORDS as SERVICE_RECORDS

EMBEDDED_SCHEME = "pitcall-log"
KAFKA_SCHEME = "pitcall-kafka"

KAFKA_PARTITIONS = 32
EMBEDDED_PARTITIONS = 4

APP_ID = "pitcall"
"""The consumer group of the workers, and the prefix of their changelogs."""

_DAY_MS = 86_400_000
_CONNECT_S = 5.0


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic: its name, whether only the newest record of a key is kept, and how long records are kept otherwise."""

    name: str
    is_compacted: bool = False
    retention_days: int = 30

    def kafka_configs(self) -> dict[str, str]:
        """The topic's settings in Kafka's own names.

        Whatever a maker's producer compresses with, the broker stores it uncompressed: a worker need not know the
        codec, and no small batch becomes a gigabyte in its memory.
        """
        settings = {"compression.type": "uncompressed"}
        if self.is_compacted:
            return settings | {"cleanup.policy": "compact"}
        return settings | {"cleanup.policy": "delete", "retention.ms": str(self.retention_days * _DAY_MS)}


def changelog_name(table: str, app_id: str = APP_ID) -> str:
    """The changelog topic of a table, named as Faust names it."""
    return f"{app_id}-{table}-changelog"


TELEMETRY_UPLOADS = "telemetry-uploads"
PREDICTIONS = "predictions"
TRAINING_EXAMPLES = "training-examples"
MODEL_SNAPSHOTS = "model-snapshots"
TELEMETRY_REJECTS = "telemetry-rejects"
DEAD_LETTERS = "dead-letters"
VEHICLE_STATES = "vehicle-states"
"""The name of the table; its changelog is `changelog_name(VEHICLE_STATES)`."""

TOPICS: tuple[Topic, ...] = (
    # telemetry-uploads, service-records and domain-events are keyed by vehicle id and have the same partitions, so
    # that one worker sees all that concerns a vehicle.
    Topic(TELEMETRY_UPLOADS, retention_days=7),
    Topic(SERVICE_RECORDS, retention_days=365),
    Topic(DOMAIN_EVENTS),
    Topic(PREDICTIONS, retention_days=7),
    Topic(TRAINING_EXAMPLES, retention_days=365),
    Topic(MODEL_SNAPSHOTS, is_compacted=True),
    Topic(TELEMETRY_REJECTS),
    Topic(DEAD_LETTERS),
    Topic(changelog_name(VEHICLE_STATES), is_compacted=True),
)


def is_embedded(broker_url: str) -> bool:
    """Whether the URL names the embedded log; refuses a scheme that is neither log."""
    scheme = URL(broker_url).scheme
    if scheme not in (EMBEDDED_SCHEME, KAFKA_SCHEME):
        raise InvalidInput(
            f"the log's URL has the scheme {scheme!r}",
            field="broker_url",
            fix=f"use {EMBEDDED_SCHEME}:///folder or {KAFKA_SCHEME}://host:port",
        )
    return scheme == EMBEDDED_SCHEME


def kafka_servers(broker_url: str) -> list[str]:
    """``host:port`` of each broker in ``pitcall-kafka://host:port[;host:port…]``."""
    servers = broker_url.removeprefix(f"{KAFKA_SCHEME}://").rstrip("/")
    return [server.removeprefix(f"{KAFKA_SCHEME}://") for server in servers.replace(",", ";").split(";") if server]


async def create_topics(
    broker_url: str,
    *,
    topics: Sequence[Topic] = TOPICS,
    partitions: int | None = None,
    replication: int = 1,
) -> None:
    """Create the topics that are missing.

    `partitions` may differ from the default (32 on Kafka, 4 embedded) only on a fresh log: a topic that exists with
    another number is refused with `Conflict`, since keys would move to other partitions. Raises `Unavailable` when
    Kafka can't be reached.
    """
    if is_embedded(broker_url):
        with LocalLog.shared(broker_url) as log:
            for topic in topics:
                log.create_topic(topic.name, partitions or EMBEDDED_PARTITIONS, is_compacted=topic.is_compacted)
        return
    await _reach_one_of(kafka_servers(broker_url))
    admin = _kafka_admin()
    await asyncio.to_thread(
        _create_on_kafka, admin, kafka_servers(broker_url), topics, partitions or KAFKA_PARTITIONS, replication
    )


async def _reach_one_of(servers: Sequence[str]) -> None:
    # kafka-python's client looks for half a minute, and leaves its sockets open when it gives up.
    for server in servers:
        host, _, port = server.rpartition(":")
        try:
            async with asyncio.timeout(_CONNECT_S):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except (OSError, TimeoutError, ValueError):
            continue
        writer.close()
        await writer.wait_closed()
        return
    raise Unavailable(f"Kafka at {', '.join(servers)} can't be reached")


def _kafka_admin() -> ModuleType:
    with warnings.catch_warnings():
        # kafka-python 3.0 reads its schemas at import by a function that Python 3.11 and 3.12 call deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        return importlib.import_module("kafka")


def _create_on_kafka(
    kafka: Any, servers: list[str], topics: Sequence[Topic], partitions: int, replication: int
) -> None:
    try:
        admin = kafka.KafkaAdminClient(bootstrap_servers=servers, client_id="pitcall-topics")
    except kafka.errors.KafkaError as error:
        raise Unavailable(f"Kafka at {', '.join(servers)} can't be reached: {error}") from error
    try:
        missing = _missing(admin, topics, partitions)
        wanted = {
            topic.name: {
                "num_partitions": partitions,
                "replication_factor": replication,
                "configs": topic.kafka_configs(),
            }
            for topic in missing
        }
        if wanted:
            _ask_to_create(kafka, admin, wanted)
            admin.wait_for_topics(list(wanted))
        # Another process may have created some in between: what counts is what is there now.
        _missing(admin, topics, partitions)
    except kafka.errors.KafkaError as error:
        raise Unavailable(f"Kafka didn't create the topics: {error}") from error
    finally:
        admin.close()


def _ask_to_create(kafka: Any, admin: Any, wanted: dict[str, dict[str, Any]]) -> None:
    try:
        admin.create_topics(wanted, timeout_ms=30_000)
    except kafka.errors.TopicAlreadyExistsError:
        return


def _missing(admin: Any, topics: Iterable[Topic], partitions: int) -> list[Topic]:
    names = set(admin.list_topics())
    existing = [topic.name for topic in topics if topic.name in names]
    for found in admin.describe_topics(existing) if existing else ():
        refuse_other_count(found["name"], len(found["partitions"]), partitions)
    return [topic for topic in topics if topic.name not in names]
