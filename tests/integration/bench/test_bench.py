"""What the benches promise to count; how fast anything is, no test asks."""

import argparse
from pathlib import Path

import pytest

from adapters.catalogue_file import load_catalogue
from domain.errors import Conflict, InvalidInput
from models.prediction_row import PredictionLayout
from models.vehicle_state import StateLayout
from pitcall.bench.audit import audit
from pitcall.bench.edge import EdgeBench, bench_edge
from pitcall.bench.load import UploadLoad
from pitcall.bench.options import add_bench, has_worked
from pitcall.bench.predict import PredictBench, bench_predict
from pitcall.bench.recover import RecoverBench, bench_recover
from pitcall.bench.recovering import RecoveringWorker
from pitcall.bench.sender import sender
from pitcall.bench.stream import StreamBench, bench_stream
from pitcall.bench.template import BOOT
from streams.producer import NewRecord, record_producer
from streams.topics import EMBEDDED_PARTITIONS, PREDICTIONS, create_topics
from tools.list_benches import subcommands

CATALOGUE = Path("pitcall/data/car.yaml").resolve()
TEN_ITEMS = CATALOGUE.with_name("ten_items.yaml")
ITEMS = len(load_catalogue(CATALOGUE).items)
FIRST_MS = 1_760_000_000_000


@pytest.mark.parametrize("encoding", ["json", "binary"])
async def test_every_upload_is_predicted_for_every_item_and_leaves_one_effect(tmp_path: Path, encoding: str) -> None:
    url = f"pitcall-log://{tmp_path}/log"
    bench = StreamBench(CATALOGUE, url, vehicles=30, uploads=90, live_s=0.2, loads_per_s=(100.0,), encoding=encoding)
    figures = await bench_stream(bench)
    assert figures["uploads"] == 90 + 20
    assert figures["predictions"] == (90 + 20) * ITEMS
    assert figures["encoding"] == encoding
    assert (figures["lost"], figures["doubled"], figures["repeated"], figures["rejects"]) == (0, 0, 0, 0)
    assert has_worked(figures)


async def test_broken_uploads_become_rejects_and_the_others_lose_nothing(tmp_path: Path) -> None:
    url = f"pitcall-log://{tmp_path}/log"
    figures = await bench_stream(
        StreamBench(CATALOGUE, url, vehicles=20, uploads=100, live_s=0.1, loads_per_s=(100.0,), poison=0.2)
    )
    assert 0 < figures["rejects"] < figures["uploads"]
    assert figures["predictions"] == (figures["uploads"] - figures["rejects"]) * ITEMS
    assert (figures["lost"], figures["doubled"]) == (0, 0)


@pytest.mark.parametrize("encoding", ["json", "binary"])
async def test_every_upload_that_the_edge_acknowledges_is_in_the_log_once(encoding: str) -> None:
    figures = await bench_edge(EdgeBench(CATALOGUE, vehicles=30, uploads=95, encoding=encoding, batch=20, live_s=0.2))
    live = figures["uploads"] - 30 - 95
    assert live > 0
    assert figures["acknowledged"] == figures["uploads"]
    assert (figures["lost"], figures["doubled"], figures["sent_again"]) == (0, 0, 0)


async def test_uploads_without_effect_are_counted_as_lost(tmp_path: Path) -> None:
    url = f"pitcall-log://{tmp_path}/log"
    load = UploadLoad(load_catalogue(CATALOGUE), 10, "json", FIRST_MS)
    await create_topics(url)
    async with sender(url, EMBEDDED_PARTITIONS) as to_log:
        await to_log.fill(load, 0, 20)
        found = await audit(url, load, 20, EMBEDDED_PARTITIONS)
    # Each of the 20 uploads would have had a prediction per item, and its distance in a state.
    assert found.lost == 20 * ITEMS + 20
    assert not has_worked(vars(found))


async def test_a_log_that_is_in_use_is_refused(tmp_path: Path) -> None:
    url = f"pitcall-log://{tmp_path}/log"
    await create_topics(url)
    async with sender(url, EMBEDDED_PARTITIONS) as to_log:
        await to_log.fill(UploadLoad(load_catalogue(CATALOGUE), 1, "json", FIRST_MS), 0, 1)
        with pytest.raises(Conflict, match="has uploads already"):
            await bench_stream(StreamBench(CATALOGUE, url, vehicles=1, uploads=1))


async def test_the_embedded_log_refuses_a_second_worker() -> None:
    with pytest.raises(InvalidInput, match="one worker"):
        await bench_stream(StreamBench(CATALOGUE, workers=2))


