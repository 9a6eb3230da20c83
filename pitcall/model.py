"""`pitcall model list | promote | rollback`: which model serves each item, and changing that."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from datetime import UTC, datetime
from typing import Any

from adapters.catalogue_file import load_catalogue
from adapters.clocks import WallClock
from domain.errors import DamagedSnapshot
from domain.model_command import ModelCommand, ModelDeed
from models.learner import Learner
from models.life_cycle import LifeCycle
from models.shadow_trial import ShadowTrial
from pitcall.log_access import existing_log, told_when_in_use
from pitcall.settings import Settings, variable
from pitcall.snapshot_key import snapshot_key
from streams.model_log import ModelLog


async def run_model(options: argparse.Namespace, settings: Settings) -> int:
    """Do what the command says and print it."""
    log = ModelLog(existing_log(settings), WallClock())
    learner = await _learner(log, settings)
    if options.deed == "list":
        items = [item_row(learner.life(item)) for item in learner.versions()]
        print(json.dumps({"items": items}) if options.json else "\n".join(map(_text, items)))  # noqa: T201
        return 0
    version = getattr(options, "version", None)
    wanted = ModelCommand(secrets.token_hex(16), options.item, ModelDeed(options.deed), version)
    command = learner.check(wanted)
    with told_when_in_use(settings):
        await log.ask(command)
    asked = _asked(command, learner.life(command.item))
    print(json.dumps(asked) if options.json else _sentence(asked))  # noqa: T201
    return 0


async def _learner(log: ModelLog, settings: Settings) -> Learner:
    """A learner that knows what the log's newest snapshots say; a damaged one is told, and the one before it counts."""
    catalogue = load_catalogue(settings.catalogue)
    learner = Learner(catalogue, snapshot_key(settings))
    with told_when_in_use(settings):
        snapshots = await log.snapshots(catalogue.items)
    is_any_sound = not snapshots
    for item, data in ((item, data) for item, own in snapshots.items() for data in own):
        try:
            learner.restore(item, data)
            is_any_sound = True
        except DamagedSnapshot as error:
            print(f"pitcall: a snapshot of {item} is damaged: {error}", file=sys.stderr)  # noqa: T201
    if not is_any_sound:
        raise DamagedSnapshot(f"no snapshot can be read: is {variable('snapshot_key')} the key of the workers?")
    return learner


def item_row(life: LifeCycle) -> dict[str, Any]:
    """All that is to be known of the models of one item, as plain values; times in ISO 8601."""
    serving, takeover = life.serving, life.takeover
    is_learning = serving.wear is not None or serving.hazard is not None
    return {
        "item": life.item.id,
        "kind": life.item.kind.value,
        "is_learning": is_learning,
        "version": serving.version,
        "name": serving.name,
        "labels": serving.labels,
        "digest": serving.digest,
        "since": _time(life.since_ms),
        "takeover": takeover
        and {
            "how": takeover.how,
            "version": takeover.version,
            "from_version": takeover.from_version,
            "at": _time(takeover.at_ms),
        },
        "score": {
            "labels": life.score.labels,
            "mean": round(life.score.mean, 6),
            "recent": round(life.score.recent, 6),
        },
        "drift": {
            "state": life.drift_state,
            "found": life.drifts,
            "mean_error": round(life.drift.mean, 6),
            "statistic": round(life.drift.statistic, 6),
            "threshold": life.drift.threshold,
        },
        "shadow": life.shadow and _shadow_row(life.shadow),
        "kept": [
            {"version": kept.version, "name": kept.name, "labels": kept.labels, "since": _time(kept.at_ms)}
            for kept in life.kept.versions
            if kept.version != serving.version
        ],
        "events": [{"at": _time(e.at_ms), "version": e.version, "what": e.what} for e in life.events],
    }


def _shadow_row(trial: ShadowTrial) -> dict[str, Any]:
    return {
        "from_version": trial.from_version,
        "since": _time(trial.since_ms),
        "is_held": trial.is_held,
        "labels": trial.labels,
        "score": round(trial.score, 6),
        "serving_score": round(trial.serving_score, 6),
        "standard_errors": round(trial.standard_errors, 3),
    }


def _asked(command: ModelCommand, life: LifeCycle) -> dict[str, Any]:
    return {
        "item": command.item,
        "deed": command.deed.value,
        "to_version": command.version,
        "serving_version": life.serving.version,
        "command_id": command.command_id,
    }


def _sentence(asked: dict[str, Any]) -> str:
    to = f" to version {asked['to_version']}" if asked["to_version"] is not None else ""
    return (
        f"asked for the {asked['deed']} of {asked['item']}{to}, which version {asked['serving_version']} serves now: "
        "the learner does it as soon as a worker runs; `pitcall model list` shows it"
    )


def _text(row: dict[str, Any]) -> str:
    """An item in a few lines for a person."""
    if not row["is_learning"]:
        return f"{row['item']}: no model that learns"
    score, drift, shadow, takeover = row["score"], row["drift"], row["shadow"], row["takeover"]
    lines = [
        f"{row['item']}: version {row['name']}, {row['labels']} labels, since {row['since'] or 'the beginning'}",
        f"  score    {score['mean']:.3f} nats a label over {score['labels']}, of late {score['recent']:.3f}",
        f"  drift    {drift['state']}, found {drift['found']}×; {drift['statistic']:.1f} of {drift['threshold']:g}",
    ]
    if takeover:
        lines.append(f"  takeover {takeover['how']} from {takeover['from_version']} at {takeover['at']}")
    if shadow:
        held = ", held for an operator" if shadow["is_held"] else ""
        lines.append(
            f"  shadow   from {shadow['from_version']}{held}: {shadow['score']:.3f} against "
            f"{shadow['serving_score']:.3f} over {shadow['labels']} labels, "
            f"{shadow['standard_errors']:+.1f} standard errors"
        )
    lines.append(f"  kept     {', '.join(str(kept['version']) for kept in row['kept']) or 'none'}")
    lines += [f"  {event['at']}  at {event['version']}: {event['what']}" for event in row["events"][-3:]]
    return "\n".join(lines)


def _time(at_ms: int) -> str | None:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds") if at_ms else None
