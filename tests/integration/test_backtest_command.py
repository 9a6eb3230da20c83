"""`pitcall backtest` and `pitcall evaluate`: a folder in, predictions and a report out, or all mistakes at once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pitcall import evaluate as evaluation
from pitcall.command_line import main
from tests.support.case_files import write_case

CASES = Path(__file__).parents[2] / "pitcall" / "data" / "cases"
PRODUCTS = 1_200


@pytest.fixture(scope="module")
def small_ai4i(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first products of the shipped case."""
    case = tmp_path_factory.mktemp("case") / "ai4i"
    shutil.copytree(CASES / "ai4i", case)
    for name in ("telemetry", "vehicles"):
        path = case / f"{name}.parquet"
        pq.write_table(pq.read_table(path).slice(0, PRODUCTS), path)
    services = (case / "services.csv").read_text().splitlines()
    kept = [line for line in services if line.startswith("vehicle_id") or int(line[:5]) <= PRODUCTS]
    (case / "services.csv").write_text("\n".join(kept) + "\n")
    settings = (case / "case.yaml").read_text()
    (case / "case.yaml").write_text(settings.replace("2020-01-07T22:41:00Z", "2020-01-01T20:01:00Z"))
    return case


@pytest.fixture(scope="module")
def replayed(small_ai4i: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    assert main(["backtest", str(small_ai4i), "--out", str(out), "--json"]) == 0
    return out


def test_it_writes_a_prediction_for_every_machine_item_and_step(replayed: Path) -> None:
    table = pq.read_table(replayed / "predictions.parquet")
    assert table.schema.names == [
        "vehicle_id", "item", "time", "p_PT1M", "remaining", "due_earliest", "due_expected", "due_latest",
        "model_version",
    ]  # fmt: skip
    assert table.schema.field("time").type == pa.timestamp("ms", tz="UTC")
    assert len(table) == 5 * PRODUCTS
    assert pc.count_distinct(table["vehicle_id"]).as_py() == PRODUCTS
    assert pc.min(table["p_PT1M"]).as_py() >= 0.0
    assert pc.max(table["p_PT1M"]).as_py() <= 1.0
    assert table["remaining"].null_count == len(table)


def test_its_report_says_what_was_judged(replayed: Path) -> None:
    report = json.loads((replayed / "report.json").read_text())
    assert (report["name"], report["vehicles"], report["decisions"]) == ("ai4i", PRODUCTS, PRODUCTS)
    assert [item["item"] for item in report["items"]] == ["TWF", "HDF", "PWF", "OSF", "RNF"]
    assert all(item["hazards"][0]["rows"] == PRODUCTS - 1 for item in report["items"])
    assert "power failure" in (replayed / "report.html").read_text()


def test_the_command_says_its_figures(small_ai4i: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backtest", str(small_ai4i), "--out", str(tmp_path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {"name", "items", "decisions", "labels", "wall_s"} <= said.keys()
    # The label of the last product comes after the end.
    assert said["labels"] == 5 * (PRODUCTS - 1)
    assert set(said["items"]["PWF"]) >= {"average_precision", "f1_at_action", "calibration_error"}


def test_two_runs_write_the_same_predictions(small_ai4i: Path, replayed: Path, tmp_path: Path) -> None:
    assert main(["backtest", str(small_ai4i), "--out", str(tmp_path), "--json"]) == 0
    assert (tmp_path / "predictions.parquet").read_bytes() == (replayed / "predictions.parquet").read_bytes()


def test_on_the_first_products_it_is_already_ahead_of_the_trees_that_never_replay(
    small_ai4i: Path, tmp_path: Path
) -> None:
    # A Hoeffding adaptive tree reaches .225 over all ten thousand.
    assert evaluation._micro_f1(small_ai4i, tmp_path, "PT1M") > 0.225


def test_a_case_with_mistakes_is_refused_with_all_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = write_case(
        tmp_path / "case",
        telemetry=[{"vehicle_id": "p1", "time": "2024-01-01T00:00:00", "pressure": 5.0, "load": 50.0, "colour": 1.0}],
        services=[{"vehicle_id": "p1", "time": "2023-06-01T00:00:00Z", "item": "wing", "outcome": "replaced"}],
    )
    assert main(["backtest", str(case), "--out", str(tmp_path / "out")]) != 0
    said = capsys.readouterr().err
    for part in ("telemetry.csv", "colour", "zone", "services.csv", "wing"):
        assert part in said
    assert not (tmp_path / "out").exists()


def test_engines_are_judged_in_their_own_unit(tmp_path: Path) -> None:
    rows, services = [], []
    for engine in range(6):
        for cycle in range(40):
            day = engine * 40 + cycle
            stamp = f"2024-{1 + day // 28:02d}-{1 + day % 28:02d}T00:00:00Z"
            rows.append({"vehicle_id": f"e{engine}", "time": stamp, "pressure": 90.0 - 2 * cycle, "load": 50.0})
        services.append({"vehicle_id": f"e{engine}", "time": stamp, "item": "shaft", "outcome": "failed"})
    case = write_case(
        tmp_path / "case",
        telemetry=rows,
        services=services,
        settings="name: engines\ndecide: {every: P1D, from: 2024-01-01, to: 2024-12-31, stale_after: PT12H}",
        catalogue="signals:\n  pressure: {unit: bar, range: [0, 100]}\n  load: {unit: percent}\n"
        "items:\n  shaft: {kind: wear, unit: cycle}\n",
    )
    assert main(["backtest", str(case), "--out", str(tmp_path / "out"), "--json"]) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    (shaft,) = report["items"]
    assert shaft["wear"]["unit"] == "cycle"
    assert shaft["failures"] == 6
    assert shaft["wear"]["rmse"] < 20.0
    assert 0.0 <= shaft["wear"]["coverage"]["value"] <= 1.0
