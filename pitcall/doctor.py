"""`pitcall doctor`: every setting with its source, every component with its version and round-trip time."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from importlib.metadata import version
from typing import Any

from adapters.catalogue_file import load_live_catalogue
from adapters.history import file_url, open_history
from adapters.records.records import open_records
from domain.errors import PitcallError
from pitcall.settings import SECRET, Settings
from streams.lag import lag
from streams.topics import TELEMETRY_UPLOADS

EMPTY = {"broker_url": "(embedded)", "database_url": "(SQLite)", "history_url": "(SQLite)"}
EMPTY |= {"snapshot_key": "(kept in the data folder)", "public_url": "(host and port)"}
LIBRARIES = ("faust-streaming", "aiokafka", "kafka-python", "river", "fastapi", "sqlalchemy")


@dataclass(frozen=True)
class Finding:
    """One component; `problem` is a sentence, empty when it answers."""

    component: str
    version: str
    milliseconds: float
    problem: str = ""


async def examine(settings: Settings, *, as_json: bool) -> int:
    """Print what was found; 0 when everything answers."""
    rows = [_setting_row(settings, entry) for entry in fields(Settings)]
    findings = [
        Finding("Python", platform.python_version(), 0.0),
        *(Finding(name, version(name), 0.0) for name in LIBRARIES),
        await _try("catalogue", lambda: _catalogue(settings)),
        await _try("records", lambda: _records(settings)),
        await _try("log", lambda: _log(settings)),
        await _try("history", lambda: _history(settings)),
    ]
    problems = [finding for finding in findings if finding.problem]
    if as_json:
        found = {"settings": rows, "components": [vars(finding) for finding in findings], "healthy": not problems}
        print(json.dumps(found))  # noqa: T201
    else:
        _print(rows, findings)
    return 1 if problems else 0


def _setting_row(settings: Settings, entry: Any) -> dict[str, str]:
    name = str(entry.metadata["env"])
    value = getattr(settings, entry.name)
    shown = "(set)" if entry.name in SECRET and value else str(value) or EMPTY.get(entry.name, "(none)")
    return {"name": name, "value": shown, "source": "environment" if name in os.environ else "default"}


async def _try(component: str, ask: Callable[[], Awaitable[str]]) -> Finding:
    began = time.monotonic()
    try:
        found = await ask()
    except PitcallError as error:
        return Finding(component, "", _since(began), str(error))
    return Finding(component, found, _since(began))


def _since(began: float) -> float:
    return round((time.monotonic() - began) * 1000, 1)


async def _catalogue(settings: Settings) -> str:
    catalogue = load_live_catalogue(settings.catalogue)
    return f"{catalogue.name}, VSS {catalogue.vss}, {len(catalogue.items)} items"


async def _records(settings: Settings) -> str:
    if not settings.database_url:
        path = settings.data_dir / "records.sqlite"
        if not path.exists():
            return f"SQLite; {path} is made at the first start"
    records = open_records(settings.database_url or f"sqlite+aiosqlite:///{path.resolve()}")
    try:
        return await records.ping()
    finally:
        await records.close()


async def _log(settings: Settings) -> str:
    if settings.is_embedded:
        path = settings.data_dir / "log.sqlite"
        return f"embedded, {path.stat().st_size:,} bytes" if path.exists() else "embedded; made at the first start"
    behind = await lag(settings.broker_url, [TELEMETRY_UPLOADS])
    return f"Kafka, {len(behind)} partitions of {TELEMETRY_UPLOADS}, {sum(behind.values()):,} uploads waiting"


async def _history(settings: Settings) -> str:
    path = settings.data_dir / "history.sqlite"
    if not settings.history_url and not settings.is_embedded:
        return "none is kept: PITCALL_HISTORY_URL is empty"
    if not settings.history_url and not path.exists():
        return f"SQLite; {path} is made at the first start"
    history = open_history(settings.history_url or file_url(path), token=settings.history_token)
    try:
        return await history.ping()
    finally:
        await history.close()


def _print(rows: list[dict[str, str]], findings: list[Finding]) -> None:
    lines = ["Settings"]
    lines += [f"  {row['name']:<32} {row['value']:<40} {row['source']}" for row in rows]
    lines += ["", "Components"]
    for finding in findings:
        state = f"FAILS: {finding.problem}" if finding.problem else finding.version
        lines.append(
            f"  {finding.component:<18} {state}" + (f"  ({finding.milliseconds} ms)" * bool(finding.milliseconds))
        )
    print("\n".join(lines))  # noqa: T201
