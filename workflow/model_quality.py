"""How good the models are by the labels that have come in, for the operator and for Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from domain.catalogue import ItemSpec
from domain.judged_label import JudgedLabel
from domain.model_quality import MOST_JUDGED, RECENT_MS, ItemQuality, LabelCount, ModelQuality
from domain.prediction import ItemKind
from models.judging.label_quality import item_quality
from workflow.ports import Office


async def model_quality(office: Office, model_versions: Mapping[str, str]) -> ModelQuality:
    """The figures of every item that labels can judge; items of the calendar have none. No personal data."""
    now = office.clock.now_ms()
    items = [item for item in office.catalogue.items.values() if item.kind is not ItemKind.CALENDAR]
    async with office.unit_of_work() as uow:
        counts = await uow.judged_labels.counts(now - RECENT_MS)
        labels = {item.id: await uow.judged_labels.newest(item.id, MOST_JUDGED) for item in items if item.id in counts}
    # On a thread: some thousand labels take longer than whoever shares the event loop should wait.
    figures = await asyncio.to_thread(_figures, items, labels, counts, model_versions, now)
    return ModelQuality(now, tuple(figures))


def _figures(
    items: Sequence[ItemSpec],
    labels: Mapping[str, Sequence[JudgedLabel]],
    counts: Mapping[str, LabelCount],
    model_versions: Mapping[str, str],
    now_ms: int,
) -> list[ItemQuality]:
    return [
        item_quality(
            item,
            labels.get(item.id, ()),
            counts.get(item.id),
            now_ms=now_ms,
            model_version=model_versions.get(item.id, ""),
        )
        for item in items
    ]
