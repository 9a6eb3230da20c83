"""The recorded drives are read as they are, from parquet and from CSV."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from simulators.drive import SPEED, Drive, load_drives, shipped_drives_path


def test_there_are_38_drives_with_every_recorded_second(drives: list[Drive]) -> None:
    assert len(drives) == 38
    assert sum(len(drive) for drive in drives) == 114_857
    assert len({drive.name for drive in drives}) == 38


def test_every_column_is_the_files_own_bit_by_bit(drives: list[Drive]) -> None:
    table = pa.parquet.read_table(shipped_drives_path())
    whole = table["speed_kmh"].to_numpy()
    assert np.array_equal(np.concatenate([d.columns[SPEED] for d in drives]).view(np.uint32), whole.view(np.uint32))


def test_distance_never_falls_and_stands_still_while_the_recorder_is_paused(drives: list[Drive]) -> None:
    for drive in drives:
        assert np.all(np.diff(drive.metres) >= 0)
        paused = np.diff(drive.offsets_ms) > 2_500
        assert np.all(np.diff(drive.metres)[paused] == 0)
    assert any((np.diff(drive.offsets_ms) > 60_000).any() for drive in drives), "the data has such a pause"


def test_a_gap_holds_the_value_before_it() -> None:
    column = np.array([np.nan, 3.0, np.nan, 5.0], np.float32)
    drive = Drive("x", 0, np.arange(4) * 1000, {SPEED: column})
    assert drive.held(SPEED).tolist() == [0.0, 3.0, 3.0, 5.0]


def test_the_same_drive_comes_out_of_a_csv_file(drives: list[Drive], tmp_path: Path) -> None:
    table = pa.parquet.read_table(shipped_drives_path()).slice(0, len(drives[0]))
    path = tmp_path / "own.csv"
    pa.csv.write_csv(table.set_column(0, "drive", table["drive"].cast(pa.string())), path)
    (drive,) = load_drives(path)
    assert drive.name == drives[0].name
    assert drive.offsets_ms.tolist() == drives[0].offsets_ms.tolist()
    for signal, column in drives[0].columns.items():
        assert np.array_equal(drive.columns[signal], column, equal_nan=True)


def test_a_file_that_lacks_the_speed_says_so(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("ts,rpm\n2017-07-05 07:16:30.000,800\n")
    with pytest.raises(ValueError, match="speed_kmh"):
        load_drives(path)


def test_a_file_that_is_not_there_or_of_another_kind_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_drives(tmp_path / "nowhere.csv")
    (tmp_path / "own.txt").write_text("")
    with pytest.raises(ValueError, match=r"own\.txt"):
        load_drives(tmp_path / "own.txt")


def test_times_that_run_backwards_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("ts,speed_kmh\n2017-07-05 07:16:31.000,1\n2017-07-05 07:16:30.000,2\n")
    with pytest.raises(ValueError, match="do not rise"):
        load_drives(path)
