"""A day folded from the sums of its drives leaves the state that its drives leave second by second."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.catalogue import Catalogue
from domain.telemetry import VehicleAttributes
from models.causes import Causes
from models.day_sums import BEGINS_MS, ENDS_MS, SUMS, day_dtype
from models.fold import VehicleFold
from models.predictor import Predictor
from models.upload_block import SampleTable, UploadBlock
from models.upload_summary import Summariser
from models.vehicle_state import DAY_MS, StateLayout
from simulators.drive import AMBIENT, ODOMETER, Drive, load_drives

DRIVES = sorted(load_drives(), key=len)[:12]
FIRST_DAY = 19_000
HOUR = 3_600_000
PAD_WEAR = "Vehicle.Chassis.Axle.Row1.Wheel.Left.Brake.PadWear"


def upload(drive: Drive, start_ms: int, attributes: VehicleAttributes, boot: int, evening: tuple[float, ...] | None):
    """A drive as the car sends it; in the last of a day it tells odometer, the air's temperature and its pads' wear."""
    columns = {path: column.astype(np.float64)[None] for path, column in drive.columns.items() if path != AMBIENT}
    if evening is not None:
        for path, value in zip((ODOMETER, AMBIENT, PAD_WEAR), evening, strict=True):
            columns[path] = np.full((1, len(drive)), np.nan)
            columns[path][0, -1] = value
    return UploadBlock(
        vehicle_ids=["car"],
        boot_ids=np.array([f"boot {boot}"], dtype="S36"),
        seqs=np.array([boot]),
        start_ms=np.array([start_ms]),
        received_ms=np.array([start_ms + drive.duration_ms]),
        attributes=[attributes],
        tables=[SampleTable(np.array([0]), drive.offsets_ms.astype(np.uint32)[None], columns)],
    )


@settings(max_examples=8)
@given(
    days=st.lists(st.lists(st.integers(0, len(DRIVES) - 1), min_size=2, max_size=4), min_size=1, max_size=5),
    kind=st.sampled_from(["petrol", "diesel", "hybrid", "electric"]),
    mass_kg=st.integers(1_000, 2_300),
    air_c=st.floats(-20, 40, width=32),
    worn_pct=st.floats(0, 100, width=32),
)
def test_a_day_is_the_sum_of_its_drives(
    catalogue: Catalogue, days: list[list[int]], kind: str, mass_kg: int, air_c: float, worn_pct: float
) -> None:
    layout = StateLayout(catalogue)
    fold, summariser = VehicleFold(catalogue, layout), Summariser(catalogue)
    attributes = VehicleAttributes(powertrain=kind, mass_kg=float(mass_kg))
    by_second = layout.block(catalogue, [None], [0])
    by_day = layout.block(catalogue, [None], [0])
    odometer_m, boot = 10_000_000, 0
    for number, trips in enumerate(days):
        evening_ms = (FIRST_DAY + number) * DAY_MS + ENDS_MS
        row = np.zeros(1, dtype=day_dtype(catalogue))
        row["is_running"], row["trends"], row["sensed"] = True, np.nan, np.nan
        odometer_m += int(sum(DRIVES[trip].distance_m for trip in trips))
        for n, trip in enumerate(trips):
            drive, is_last = DRIVES[trip], n == len(trips) - 1
            start_ms = evening_ms - drive.duration_ms if is_last else evening_ms - ENDS_MS + BEGINS_MS + n * 3 * HOUR
            block = upload(drive, start_ms, attributes, boot, (odometer_m, air_c, worn_pct) if is_last else None)
            boot += 1
            assert [one.outcomes[0].is_folded for one in fold.fold_block(by_second, [0], block)] == [True]
            sums = summariser.summarise_block(block)
            for name in SUMS:
                row[name][0] += getattr(sums, name)[0]
        row["odometer_m"] = odometer_m
        row["trends"][0, list(catalogue.trends).index("ambient")] = air_c
        row["sensed"][0, list(catalogue.sensed).index("front_brake_pads")] = worn_pct
        outcomes = fold.fold_days(by_day, [0], row, np.array([number]), np.array([evening_ms]), [attributes])
        assert [outcome.is_folded for outcome in outcomes] == [True]
    for name in (*SUMS, "odometer_m", "first_ms", "last_ms", "powertrain", "sensed"):
        assert by_day[name].tolist() == by_second[name].tolist(), name
    ambient = list(catalogue.trends).index("ambient")
    assert by_day["trends"][0, ambient] == by_second["trends"][0, ambient]
    # The ring of days is kept in steps, rounded once a day or once an upload.
    predictor = Predictor(catalogue, b"k" * 32)
    ours, theirs = (predictor.predict_many(own, Causes.newest(own)) for own in (by_day, by_second))
    np.testing.assert_allclose(ours["km_per_day"], theirs["km_per_day"], rtol=0.02)
    np.testing.assert_allclose(ours["wear"]["part"], theirs["wear"]["part"], rtol=0.02, atol=1e-3)
