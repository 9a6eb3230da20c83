"""What the models did with a label: judged against what had been promised, and told on the car's timeline."""

from __future__ import annotations

from domain.catalogue import ItemSpec
from domain.judged_label import JudgedLabel, Promise, limit_reached_ms
from domain.prediction import ItemKind
from domain.service_record import TrainingExample
from workflow.history import tell
from workflow.ports import Office, UnitOfWork

KEPT_MS = 5 * 365 * 86_400_000
"""Judged labels are kept for five years of the domain's time, longer than most items last."""


async def record_label(
    office: Office, example: TrainingExample, model_version: str, *, is_drifting: bool | None = None
) -> None:
    """A label has taught a model whose snapshot is published; safe to repeat.

    `model_version` has learnt it; the ledger names the one that had predicted it. `is_drifting`: whether the learner
    sees the item drift now, None while it does not watch.
    """
    now = office.clock.now_ms()
    item = office.catalogue.items.get(example.item)
    async with office.unit_of_work() as uow:
        if item is not None:  # else an item the catalogue no longer has
            await uow.judged_labels.add(await _judge(uow, item, example, is_drifting))
            await uow.judged_labels.forget_before(item.id, now - KEPT_MS)
        await tell(
            uow,
            "label-learned",
            event_id=example.label_id,
            vehicle_id=example.vehicle_id,
            time_ms=now,
            actor="model",
            data={"item": example.item, "model_version": model_version},
            customer_id=await uow.vehicles.owner_of(example.vehicle_id),
        )


async def _judge(uow: UnitOfWork, item: ItemSpec, example: TrainingExample, is_drifting: bool | None) -> JudgedLabel:
    return JudgedLabel(
        label_id=example.label_id,
        vehicle_id=example.vehicle_id,
        item=item.id,
        kind=item.kind,
        known_ms=example.known_ms,
        model_version=example.model_version,
        target=example.target,
        predicted=example.predicted,
        lower=example.lower,
        upper=example.upper,
        coverage=example.coverage,
        measured=example.measured,
        unit=_unit(item),
        found_ms=_found_ms(item, example),
        promise=await _promise(uow, example),
        is_drifting=is_drifting,
    )


def _unit(item: ItemSpec) -> str:
    if item.wear is not None:
        return item.wear.unit
    return item.hazard.unit if item.hazard is not None else ""


def _found_ms(item: ItemSpec, example: TrainingExample) -> int | None:
    """When the item was found due: the failure, or the day its measured wear comes to the limit."""
    if item.kind is ItemKind.HAZARD:
        return example.known_ms if example.target >= 0.5 else None
    if item.wear is None or example.measured is None or example.since_ms is None:
        return None
    return limit_reached_ms(example.measured, item.wear.limit, example.target, example.since_ms, example.known_ms)


async def _promise(uow: UnitOfWork, example: TrainingExample) -> Promise | None:
    """What was last told of the item before the label was known: by its need, else by the car's page.

    What was told before the part was last renewed was about another part.
    """
    car, item = example.vehicle_id, example.item
    records = await uow.service_records.of_vehicle(car)
    renewed = (r.performed_ms for r in records if r.item == item and r.outcome.renews)
    begun_ms = max((moment for moment in renewed if moment < example.known_ms), default=-1)
    needs = await uow.needs.of_vehicle(car, live_only=False)
    shown = [a for a in await uow.assessments.of_vehicle(car) if a.is_ready]
    for said in ([n for n in needs if n.item == item], [a for a in shown if a.item == item]):
        in_time = [one for one in said if begun_ms < one.event_ms <= example.known_ms]
        if in_time:
            last = max(in_time, key=lambda one: one.event_ms)
            return Promise(last.event_ms, last.window, last.model_version, dict(last.probability))
    return None
