"""The private methods of Faust and aiokafka that are overridden or called are still what they were.

Both are pinned exactly. When a pin moves and one of these fails: read the new source before changing the text here.
"""

import inspect
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import aiokafka
import faust
import pytest
from aiokafka.consumer.fetcher import Fetcher, FetchError, FetchResult, PartitionRecords
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch
from faust.assignor.client_assignment import ClientAssignment
from faust.assignor.partition_assignor import PartitionAssignor
from faust.stores.base import Store
from faust.tables.base import Collection
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport import consumer as base
from faust.transport.drivers import aiokafka as driver
from faust.transport.producer import Producer
from faust.types.tuples import ConsumerMessage
from mode import Service

SIGNATURES: list[tuple[Callable[..., Any], str]] = [
    (base.Consumer._add_gap, "(self, tp, offset_from, offset_to)"),
    (base.Consumer._commit, "(self, offsets)"),
    (base.Consumer._commit_offsets, "(self, offsets, start_new_transaction=True)"),
    (base.Consumer._filter_tps_with_pending_acks, "(self, topics=None)"),
    (base.Consumer._getmany, "(self, active_partitions, timeout)"),
    (base.Consumer._is_changelog_tp, "(self, tp)"),
    (base.Consumer._new_offset, "(self, tp)"),
    (base.Consumer._new_topicpartition, "(self, topic, partition)"),
    (base.Consumer._seek, "(self, partition, offset)"),
    (base.Consumer._to_message, "(self, tp, record)"),
    (base.Consumer._wait_next_records, "(self, timeout)"),
    (base.Consumer.ack, "(self, message)"),
    (base.Consumer.getmany, "(self, timeout)"),
    (base.Consumer.commit, "(self, topics=None, start_new_transaction=True)"),
    (base.Consumer.on_partitions_assigned, "(self, assigned, generation_id=0)"),
    (base.Consumer.on_partitions_revoked, "(self, revoked)"),
    (base.Consumer.perform_seek, "(self)"),
    (base.Consumer.seek, "(self, partition, offset)"),
    (base.ThreadDelegateConsumer._getmany, "(self, active_partitions, timeout)"),
    (
        ConsumerMessage.__init__,
        "(self, topic, partition, offset, timestamp, timestamp_type, headers, key, value, "
        "checksum, serialized_key_size=None, serialized_value_size=None, tp=None, time_in=None, time_out=None, "
        "time_total=None, generation_id=None)",
    ),
    (driver.Consumer._to_message, "(self, tp, record)"),
    (driver.Consumer._new_consumer_thread, "(self)"),
    (
        driver.AIOKafkaConsumerThread._fetch_records,
        "(self, consumer, active_partitions, timeout=None, max_records=None)",
    ),
    (driver.Producer._ensure_producer, "(self)"),
    (driver.Producer._settings_extra, "(self)"),
    (Producer.send, "(self, topic, key, value, partition, timestamp, headers, *, transactional_id=None)"),
    (Producer.send_and_wait, "(self, topic, key, value, partition, timestamp, headers, *, transactional_id=None)"),
    (ClientAssignment.__init__, "(self, actives, standbys, *, __strict__=True, __faust=None, **kwargs)"),
    (PartitionAssignor.assigned_actives, "(self)"),
    (PartitionAssignor.assigned_standbys, "(self)"),
    (Collection._new_store, "(self)"),
    (Collection._changelog_topic_name, "(self)"),
    (Collection.on_rebalance, "(self, assigned, revoked, newly_assigned, generation_id=0)"),
    (Store.on_rebalance, "(self, assigned, revoked, newly_assigned, generation_id=0)"),
    (TableManager._update_channels, "(self)"),
    (Recovery._build_offsets, "(self, consumer, tps, destination, title)"),
    (Recovery._set_recovery_started, "(self)"),
    (Collection.on_recovery_completed, "(self, active_tps, standby_tps)"),
    (Store.on_recovery_completed, "(self, active_tps, standby_tps)"),
    (faust.App._on_agent_error, "(self, agent, exc)"),
    (faust.App.on_rebalance_start, "(self)"),
    (faust.App.on_rebalance_end, "(self)"),
    (Service._crash, "(self, reason)"),
    (aiokafka.AIOKafkaProducer.create_batch, "(self)"),
    (aiokafka.AIOKafkaProducer.send_batch, "(self, batch, topic, *, partition)"),
    (BatchBuilder.append, "(self, *, timestamp, key, value, headers=[])"),
    (BatchBuilder.record_count, "(self)"),
    (aiokafka.AIOKafkaClient._wait_on_metadata, "(self, topic)"),
    (GroupCoordinator.fetch_committed_offsets, "(self, partitions)"),
    (Fetcher.fetched_records, "(self, partitions, timeout=0, max_records=None)"),
    (Fetcher._create_fetch_waiter, "(self)"),
    (Fetcher._notify, "(self, future)"),
    (FetchResult.check_assignment, "(self, tp)"),
    (FetchResult._update_position, "(self)"),
    (FetchError.check_raise, "(self)"),
    (SubscriptionState.wait_for_assignment, "(self)"),
    (SubscriptionState.fetch_context, "(self)"),
    (SubscriptionState.is_assigned, "(self, tp)"),
    (DefaultRecordBatch.validate_crc, "(self)"),
]

