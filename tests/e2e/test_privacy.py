"""Who somebody is, and where, stays in the records: topics, changelogs and program logs tell nothing of it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from streams.local_log import LocalLog
from streams.topics import TELEMETRY_UPLOADS, TOPICS
from tests.e2e.demo_run import start_demo
from tests.e2e.logged import log_url, records_in


async def test_topics_changelogs_and_logs_hold_no_vin_name_or_position(tmp_path: Path) -> None:
    process = await start_demo(
        tmp_path, "--cars", "6", "--seed", "3", "--until-bookings", "2", PITCALL_LOG_LEVEL="debug"
    )
    _, printed = await process.communicate()
    assert process.returncode == 0
    secrets = _personal_data(tmp_path)
    assert len(secrets) > 20
    logged = _everything_in_topics(tmp_path)
    assert b"Vehicle.Speed" in logged, "the control: what is there is found"
    for secret in secrets:
        assert secret.encode() not in logged, secret
        assert secret.encode() not in printed, secret
    assert b"CurrentLocation" not in logged
    assert b"Latitude" not in logged


def _personal_data(data_dir: Path) -> set[str]:
    """VINs, names, e-mail addresses and labels of this run, from its records."""
    with sqlite3.connect(data_dir / "records.sqlite") as records:
        found = {row[0] for row in records.execute("SELECT vin FROM vehicles")}
        for query in ("SELECT name FROM customers", "SELECT email FROM customers", "SELECT email FROM accounts"):
            found |= {row[0] for row in records.execute(query)}
    records.close()
    return {value for value in found if value}


def _everything_in_topics(data_dir: Path) -> bytes:
    parts: list[bytes] = []
    with LocalLog.shared(log_url(data_dir)) as log:
        for topic in TOPICS:
            for _, record in records_in(log, topic.name):
                parts += [record.key or b"", record.value or b"", *(value for _, value in record.headers)]
        assert any(True for _ in records_in(log, TELEMETRY_UPLOADS))
    return b"\n".join(parts)
