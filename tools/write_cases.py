"""Write the shipped back-test cases from the files their authors published: `python tools/write_cases.py DATA`.

DATA holds `cmapss_fd001/` (NASA C-MAPSS FD001, public domain) and `ai4i2020/` (AI4I 2020, CC BY 4.0), as downloaded.
"""

from __future__ import annotations

import csv
import gzip
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CASES = Path(__file__).parents[1] / "pitcall" / "data" / "cases"
START = np.datetime64("2020-01-01T00:00:00", "ms")
DAY, MINUTE = np.timedelta64(1, "D"), np.timedelta64(1, "m")
MOMENT = pa.timestamp("ms", tz="UTC")
MODES = {
    "TWF": "tool wear failure",
    "HDF": "heat dissipation failure",
    "PWF": "power failure",
    "OSF": "overstrain failure",
    "RNF": "random failure",
}
AI4I_SIGNALS = {
    "air_temperature": ("Air temperature [K]", "K"),
    "process_temperature": ("Process temperature [K]", "K"),
    "rotational_speed": ("Rotational speed [rpm]", "rpm"),
    "torque": ("Torque [Nm]", "Nm"),
    "tool_wear": ("Tool wear [min]", "min"),
}


def main() -> None:
    """Write both cases."""
    data = Path(sys.argv[1])
    _cmapss(data / "cmapss_fd001", CASES / "cmapss-fd001")
    _ai4i(data / "ai4i2020", CASES / "ai4i")


def _cmapss(source: Path, case: Path) -> None:
    """Engines run one after the other, a cycle a day; those of the test end before they fail."""
    case.mkdir(parents=True, exist_ok=True)
    columns: dict[str, list[object]] = {"vehicle_id": [], "time": []}
    values, failures, day = [], [], 0
    for part in ("train", "test"):
        rows = _table(source / f"{part}_FD001.txt.gz")
        for unit in np.unique(rows[:, 0]).astype(int):
            own = rows[rows[:, 0] == unit]
            times = START + (day + np.arange(len(own))) * DAY
            columns["vehicle_id"] += [f"{part}-{unit:03d}"] * len(own)
            columns["time"] += times.tolist()
            values.append(own[:, 2:26])
            if part == "train":
                failures.append((f"{part}-{unit:03d}", times[-1]))
            day += len(own)
    names = [*(f"setting_{n}" for n in (1, 2, 3)), *(f"sensor_{n:02d}" for n in range(1, 22))]
    table = np.concatenate(values)
    _write(case / "telemetry.parquet", columns, {name: table[:, n] for n, name in enumerate(names)})
    _services(case, [(unit, time, "engine") for unit, time in failures])
    left = _table(source / "RUL_FD001.txt.gz").ravel().astype(int)
    (case / "test_rul.csv").write_text(
        "vehicle_id,remaining\n" + "".join(f"test-{n:03d},{cycles}\n" for n, cycles in enumerate(left, 1))
    )
    signals = "".join(
        f"  {name}: {{unit: '', min: -1.0e+6, max: 1.0e+6{', role: setting' if name.startswith('setting') else ''}}}\n"
        for name in names
    )
    (case / "catalogue.yaml").write_text(
        f"name: turbofan\nsignals:\n{signals}"
        "items:\n  engine:\n    kind: wear\n    unit: cycle\n    say_until: 125\n    features: {exclude: [age]}\n"
    )
    end = (START + day * DAY).item().isoformat()
    (case / "case.yaml").write_text(
        "name: cmapss-fd001\n"
        "description: Turbofans run to failure one after another, a cycle a day; the last hundred are cut off before.\n"
        "source: A. Saxena, K. Goebel, C-MAPSS turbofan degradation FD001, NASA Prognostics Data Repository\n"
        "licence: public domain (work of the US government)\n"
        f"decide: {{every: P1D, from: {START.item().isoformat()}Z, to: {end}Z, stale_after: PT12H}}\n"
    )


def _ai4i(source: Path, case: Path) -> None:
    """Every product is a machine that reports once, a minute after the one before, and fails then or never."""
    case.mkdir(parents=True, exist_ok=True)
    with (source / "ai4i2020.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    ids = [f"{number:05d}" for number in range(1, len(rows) + 1)]
    times = START + np.arange(len(rows)) * MINUTE
    signals = {name: np.array([float(row[column]) for row in rows]) for name, (column, _) in AI4I_SIGNALS.items()}
    _write(case / "telemetry.parquet", {"vehicle_id": list(ids), "time": times.tolist()}, signals)
    pq.write_table(pa.table({"vehicle_id": ids, "type": [row["Type"] for row in rows]}), case / "vehicles.parquet")
    halfway = np.timedelta64(30, "s")
    failures = [(ids[n], times[n] + halfway, mode) for n, row in enumerate(rows) for mode in MODES if int(row[mode])]
    _services(case, failures)
    (case / "catalogue.yaml").write_text(
        "name: milling machine\nsignals:\n"
        + "".join(f"  {name}: {{unit: {unit}, min: 0, max: 100000}}\n" for name, (_, unit) in AI4I_SIGNALS.items())
        + "attributes:\n  type: quality of the product, L, M or H\nitems:\n"
        + "".join(
            f"  {mode}:\n    kind: hazard\n    horizons: [PT1M]\n    action_probability: 0.5\n"
            f"    texts: {{en: {{name: {name}}}}}\n"
            for mode, name in MODES.items()
        )
    )
    end = (START + (len(rows) + 1) * MINUTE).item().isoformat()
    (case / "case.yaml").write_text(
        "name: ai4i\n"
        "description: Ten thousand products of a milling machine, each of which fails in its minute or never.\n"
        "source: S. Matzka, AI4I 2020 Predictive Maintenance Dataset, UCI Machine Learning Repository\n"
        "licence: CC BY 4.0\n"
        f"decide: {{every: PT1M, from: {START.item().isoformat()}Z, to: {end}Z, stale_after: PT30S}}\n"
    )


def _table(path: Path) -> np.ndarray:
    with gzip.open(path) as file:
        return np.loadtxt(file, ndmin=2)


def _write(path: Path, keys: dict[str, list[object]], values: dict[str, np.ndarray]) -> None:
    arrays = [pa.array(keys["vehicle_id"], pa.string()), pa.array(keys["time"], pa.timestamp("ms")).cast(MOMENT)]
    arrays += [pa.array(own.astype(np.float64)) for own in values.values()]
    table = pa.table(arrays, names=["vehicle_id", "time", *values])
    pq.write_table(table, path, compression="zstd", compression_level=19)


def _services(case: Path, failures: list[tuple[str, np.datetime64, str]]) -> None:
    lines = [f"{unit},{time.item().isoformat()}Z,{item},failed\n" for unit, time, item in failures]
    (case / "services.csv").write_text("vehicle_id,time,item,outcome\n" + "".join(lines))


if __name__ == "__main__":
    main()
