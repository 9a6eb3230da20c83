"""Logs become one car's drives: by time, each moment once, in uploads that lose no stretch between them."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from adapters import car_drives, drive_spool, obd_file
from adapters.car_drives import CarDrives
from adapters.drive_spool import SORTED_ROWS
from domain.car_log import InvalidLogs
from tests.support.obd_logs import NOW_MS, RPM, SIGNALS, SPEED, written
from workflow.own_car import DriveUpload

START = 1_700_000_000


def drives(*paths: Path) -> CarDrives:
    return CarDrives(paths, SIGNALS, None, NOW_MS)


def uploads(*paths: Path) -> list[DriveUpload]:
    with drives(*paths) as found:
        return list(found.uploads())


def log(folder: Path, name: str, seconds: range | list[int], rpm: int = 900, header: str = "Engine RPM") -> Path:
    rows = "".join(f"{START + second},{rpm + second % 100}\n" for second in seconds)
    return written(folder, f"time,{header}\n{rows}", name)


def moments(found: list[DriveUpload]) -> list[int]:
    """The seconds since the start of all samples, an upload's first left out where it stood in the one before."""
    return [
        (one.start_ms + int(offset)) // 1000 - START
        for one in found
        for n, offset in enumerate(one.offsets_ms.tolist())
        if n or not one.place
    ]


def test_an_upload_begins_with_the_row_that_the_one_before_ends_with(tmp_path: Path) -> None:
    found = uploads(log(tmp_path, "a.csv", range(1000)))
    assert [(one.number, one.place, len(one.offsets_ms)) for one in found] == [
        (0, 0, 301), (0, 1, 301), (0, 2, 301), (0, 3, 100)
    ]  # fmt: skip
    assert [one.start_ms for one in found[1:]] == [one.end_ms for one in found[:-1]]
    assert moments(found) == list(range(1000))


def test_an_upload_holds_no_more_samples_than_a_car_may_send(tmp_path: Path) -> None:
    rows = "".join(f"{START + n / 20},900\n" for n in range(8_000))
    found = uploads(written(tmp_path, "time,Engine RPM\n" + rows))
    assert max(len(one.offsets_ms) for one in found) == 3_600
    assert sum(len(one.offsets_ms) - (one.place > 0) for one in found) == 8_000


def test_rows_out_of_order_are_sorted(tmp_path: Path) -> None:
    order = np.random.default_rng(4).permutation(2 * SORTED_ROWS - 1).tolist()
    found = uploads(log(tmp_path, "a.csv", order))
    assert moments(found) == list(range(2 * SORTED_ROWS - 1))
    assert {one.number for one in found} == {0}


def test_a_log_that_runs_backwards_loses_nothing(tmp_path: Path) -> None:
    seconds = list(range(3 * SORTED_ROWS, 0, -1))
    assert moments(uploads(log(tmp_path, "a.csv", seconds))) == seconds[::-1]


def test_a_drive_that_the_file_has_before_an_earlier_one_stays_one(tmp_path: Path) -> None:
    """Rows of both are sorted together where they meet: neither may fall into pieces there."""
    later, earlier = range(50_000, 50_000 + SORTED_ROWS + 900), range(2 * SORTED_ROWS)
    found = uploads(log(tmp_path, "a.csv", [*later, *earlier]))
    assert {one.number for one in found} == {0, 1}
    assert moments(found) == [*earlier, *later]


