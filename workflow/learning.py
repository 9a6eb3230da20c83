"""What the models did with a label, told on the car's timeline."""

from __future__ import annotations

from domain.service_record import TrainingExample
from workflow.history import tell
from workflow.ports import Office


async def record_label(office: Office, example: TrainingExample, model_version: str) -> None:
    """A label has taught a model whose snapshot is published; safe to repeat."""
    async with office.unit_of_work() as uow:
        await tell(
            uow,
            "label-learned",
            event_id=example.label_id,
            vehicle_id=example.vehicle_id,
            time_ms=office.clock.now_ms(),
            actor="model",
            data={"item": example.item, "model_version": model_version},
            customer_id=await uow.vehicles.owner_of(example.vehicle_id),
        )
