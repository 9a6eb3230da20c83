"""ModelCommand: what an operator asks of an item's model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ModelDeed(StrEnum):
    PROMOTE = "promote"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class ModelCommand:
    """Promote the model that learns in shadow, or roll back to `version`; done once, by `command_id`."""

    command_id: str
    item: str
    deed: ModelDeed
    version: int | None = None  # of a rollback; None: the one that served before

    def __post_init__(self) -> None:
        if self.deed is ModelDeed.PROMOTE and self.version is not None:
            raise ValueError("what is promoted is what learns in shadow; it has no version yet")
