"""Words: full predictions, as people read them, made from the numbers of a row; nothing is computed anew."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from domain.catalogue import Catalogue, ItemSpec
from domain.language import DEFAULT
from domain.prediction import Contribution, DueWindow, Prediction, UploadRange
from models.calendar_words import calendar_features, calendar_words
from models.due_moments import COVERAGE
from models.hazard_words import hazard_features, hazard_words, horizons
from models.prediction_row import IS_DATED, IS_READY, PredictionLayout, Row
from models.vehicle_state import SERVICE_RECORDS, UNKNOWN
from models.wear_words import wear_features, wear_numbers, wear_words
from models.wording import Wording, wording_of


def words(catalogue: Catalogue, layout: PredictionLayout, row: Row, vehicle_id: str, item: str) -> Prediction:
    """The prediction of `item` in a row of the car `vehicle_id`, with reason, contributions and features.

    `catalogue` is the one of which `layout` was made; it is said in each of its languages at once, since a need has
    several readers: who owns the car, who mends it, and who is reminded.
    """
    spec = catalogue.items[item]
    kind, place = layout.places[item]
    own = row[kind][place]
    flags = int(own["flags"])
    earliest_ms, expected_ms, latest_ms = (_moment(own, name) for name in ("earliest_ms", "expected_ms", "latest_ms"))
    languages = (DEFAULT, *(language for language in catalogue.languages if language != DEFAULT))
    said, features = _said(catalogue, spec, row, own, [wording_of(language) for language in languages])
    (reason, contributions), others = said[0], dict(zip(languages[1:], said[1:], strict=True))
    return Prediction(
        id=prediction_id(cause_of(row, vehicle_id), item),
        vehicle_id=vehicle_id,
        item=item,
        kind=spec.kind,
        event_ms=int(row["event_ms"]),
        odometer_m=max(0, int(row["odometer_m"])),
        health=float(own["health"]),
        window=DueWindow(earliest_ms, expected_ms, latest_ms, COVERAGE),
        remaining_km=float(own["remaining_km"]) if spec.wear is not None and flags & IS_DATED else None,
        probability=horizons(spec.hazard, float(own["probability"])) if spec.hazard is not None else {},
        contributions=tuple(
            replace(part, texts={language: parts[n].text for language, (_, parts) in others.items()})
            for n, part in enumerate(contributions)
        ),
        reason=reason,
        features=features,
        model_version=f"{int(own['model_version'])}-{int(own['model_digest']):08x}",
        uploads=uploads_of(row),
        is_ready=bool(flags & IS_READY),
        served_ms=int(own["served_ms"]),
        reasons={language: other for language, (other, _) in others.items()},
    )


def _said(
    catalogue: Catalogue, spec: ItemSpec, row: Row, own: Row, wordings: Sequence[Wording]
) -> tuple[list[tuple[str, tuple[Contribution, ...]]], dict[str, float]]:
    """Reason and contributions in each of the languages, and the features; the numbers are the same in all."""
    if spec.wear is not None:
        numbers = wear_numbers(spec.wear, own)
        said = [wear_words(catalogue, spec, spec.wear, row, numbers, wording) for wording in wordings]
        return said, wear_features(row, numbers)
    if spec.hazard is not None:
        values = hazard_features(spec.hazard, own)
        said = [hazard_words(catalogue, spec, spec.hazard, row, own, values, wording) for wording in wordings]
        sums = {"log_odds": float(own["log_odds"]), "probability": float(own["probability"])}
        return said, {**values, **sums}
    if spec.calendar is not None:
        said = [calendar_words(spec, spec.calendar, row, own, wording) for wording in wordings]
        return said, calendar_features(spec.calendar, row, own)
    raise TypeError(f"{spec.id} is of no known kind")


def uploads_of(row: Row) -> tuple[UploadRange, ...]:
    """The uploads that a row rests on, oldest boot first."""
    boots = [boot for boot in row["boots"] if boot["id"]]
    return tuple(UploadRange(boot["id"].decode(), int(boot["first"]), int(boot["last"])) for boot in boots)


def cause_of(row: Row, vehicle_id: str) -> str:
    """What made us predict: `vehicle/boot/seq` of the upload, and after a service record where that stood."""
    cause = row["cause"]
    upload, record = f"{vehicle_id}/{cause['boot'].decode()}/{int(cause['seq'])}", int(cause["record"])
    return upload if record < 0 else f"{upload}/{SERVICE_RECORDS}-{record}"


def prediction_id(cause: str, item: str) -> str:
    """The id that the same cause and item give again and again: 32 hex digits of a SHA-256."""
    return hashlib.sha256(f"{cause}/{item}".encode()).hexdigest()[:32]


def _moment(own: Row, name: str) -> int | None:
    moment = int(own[name])
    return None if moment == UNKNOWN else moment
