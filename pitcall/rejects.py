"""`pitcall rejects list | show | replay`: uploads that could not be used."""

from __future__ import annotations

import argparse
import base64
import json
from contextlib import aclosing
from datetime import UTC, datetime
from heapq import nlargest
from typing import Any

from adapters.clocks import WallClock
from domain.errors import InvalidInput, NotFound
from pitcall.log_access import existing_log, told_when_in_use
from pitcall.settings import Settings
from streams.rejects import Reject, Rejects
from workflow.upload_codec import is_binary


async def run_rejects(options: argparse.Namespace, settings: Settings) -> int:
    """Do what the command says and print it."""
    deed = {"list": _list, "show": _show, "replay": _replay}[options.deed]
    with told_when_in_use(settings):
        result = await deed(options, _rejects(settings))
    print(json.dumps(result) if options.json else _text(result))  # noqa: T201
    return 0


def _rejects(settings: Settings) -> Rejects:
    partitions = None if settings.is_embedded else settings.kafka_partitions
    return Rejects(existing_log(settings), WallClock(), partitions=partitions, replication=settings.kafka_replication)


async def _list(options: argparse.Namespace, rejects: Rejects) -> dict[str, Any]:
    counts = await rejects.count()
    async with aclosing(rejects.read()) as found:
        shown = [(r.rejected_ms, r.reject_id, _row(r)) async for r in found if _has_reason(r, options.reason)]
    return {
        "rejects": counts.total,
        "replayed": counts.replayed,
        "reasons": dict(counts.by_reason.most_common()),
        "newest": [row for _, _, row in nlargest(options.limit, shown, key=lambda entry: entry[:2])],
    }


async def _show(options: argparse.Namespace, rejects: Rejects) -> dict[str, Any]:
    async with aclosing(rejects.read()) as found:
        async for reject in found:
            if reject.reject_id == options.id:
                return _row(reject) | _content(reject)
    raise NotFound(f"there is no reject {options.id}; `pitcall rejects list` shows which there are")


async def _replay(options: argparse.Namespace, rejects: Rejects) -> dict[str, Any]:
    wanted = set(options.ids)
    if not wanted and not options.all and options.reason is None:
        raise InvalidInput("nothing to send again was named", field="ids", fix="name rejects, --reason TEXT or --all")
    known: set[str] = set()

    def is_wanted(reject: Reject) -> bool:
        known.add(reject.reject_id)
        is_named = options.all or reject.reject_id in wanted
        return is_named or (options.reason is not None and _has_reason(reject, options.reason))

    done = await rejects.replay(is_wanted, again=options.again)
    if missing := sorted(wanted - known):
        raise NotFound(f"there is no reject {', '.join(missing)}; {done.sent} others were sent again")
    return {"sent": done.sent, "sent_before": done.sent_before, "rejected_again": done.rejected_again}


def _has_reason(reject: Reject, reason: str | None) -> bool:
    return reason is None or reason in reject.reason


def _row(reject: Reject) -> dict[str, Any]:
    return {
        "id": reject.reject_id,
        "vehicle_id": reject.vehicle_id.encode(errors="surrogateescape").decode(errors="replace"),
        "rejected": datetime.fromtimestamp(reject.rejected_ms / 1000, UTC).isoformat(timespec="seconds"),
        "reason": reject.reason,
        "is_replayed": reject.is_replayed,
        "replay_of": reject.replay_of,
    }


def _content(reject: Reject) -> dict[str, Any]:
    """The upload as it came: JSON as text, anything else in base64."""
    kind = "binary" if is_binary(reject.value) else "text"
    body = base64.b64encode(reject.value).decode() if kind == "binary" else reject.value.decode(errors="replace")
    headers = {name: value.decode(errors="replace") for name, value in reject.headers}
    return {"bytes": len(reject.value), "headers": headers, "encoding": kind, "body": body}


def _text(result: dict[str, Any]) -> str:
    """A line a figure; what came from outside is quoted, so that it can do nothing to a terminal."""
    lines = []
    for name, value in result.items():
        if isinstance(value, dict):
            lines += [f"{name}:", *(f"  {count!s:>8}  {json.dumps(key)}" for key, count in _quoted(value))]
        elif isinstance(value, list):
            lines += [f"{name}:", *(f"  {row['id']}  {json.dumps(row['reason'])}" for row in value)]
        else:
            lines.append(f"{name:<14} {json.dumps(value)}")
    return "\n".join(lines)


def _quoted(values: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(key, value if isinstance(value, int) else json.dumps(value)) for key, value in values.items()]
