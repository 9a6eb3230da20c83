"""Whatever is sent, at the edge or straight to the topic: each is taken or refused, and nothing breaks."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest

from domain.consent import Purpose
from domain.errors import PitcallError
from domain.telemetry import TelemetryUpload, UploadId
from models.vehicle_state import StateLayout
from pitcall.node import Node
from pitcall.processes import api_of
from pitcall.settings import Settings
from streams.producer import NewRecord
from streams.rejects import Rejects
from streams.topic_scan import scan
from streams.topics import DEAD_LETTERS, TELEMETRY_UPLOADS, VEHICLE_STATES, changelog_name
from tests.support.http_town import PlainPasswords
from tests.support.moments import NOW
from workflow import enrol, identity
from workflow.signal_names import SignalNames
from workflow.upload_codec import decode_upload, encode_binary

BATCH = 500
SIGNALS = ("Vehicle.Speed", "Vehicle.TraveledDistance", "Vehicle.LowVoltageBattery.CurrentVoltage")
NASTY: tuple[Any, ...] = (
    None, True, -1, 0, 2**32, 2**63, 10**40, 1e308, -1e308, 5e-324, float("nan"), float("inf"), "", "x" * 5_000, "\0",
    "💥",     [], {}, [[[[[[[[]]]]]]]], {"a": {"b": {"c": {}}}}, [None], [1e39] * 3, "NaN", [float("nan")] * 3,
)  # fmt: skip

HOSTILE_TIMES = (b"", b"x", b"-1", b"9" * 18, b"9" * 30, b"9" * 5_000, "٣".encode(), b"\xff", str(NOW).encode())
HOSTILE_ATTRIBUTES = (
    b"", b"{", b"null", b"[]", b'{"powertrain": 5}', b'{"mass_kg": 1e308}', b'{"mass_kg": -5}', b'{"mass_kg": 0}',
    b'{"mass_kg": NaN}', b'{"built_ms": -1}', b'{"built_ms": 1' + b"0" * 30 + b"}",
    b'{"built_ms": 9' + b"0" * 18 + b"}",
    b'{"powertrain": "' + b"x" * 9_000 + b'"}', b"\xff",
)  # fmt: skip


def whole(car: str, seq: int, draw: random.Random) -> TelemetryUpload:
    values = {path: [draw.choice([None, draw.uniform(0, 400)]) for _ in range(3)] for path in SIGNALS}
    return TelemetryUpload(
        UploadId(car, f"boot-{seq // 50}", seq % 50), NOW + seq * 60_000, [0, 1000, 2000], values, NOW
    )


def plain(upload: TelemetryUpload) -> dict[str, Any]:
    return {
        "schema": 1,
        "vss": "6.0",
        "vehicle_id": upload.id.vehicle_id,
        "boot_id": upload.id.boot_id,
        "seq": upload.id.seq,
        "start_ms": upload.start_ms,
        "offsets_ms": list(upload.offsets_ms),
        "signals": {path: list(column) for path, column in upload.columns.items()},
        "origins": {},
    }


def spoilt(upload: TelemetryUpload, draw: random.Random) -> bytes:
    """The upload in one of the encodings, whole or with something wrong."""
    fields = plain(upload)
    kind = draw.randrange(8)
    if kind == 0:
        return draw.randbytes(draw.randrange(1, 300))
    if kind in (1, 2):
        where = draw.choice([fields, fields["signals"], fields["origins"]])
        where[draw.choice([*where, "other"])] = draw.choice(NASTY)
    if kind == 3:
        fields["signals"][draw.choice(SIGNALS)][draw.randrange(3)] = draw.choice(NASTY)
    body = json.dumps(fields).encode() if kind != 4 and draw.random() < 0.7 else encode_binary(upload)
    if kind == 5:
        return body[: draw.randrange(1, len(body))]
    if kind == 6:
        at = draw.randrange(len(body))
        return body[:at] + draw.randbytes(draw.randrange(1, 5)) + body[at + draw.randrange(3) :]
    return body


def batches(car: str, count: int, seed: int) -> Iterator[list[bytes]]:
    draw = random.Random(seed)
    for first in range(0, count, BATCH):
        yield [spoilt(whole(car, seq, draw), draw) for seq in range(first, min(first + BATCH, count))]


@pytest.mark.parametrize("count", [20_000, pytest.param(1_000_000, marks=pytest.mark.long)])
async def test_all_that_is_sent_is_taken_or_refused_and_nothing_breaks(tmp_path: Path, count: int) -> None:
    async with Node(Settings(data_dir=tmp_path), passwords=PlainPasswords()) as node:
        assert node.worker is not None
        digest = node.worker.predictor.digest()
        token, car = await a_fleet_of_one(node)
        accepted = await through_the_edge(node, token, batches(car, count // 2, seed=1))
        await straight_to_the_topic(node, car, batches(car, count // 2, seed=2))
        async with asyncio.timeout(3_000):
            while (await node.waiting())["waiting"]:  # noqa: ASYNC110  # the lag has no event
                await asyncio.sleep(0.05)
        node.raise_failure()
        ends = await node.lag.ends((TELEMETRY_UPLOADS, DEAD_LETTERS))
        assert ends == {TELEMETRY_UPLOADS: accepted + count // 2, DEAD_LETTERS: 0}
        assert node.worker.predictor.digest() == digest
        await check_rejects(node)
        await check_states(node)


async def a_fleet_of_one(node: Node) -> tuple[str, str]:
    """An enrolment token, and a car of it whose owner consents to prediction."""
    office = node.office
    token = await enrol.issue_enrolment_token(office)
    owner = await identity.register_customer(office, name="Olla Testa", email="olla@owner.example", password="x" * 12)
    car, _ = await enrol.enrol_vehicle(
        office, token=token, make="Bauer", model="Kompakt", model_year=2019, powertrain="petrol", mass_kg=1390.0,
        built_ms=NOW - 10**11,
    )  # fmt: skip
    code, _ = await enrol.show_claim_code(office, car.vehicle_id)
    await enrol.claim_vehicle(office, customer_id=owner.customer_id, code=code, consents=[Purpose.PREDICTION])
    return token, car.vehicle_id


async def through_the_edge(node: Node, token: str, sent: Iterator[list[bytes]]) -> int:
    """Send each batch in binary; how many were accepted. Nothing is answered but a result for each."""
    app = api_of(node, "http://edge.example")
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    accepted = 0
    async with httpx.AsyncClient(
        transport=transport, base_url="http://edge.example", headers={"Authorization": f"Bearer {token}"}
    ) as cloud:
        for batch in sent:
            answer = await cloud.post("/v1/telemetry/batch", content=msgspec.msgpack.encode(batch))
            assert answer.status_code == 202, answer.text
            found = answer.json()
            assert found["accepted"] + found["refused"] == len(found["results"]) == len(batch)
            assert {r["problem"]["status"] for r in found["results"] if not r["accepted"]} <= {400, 403, 404, 413, 422}
            accepted += found["accepted"]
    await app.state.reception.live_events.close()
    assert accepted > 0
    return accepted


async def straight_to_the_topic(node: Node, car: str, sent: Iterator[list[bytes]]) -> None:
    """As a maker who writes to the topic does, past the edge."""
    draw = random.Random(3)
    for batch in sent:
        records = []
        for body in batch:
            is_hostile = draw.random() < 0.02
            received = draw.choice(HOSTILE_TIMES) if is_hostile else str(NOW).encode()
            attributes = draw.choice(HOSTILE_ATTRIBUTES) if is_hostile else b'{"powertrain": "petrol"}'
            headers = (("received-ms", received), ("attributes", attributes))
            records.append(NewRecord(TELEMETRY_UPLOADS, car.encode(), body, 1_700_000_000_000, headers))
        await node.producer.send_many(records)


async def check_rejects(node: Node) -> None:
    """What cannot be read is among the rejects, each with its reason; what can be read is there for the fold's own."""
    names = SignalNames(node.catalogue)
    unreadable = set()
    async with aclosing(scan(node.broker_url, TELEMETRY_UPLOADS)) as uploads:
        async for partition, record in uploads:
            try:
                decode_upload(
                    record.value or b"", vehicle_id=(record.key or b"").decode(), received_ms=NOW, names=names
                )
            except PitcallError:
                unreadable.add(f"{TELEMETRY_UPLOADS}/{partition}/{record.offset}")
    assert unreadable
    async with aclosing(Rejects(node.broker_url, node.office.wall).read()) as rejects:
        reasons = {reject.reject_id: reject.reason async for reject in rejects}
    assert unreadable <= set(reasons)
    assert all(reasons.values())


async def check_states(node: Node) -> None:
    """No sum of the car's state took in what is no number."""
    layout = StateLayout(node.catalogue)
    newest: dict[bytes | None, bytes] = {}
    async with aclosing(scan(node.broker_url, changelog_name(VEHICLE_STATES))) as changes:
        async for _, record in changes:
            newest[record.key] = record.value or b""
    assert len(newest) == 1
    for value in newest.values():
        state = layout.from_bytes(value)
        for name in ("observed_m", "exposure", "exposure_m"):
            assert np.isfinite(state[name]).all(), name