# What is relied on beyond a signature, as it stands in the source.
RELIED_ON: list[tuple[Callable[..., Any], str]] = [
    # A block is acknowledged by its message, so `Message.ack` must end in our `Consumer.ack`.
    (ConsumerMessage.on_final_ack, "return consumer.ack(self)"),
    # Source partitions are closed until a rebalance is over, and that is after the last seek and resume.
    (Recovery.on_recovery_completed, "self.app.on_rebalance_end()"),
    (Recovery._resume_streams, "app.on_rebalance_end()"),
    # Who recovers waits for the event that `_LastingEvent` keeps.
    (Recovery._restart_recovery.fun, "self.signal_recovery_end.wait()"),
    # The assignment of the embedded transport is put where the assignor looks.
    (PartitionAssignor.assigned_actives, "self._assignment.actives"),
    # Commits go through what is overridden.
    (base.Consumer.force_commit, "self._filter_tps_with_pending_acks(topics)"),
    (base.Consumer._filter_committable_offsets, "self._new_offset(tp)"),
    (base.Consumer._commit_tps, "self._commit_offsets("),
    # What `fetched_blocks` does in place of two methods of aiokafka's.
    (Fetcher.fetched_records, "res_or_error.getall(max_records)"),
    (Fetcher.fetched_records, "self._notify(self._wait_consume_future)"),
    (FetchResult.getall, "for msg in self._partition_records:"),
    (FetchResult.check_assignment, "position != self._partition_records.next_fetch_offset"),
    (PartitionRecords._unpack_records, "self.next_fetch_offset = next_batch.next_offset"),
    (driver.AIOKafkaConsumerThread._fetch_records, "return await fetcher.fetched_records("),
    # Files whose changelog was made anew are wiped before these are asked for.
    (Recovery._restart_recovery.fun, "T(self._build_offsets)("),
    # A standby that takes over reads on from where it is, and not from the beginning.
    (Recovery._add, "persisted_offset = table.persisted_offset(tp)"),
    # Every crash of an unsupervised part reaches the app.
    (Service.crash, "child._crash(reason)"),
]


def test_the_pins_are_the_versions_that_were_read() -> None:
    assert (version("faust-streaming"), version("aiokafka")) == ("0.15.3", "0.14.0")


@pytest.mark.parametrize(("method", "signature"), SIGNATURES, ids=lambda value: getattr(value, "__qualname__", ""))
def test_a_signature_is_what_it_was(method: Callable[..., Any], signature: str) -> None:
    found = inspect.signature(method)
    bare = found.replace(
        parameters=[parameter.replace(annotation=inspect.Parameter.empty) for parameter in found.parameters.values()],
        return_annotation=inspect.Signature.empty,
    )
    assert str(bare) == signature


@pytest.mark.parametrize(("method", "text"), RELIED_ON, ids=lambda value: getattr(value, "__qualname__", ""))
def test_what_is_relied_on_still_stands_in_the_source(method: Callable[..., Any], text: str) -> None:
    assert text in inspect.getsource(inspect.unwrap(method))


def test_the_recovery_event_is_made_where_it_is_overridden() -> None:
    assert isinstance(inspect.getattr_static(Recovery, "signal_recovery_end"), property)
    assert isinstance(inspect.getattr_static(TableManager, "recovery"), property)