def test_five_minutes_without_a_row_begin_another_drive(tmp_path: Path) -> None:
    found = uploads(log(tmp_path, "a.csv", [0, 1, 300, 601, 602, 10_000]))
    assert [(one.number, one.start_ms // 1000 - START) for one in found] == [(0, 0), (1, 601), (2, 10_000)]


def test_logs_are_taken_by_time_whatever_the_order_they_are_named_in(tmp_path: Path) -> None:
    parts = [log(tmp_path, f"{n}.csv", range(n * 1000, n * 1000 + 50)) for n in (2, 0, 1)]
    assert moments(uploads(*parts)) == [n * 1000 + second for n in range(3) for second in range(50)]


def test_the_same_drive_twice_counts_once(tmp_path: Path) -> None:
    one, copy = log(tmp_path, "a.csv", range(500)), log(tmp_path, "b.csv", range(500))
    with drives(one, copy) as found:
        assert moments(list(found.uploads())) == list(range(500))
        first, second = found.files
    assert (first.kept, first.dropped) == (500, ())
    assert (second.kept, [(drop.rows, drop.reason) for drop in second.dropped]) == (
        0, [(500, "the same time stands in another log, or earlier in this one")]
    )  # fmt: skip


def test_of_two_logs_that_overlap_only_what_is_new_is_taken_from_the_later(tmp_path: Path) -> None:
    one = log(tmp_path, "a.csv", range(0, 500))
    other = log(tmp_path, "b.csv", range(400, 900), rpm=2000)
    with drives(other, one) as found:
        every = list(found.uploads())
        kept = {file.name: file.kept for file in found.files}
    assert moments(every) == list(range(900)) and {one.number for one in every} == {0}
    assert kept == {"a.csv": 500, "b.csv": 400}
    rpm = np.concatenate([one.columns[RPM][one.place > 0 :] for one in every])
    assert (rpm[:500] < 1000).all() and (rpm[500:] >= 2000).all()


def test_a_drive_within_another_is_not_counted_again(tmp_path: Path) -> None:
    long, short = log(tmp_path, "a.csv", range(0, 1000, 2)), log(tmp_path, "b.csv", range(101, 200, 2))
    assert moments(uploads(short, long)) == list(range(0, 1000, 2))


def test_rows_of_one_moment_are_put_together(tmp_path: Path) -> None:
    text = f"time,Engine RPM,Speed\n{START},900,\n{START},950,50\n{START + 1},901,51\n"
    with drives(written(tmp_path, text)) as found:
        (only,) = found.uploads()
        assert [drop.reason for drop in found.files[0].dropped] == ["put together with a row of the same moment"]
    assert only.columns[RPM].tolist() == [900, 901] and only.columns[SPEED].tolist() == [50, 51]


def test_a_log_with_one_row_is_one_upload_of_one_sample(tmp_path: Path) -> None:
    (only,) = uploads(log(tmp_path, "a.csv", [7]))
    assert (only.start_ms, only.offsets_ms.tolist()) == ((START + 7) * 1000, [0])


def test_readings_that_take_turns_are_joined_on_a_line_but_not_across_a_gap(tmp_path: Path) -> None:
    """An app that asks for one signal after the other gives rows in which neighbours never have the same."""
    rows = [(0, "0", ""), (1, "", "10"), (2, "20", ""), (3, "", "30"), (9, "", "90"), (10, "100", "")]
    text = "time,Speed,Engine RPM\n" + "".join(f"{START + at},{speed},{rpm}\n" for at, speed, rpm in rows)
    (only,) = uploads(written(tmp_path, text))
    np.testing.assert_array_equal(only.columns[SPEED], [0, 10, 20, np.nan, np.nan, 100])
    np.testing.assert_array_equal(only.columns[RPM], [np.nan, 10, 20, 30, 90, np.nan])


def test_codes_go_with_the_upload_in_which_they_appear(tmp_path: Path) -> None:
    rows = "".join(f"{START + n},900,{'P0420' if n >= 300 else ''}\n" for n in range(400))
    found = uploads(written(tmp_path, "time,Engine RPM,Trouble codes\n" + rows))
    assert [one.codes for one in found] == [("P0420",), ()]


def test_the_mistakes_of_all_logs_are_told_at_once_and_in_their_order(tmp_path: Path) -> None:
    good = log(tmp_path, "good.csv", range(10))
    empty, diary = written(tmp_path, "", "empty.csv"), written(tmp_path, "Dear diary\n", "diary.csv")
    silent = written(tmp_path, "time,Engine RPM\n2024-01-01T00:00:00Z,-\n", "silent.csv")
    with pytest.raises(InvalidLogs) as caught:
        drives(silent, good, empty, tmp_path / "none.csv", diary)
    assert [mistake.file for mistake in caught.value.mistakes] == ["silent.csv", "empty.csv", "none.csv", "diary.csv"]
    assert str(caught.value).startswith("4 of the logs can't be used:")


def test_a_signal_without_a_value_is_not_one_that_the_logs_have(tmp_path: Path) -> None:
    rows = "".join(f"{START + n},900,-\n" for n in range(3))
    with drives(written(tmp_path, "time,Engine RPM,Speed\n" + rows)) as found:
        assert found.signals == (RPM,)


def test_a_log_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a log is, no more than some blocks of it are held."""
    monkeypatch.setattr(obd_file, "BLOCK_ROWS", 128)
    monkeypatch.setattr(drive_spool, "SORTED_ROWS", 128)
    monkeypatch.setattr(car_drives, "UPLOAD_ROWS", 128)
    peaks = []
    for rows in (1_000, 8_000):
        path = log(tmp_path, f"{rows}.csv", range(rows))
        tracemalloc.start()
        with drives(path) as found:
            count = sum(len(one.offsets_ms) - (one.place > 0) for one in found.uploads())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert count == rows
    assert peaks[1] < 1.5 * peaks[0]
