"""From uploads in the log to the history of signals, behind everything else."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from adapters.catalogue_file import load_catalogue
from adapters.clocks import SettableClock
from adapters.history import open_history
from domain.errors import Unavailable
from domain.event import DomainEvent
from domain.signal_history import SignalPoint
from streams.history_worker import HISTORY_APP_ID, HistoryWorker
from streams.lag import lag_reader
from streams.producer import NewRecord, record_producer
from streams.topics import DEAD_LETTERS, DOMAIN_EVENTS, TELEMETRY_UPLOADS, Topic, create_topics
from tests.integration.streams.conftest import all_handled
from tests.integration.streams.counting import PARTITIONS, Place
from tests.servers.influxdb import Influx
from workflow.messages import encode_event
from workflow.signal_history import SignalHistory

CATALOGUE = load_catalogue(Path(__file__).parents[3] / "pitcall" / "data" / "car.yaml")
SPEED, VOLTAGE = "Vehicle.Speed", "Vehicle.LowVoltageBattery.CurrentVoltage"
MINUTE, DAY = 60_000, 86_400_000
# InfluxDB's retention goes by the machine's clock, so what is uploaded is some days old.
BEGINNING = int(time.time() * 1000) // DAY * DAY - 3 * DAY
CARS = [f"car-{i}" for i in range(5)]


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
async def broker_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a log with the topics the history reads; on Kafka of this test alone, for their names are fixed."""
    if request.param == "kafka":
        url = f"pitcall-kafka://{request.getfixturevalue('own_kafka_broker')}"
    else:
        url = f"pitcall-log://{tmp_path}/log"
    await prepare(url)
    return url


@pytest.fixture
async def history(tmp_path: Path) -> AsyncIterator[SignalHistory]:
    history = open_history(f"sqlite://{tmp_path}/history.sqlite")
    yield history
    await history.close()


async def prepare(broker_url: str) -> None:
    topics = [Topic(TELEMETRY_UPLOADS), Topic(DOMAIN_EVENTS), Topic(DEAD_LETTERS)]
    await create_topics(broker_url, topics=topics, partitions=PARTITIONS)


@asynccontextmanager
async def working(
    broker_url: str, folder: Path, history: SignalHistory, clock: SettableClock | None = None
) -> AsyncIterator[None]:
    crashes: list[BaseException] = []
    worker = HistoryWorker(
        broker_url=broker_url,
        data_dir=folder,
        catalogue=CATALOGUE,
        history=history,
        clock=clock or SettableClock(BEGINNING),
        on_crash=crashes.append,
        partitions=PARTITIONS,
    )
    await worker.start()
    try:
        yield
    finally:
        await worker.stop()
    assert not crashes


