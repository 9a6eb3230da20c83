"""What is no log that can be used is refused, with file, row, column and the fix; and so are options that can't be."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.car_log import InvalidLogs
from domain.errors import InvalidInput
from tests.support.obd_logs import TORQUE, read_log, written

ROW = b"time,Engine RPM\n2024-01-01T00:00:00Z,"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "log.csv: it is empty; record"),
        (b" \n\n", "log.csv: it is empty; record"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "log.csv: it is no text; export"),
        (b"PK\x03\x04 an archive", "log.csv: it is packed; unpack"),
        (b"PAR1 and nothing behind", "log.csv: it is a damaged Parquet file; write"),
        (b"Dear diary,\ntoday I drove.\n", "log.csv:1: none of its first lines has column names with a time"),
        (b"Engine RPM,Speed\n900,1\n", "log.csv:1: none of its first lines has column names with a time"),
        (b"time,Fuel Level(%)\n2024-01-01T00:00:00Z,50\n", "log.csv:1: none of its columns is a reading"),
        (b"time,Engine RPM\n", "log.csv:2: there is no row below the column names; record"),
        (b"time,Engine RPM\nlater,900\n", "log.csv:2: time: 'later' is no time that is known here; write times as"),
        (b"time,Engine RPM\n99-Oct-2025 14:22:01,900\n", "log.csv:2: time: '99-Oct-2025 14:22:01' is no time"),
        (b"Device Time,Engine RPM\n05-Oct-2025 14:22:01,900\n", "log.csv:2: Device Time: the time '05-Oct-2025 14:22"),
        (b"Device Time,Engine RPM\n05-Oct-2025 14:22:01,900\n", "has no zone; say where the clock stood with --time-"),
        (ROW + b"-\n", "log.csv:2: no row of 1 can be used; of 1 no reading"),
        (ROW.replace(b"2024", b"2094") + b"900\n", "log.csv:2: no row of 1 can be used; of 1 the time can't be right"),
        (ROW + b"900\n" + b"9" * 70_000, "log.csv:3: the line has more than 65,000"),
        (ROW + b'"900\n' + b"9\n" * 70_000, "log.csv:2: the row can't be read"),
    ],
)
def test_what_is_no_log_is_refused_with_row_column_and_fix(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidLogs) as caught:
        read_log(path)
    assert said in str(caught.value)
    assert all(mistake.fix for mistake in caught.value.mistakes)


def test_a_file_or_a_zone_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidLogs, match=r"none\.csv: it can't be read: No such file"):
        read_log(tmp_path / "none.csv")
    with pytest.raises(InvalidInput, match="no time zone Mars") as caught:
        read_log(written(tmp_path, TORQUE), zone="Mars/Olympus")
    assert caught.value.field == "--time-zone"
