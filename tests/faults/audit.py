"""What a run left behind, and what one undisturbed process makes of the same uploads: they must be equal to the bit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from adapters.records.records import open_records
from pitcall.node import WORKER, Node
from pitcall.settings import Settings
from streams.local_log import Entry, LocalLog
from streams.topic_scan import scan
from streams.topics import (
    DEAD_LETTERS,
    EMBEDDED_PARTITIONS,
    PREDICTIONS,
    TELEMETRY_REJECTS,
    TELEMETRY_UPLOADS,
    VEHICLE_STATES,
    changelog_name,
    create_topics,
)
from workflow.signal_names import SignalNames
from workflow.upload_codec import decode_upload

KEY = "a-key-of-this-test-that-is-long-enough"
"""Both runs sign models with it."""
COPIED = 500
# Not its state: whether its owner was reminded already is no matter of the stream.
NEEDS = "SELECT need_id, vehicle_id, item, is_live FROM needs"
ASSESSMENTS = "SELECT vehicle_id, item, event_ms, document FROM assessments"


@dataclass(frozen=True)
class Effects:
    """States by car, as bytes; predictions with their cars, rejects by their ids, and needs, all as sets."""

    states: Mapping[bytes, bytes]
    predictions: frozenset[tuple[bytes, bytes]]
    rejects: frozenset[str]
    needs: frozenset[tuple[str, ...]]
    assessments: frozenset[tuple[str, ...]]
    dead_letters: int
    doubled_needs: int


async def effects_of(broker_url: str, database_url: str) -> Effects:
    """Read everything a run has left; on the embedded log nothing else may run."""
    states: dict[bytes, bytes] = {}
    async with aclosing(scan(broker_url, changelog_name(VEHICLE_STATES))) as changes:
        async for _, change in changes:
            states[change.key or b""] = change.value or b""
    async with aclosing(scan(broker_url, PREDICTIONS)) as found:
        predictions = frozenset([(r.key or b"", r.value or b"") async for _, r in found])
    async with aclosing(scan(broker_url, TELEMETRY_REJECTS)) as found:
        rejects = frozenset([_place(dict(record.headers)) async for _, record in found])
    async with aclosing(scan(broker_url, DEAD_LETTERS)) as found:
        dead_letters = len([None async for _ in found])
    needs, assessments = await _records(database_url)
    live = [need[1:3] for need in needs if need[3] in ("1", "True")]
    return Effects(
        states, predictions, rejects, frozenset(needs), frozenset(assessments), dead_letters, len(live) - len(set(live))
    )


def _place(headers: Mapping[str, bytes]) -> str:
    return b"/".join(headers[name] for name in ("topic", "partition", "offset")).decode()


async def _records(database_url: str) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    records = open_records(database_url)
    try:
        async with records.unit_of_work() as uow:
            return tuple(  # type: ignore[return-value]
                [
                    await uow.run_sync(lambda c, q=query: [tuple(map(str, row)) for row in c.execute(text(q))])
                    for query in (NEEDS, ASSESSMENTS)
                ]
            )
    finally:
        await records.close()


async def uploads_in(broker_url: str, names: SignalNames) -> set[tuple[str, str, int]]:
    """(car, boot, seq) of every upload in the log."""
    async with aclosing(scan(broker_url, TELEMETRY_UPLOADS)) as found:
        return {
            (upload.id.vehicle_id, upload.id.boot_id, upload.id.seq)
            async for _, record in found
            for upload in [
                decode_upload(
                    record.value or b"",
                    vehicle_id=(record.key or b"").decode(),
                    received_ms=0,
                    names=names,
                )
            ]
        }


async def undisturbed(broker_url: str, folder: Path, database_url: str) -> Effects:
    """Copy a log's uploads, place by place, into a fresh embedded log, and let one worker work them off.

    `database_url` names the records as they were before the uploads; they are written to. The log audited must have
    as many partitions as the embedded log has by default.
    """
    fresh_url = f"pitcall-log://{folder / 'log.sqlite'}"
    await create_topics(fresh_url)
    with LocalLog.shared(fresh_url) as log:
        await _copy(broker_url, log)
        settings = Settings(data_dir=folder, database_url=database_url, snapshot_key=KEY)
        async with Node(settings, frozenset({WORKER})) as node, asyncio.timeout(180):
            while any((await node.lag.lag((TELEMETRY_UPLOADS, PREDICTIONS))).values()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            node.raise_failure()
    return await effects_of(fresh_url, database_url)


async def _copy(broker_url: str, log: LocalLog) -> None:
    ends = dict.fromkeys(range(EMBEDDED_PARTITIONS), 0)
    entries: list[Entry] = []
    async with aclosing(scan(broker_url, TELEMETRY_UPLOADS)) as records:
        async for partition, record in records:
            assert record.offset == ends[partition], "a copy stands where the original does"
            ends[partition] += 1
            entries.append(
                Entry(TELEMETRY_UPLOADS, partition, record.key, record.value, record.timestamp_ms, record.headers)
            )
    for start in range(0, len(entries), COPIED):
        await log.append(entries[start : start + COPIED])


def assert_equal(disturbed: Effects, reference: Effects) -> None:
    """Nothing lost, nothing doubled: said for each kind by itself, for the whole is too long to read."""
    assert reference.states, "the control: there was something to lose"
    assert reference.predictions, "the control: there was something to lose"
    assert disturbed.states.keys() == reference.states.keys()
    differing = [key for key, state in reference.states.items() if disturbed.states[key] != state]
    assert differing == []
    assert disturbed.predictions == reference.predictions
    assert disturbed.rejects == reference.rejects
    assert disturbed.assessments == reference.assessments
    assert disturbed.needs == reference.needs
    assert (disturbed.dead_letters, disturbed.doubled_needs) == (0, 0)
    assert reference.dead_letters == 0