async def written(broker_url: str, within_s: float = 60) -> None:
    """Return when the history has all that is in the log."""
    async with asyncio.timeout(within_s), lag_reader(broker_url, HISTORY_APP_ID) as reader:
        while any((await reader.lag([TELEMETRY_UPLOADS, DOMAIN_EVENTS])).values()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def upload(car: str, seq: int, *, received_ms: int | None = None) -> NewRecord:
    """A minute of two signals, with gaps, and with voltages that no battery has."""
    draw = random.Random(f"{car} {seq}")
    speed = [draw.choice([None, draw.uniform(0, 200)]) for _ in range(60)]
    voltage = [draw.choice([99.0, draw.uniform(11, 15)]) for _ in range(60)]
    body = {
        "schema": 1,
        "boot_id": "boot",
        "seq": seq,
        "start_ms": BEGINNING + seq * MINUTE,
        "offsets_ms": list(range(0, MINUTE, 1000)),
        "signals": {SPEED: speed, VOLTAGE: voltage},
        "origins": {VOLTAGE: "simulated"},
    }
    received = body["start_ms"] + MINUTE if received_ms is None else received_ms
    headers = (("received-ms", str(received).encode()),)
    return NewRecord(TELEMETRY_UPLOADS, car.encode(), msgspec.json.encode(body), received, headers)


def uploads(count: int, first: int = 0) -> list[NewRecord]:
    """So many uploads of each car."""
    return [upload(car, seq) for seq in range(first, first + count) for car in CARS]


def withdrawal(car: str, at_ms: int, purpose: str = "prediction") -> NewRecord:
    event = DomainEvent(
        f"e-{at_ms}", "consent-withdrawn", car, at_ms, "owner", "", {"purpose": purpose, "time_ms": at_ms}
    )
    return NewRecord(DOMAIN_EVENTS, car.encode(), encode_event(event), at_ms)


async def append(broker_url: str, records: list[NewRecord]) -> None:
    async with record_producer(broker_url) as producer:
        await producer.send_many(records)


async def points_of(history: SignalHistory, car: str, signal: str = SPEED) -> list[SignalPoint]:
    """The car's signal over a day, an upload a point."""
    return await history.span(car, signal, BEGINNING, BEGINNING + DAY, 1440)


def expected_points(records: list[NewRecord], car: str, signal: str = SPEED) -> list[SignalPoint]:
    """What the uploads say, worked out value by value."""
    low, high = CATALOGUE.signals[signal].minimum, CATALOGUE.signals[signal].maximum
    points = {}
    for body in (msgspec.json.decode(record.value or b"") for record in records if record.key == car.encode()):
        values = [value for value in body["signals"][signal] if value is not None and low <= value <= high]
        points[body["start_ms"]] = SignalPoint(
            start_ms=body["start_ms"],
            end_ms=body["start_ms"] + MINUTE,
            count=len(values),
            mean=pytest.approx(sum(values) / len(values), rel=1e-12),
            minimum=min(values),
            maximum=max(values),
            simulated=len(values) if signal in body["origins"] else 0,
        )
    return [points[start_ms] for start_ms in sorted(points)]


async def assert_whole(history: SignalHistory, records: list[NewRecord]) -> None:
    for car in CARS:
        for signal in (SPEED, VOLTAGE):
            assert await points_of(history, car, signal) == expected_points(records, car, signal)


async def test_every_upload_is_in_the_history_once(broker_url: str, history: SignalHistory, tmp_path: Path) -> None:
    sent = uploads(120)
    again = sent[100:200]
    unreadable = [
        NewRecord(TELEMETRY_UPLOADS, b"car-0", b"{not an upload", BEGINNING),
        NewRecord(TELEMETRY_UPLOADS, b"car-1", None, BEGINNING),
        upload("car-2", 300)._replace(headers=(("received-ms", b"never"),), value=b'{"schema": 9}'),
    ]
    await append(broker_url, [*sent[:150], *unreadable, *again, *sent[150:]])
    async with working(broker_url, tmp_path, history):
        await written(broker_url)
    await assert_whole(history, sent)
    async with lag_reader(broker_url, HISTORY_APP_ID) as reader:
        assert (await reader.ends([DEAD_LETTERS]))[DEAD_LETTERS] == 0  # the fold puts them among the rejects


async def test_it_goes_on_where_it_stopped(broker_url: str, history: SignalHistory, tmp_path: Path) -> None:
    before, after = uploads(20), uploads(20, first=20)
    await append(broker_url, before)
    async with working(broker_url, tmp_path, history):
        await written(broker_url)
    await append(broker_url, after)
    async with working(broker_url, tmp_path, history):
        await written(broker_url)
    await assert_whole(history, [*before, *after])


async def test_what_an_owner_withdrew_is_deleted_and_does_not_come_back(
    broker_url: str, history: SignalHistory, tmp_path: Path
) -> None:
    sent, withdrawn_ms = uploads(10), BEGINNING + 30 * MINUTE
    late = upload("car-1", 11)
    # The edge may trust a consent for a moment after it was withdrawn.
    just_after = upload("car-1", 30, received_ms=withdrawn_ms + 500)
    async with working(broker_url, tmp_path, history):
        await append(broker_url, sent)
        await written(broker_url)
        await append(broker_url, [withdrawal("car-1", withdrawn_ms), withdrawal("car-2", withdrawn_ms, "reminders")])
        await written(broker_url)
        await append(broker_url, [late, just_after, *sent])
        await written(broker_url)
        assert await points_of(history, "car-1") == []
        assert await points_of(history, "car-2") == expected_points(sent, "car-2")
    # After a restart the withdrawal is still known, and so is what came after a new consent.
    anew = upload("car-1", 40)
    async with working(broker_url, tmp_path, history):
        await append(broker_url, [late, anew])
        await written(broker_url)
        assert await points_of(history, "car-1") == expected_points([anew], "car-1")
        await append(broker_url, [withdrawal("car-1", withdrawn_ms), upload("car-1", 41)])
        await written(broker_url)
        assert [point.start_ms for point in await points_of(history, "car-1")] == [
            BEGINNING + 40 * MINUTE,
            BEGINNING + 41 * MINUTE,
        ]


async def test_retention_goes_by_the_domains_clock(broker_url: str, history: SignalHistory, tmp_path: Path) -> None:
    await append(broker_url, [upload("car-1", 0), upload("car-1", 60)])
    async with working(broker_url, tmp_path, history):
        await written(broker_url)
    async with working(broker_url, tmp_path, history, SettableClock(BEGINNING + 400 * DAY + 30 * MINUTE)):
        async with asyncio.timeout(30):
            while len(await points_of(history, "car-1")) != 1:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert await points_of(history, "car-1") == expected_points([upload("car-1", 60)], "car-1")


@pytest.mark.influx
@pytest.mark.parametrize(
    ("fault", "away_s"),
    [
        ("killed", 0.0),
        ("frozen", 0.0),
        pytest.param("killed", 60.0, marks=pytest.mark.long),
        pytest.param("frozen", 60.0, marks=pytest.mark.long),
    ],
)
async def test_while_influxdb_is_away_others_go_on_and_then_the_history_is_whole(
    own_influx_server: Influx, tmp_path: Path, fault: str, away_s: float
) -> None:
    broker_url, server = f"pitcall-log://{tmp_path}/log", own_influx_server.server
    await prepare(broker_url)
    others = Place(broker_url, tmp_path, "others", [TELEMETRY_UPLOADS])
    await others.prepare()
    history = open_history(own_influx_server.url("signals"), token=own_influx_server.token)
    before, during, after = uploads(20), uploads(200, first=20), uploads(20, first=220)
    try:
        async with others.worker() as counting, working(broker_url, tmp_path, history):
            await append(broker_url, before)
            await written(broker_url)
            await asyncio.to_thread(server.kill if fault == "killed" else server.freeze)
            await append(broker_url, during)
            await all_handled(others)
            assert sum(counting.counts().values()) == len(before) + len(during)
            async with lag_reader(broker_url, HISTORY_APP_ID) as reader:
                await asyncio.sleep(away_s)
                assert sum((await reader.lag([TELEMETRY_UPLOADS])).values()) == len(during)
            await asyncio.to_thread(server.start if fault == "killed" else server.thaw)
            await append(broker_url, after)
            await written(broker_url)
            await assert_whole(history, [*before, *during, *after])
    finally:
        await history.close()


@pytest.mark.influx
async def test_it_starts_and_stops_while_influxdb_is_away(own_influx_server: Influx, tmp_path: Path) -> None:
    broker_url, server = f"pitcall-log://{tmp_path}/log", own_influx_server.server
    await prepare(broker_url)
    sent = uploads(20)
    await append(broker_url, sent)
    await asyncio.to_thread(server.kill)
    history = open_history(own_influx_server.url("signals"), token=own_influx_server.token)
    try:
        async with working(broker_url, tmp_path, history):
            with pytest.raises(Unavailable, match=f"InfluxDB at http://{own_influx_server.address} does not answer"):
                await history.ping()
        await asyncio.to_thread(server.start)
        async with working(broker_url, tmp_path, history):
            await written(broker_url)
            await assert_whole(history, sent)
    finally:
        await history.close()


@pytest.mark.influx
async def test_a_token_that_influxdb_refuses_is_waited_for_and_named(influx_server: Influx, tmp_path: Path) -> None:
    history = open_history(influx_server.url("signals"), token="not the token")
    try:
        with pytest.raises(Unavailable, match="does not serve the history: unauthorized access"):
            await history.ping()
        with pytest.raises(Unavailable, match="unauthorized access"):
            await history.span("car-1", SPEED, BEGINNING, BEGINNING + DAY, 10)
    finally:
        await history.close()