@pytest.mark.parametrize("store", ["memory", "disk"])
async def test_recovery_gives_back_every_state_to_the_bit(store: str) -> None:
    figures = await bench_recover(RecoverBench(CATALOGUE, vehicles=3_000, store=store))
    assert figures["vehicles"] == 3_000
    assert figures["identical"] is True
    assert figures["state_bytes"] == StateLayout(load_catalogue(CATALOGUE)).size
    assert {"vehicles", "state_bytes", "wall_s", "vehicles_per_s", "identical", "rss_mb"} <= set(figures)
    # What was kept is read on from: a process that starts with it has nothing to read.
    assert figures.get("resume_records_read") == (0 if store == "disk" else None)


async def test_states_of_another_are_not_recovered_for_the_bench(tmp_path: Path) -> None:
    url = f"pitcall-log://{tmp_path}/log"
    await create_topics(url)
    async with RecoveringWorker(url, tmp_path / "worker", EMBEDDED_PARTITIONS, is_on_disk=False) as worker:
        await worker.table.write_block(0, {b"car": b"state"})
    with pytest.raises(Conflict, match="holds states already"):
        await bench_recover(RecoverBench(CATALOGUE, url, vehicles=1))


def test_predictions_are_measured_beside_the_peers_in_the_same_run() -> None:
    figures = bench_predict(PredictBench(TEN_ITEMS, block=8))
    assert (figures["cars"], figures["items"]) == (8, 10)
    assert figures["row_bytes"] <= 1_500
    assert all(figures[name] > 0 for name in ("numbers_us", "told_us", "message_us", "words_us", "river_logistic_us"))


async def test_ten_items_are_all_predicted(tmp_path: Path) -> None:
    url = f"pitcall-log://{tmp_path}/log"
    figures = await bench_stream(
        StreamBench(TEN_ITEMS, url, vehicles=10, uploads=30, live_s=0.1, loads_per_s=(100.0,), encoding="binary")
    )
    assert (figures["items"], figures["signals"]) == (10, 12)
    assert figures["state_bytes_per_vehicle"] <= 2_048
    assert figures["predictions"] == figures["uploads"] * 10
    assert (figures["lost"], figures["doubled"], figures["repeated"], figures["rejects"]) == (0, 0, 0, 0)


async def test_predictions_that_nobody_asked_for_are_counted_as_doubled(tmp_path: Path) -> None:
    url = f"pitcall-log://{tmp_path}/log"
    load = UploadLoad(load_catalogue(CATALOGUE), 3, "json", FIRST_MS)
    layout = PredictionLayout(load.catalogue)
    rows = layout.empty(5)
    rows["cause"]["boot"], rows["cause"]["record"] = [BOOT.encode()] * 4 + [b"another"], [-1, -1, -1, 4, -1]
    rows["cause"]["seq"] = [0, 0, 2, 0, 0]
    keys = [load.key(0), load.key(1), load.key(1), load.key(1), load.key(2)]
    await create_topics(url)
    producer = record_producer(url)
    await producer.start()
    await producer.send_many(
        [NewRecord(PREDICTIONS, key, value, 1) for key, value in zip(keys, layout.to_bytes(rows), strict=True)]
    )
    await producer.send_many([NewRecord(PREDICTIONS, keys[0], layout.to_bytes(rows)[0], 1)])
    await producer.stop()
    found = await audit(url, load, 4, EMBEDDED_PARTITIONS)
    # Of four uploads those of cars 0 and 1 are predicted; one again; three rows are of no upload.
    assert found.predictions == (2 + 3) * ITEMS
    assert found.repeated == ITEMS
    assert found.doubled == 3 * ITEMS
    assert found.lost == 2 * ITEMS + 4


def test_a_load_is_the_same_every_time_and_no_two_uploads_are() -> None:
    catalogue = load_catalogue(CATALOGUE)
    first, second = (UploadLoad(catalogue, 7, "json", FIRST_MS) for _ in range(2))
    bodies = [first.record(n, 1) for n in range(50)]
    assert bodies == [second.record(n, 1) for n in range(50)]
    assert len({(record.key, record.value) for record in bodies}) == 50


def test_the_benches_are_listed() -> None:
    parser = argparse.ArgumentParser()
    add_bench(parser.add_subparsers())
    assert sorted(subcommands(subcommands(parser)["bench"])) == ["bookings", "edge", "predict", "recover", "stream"]
