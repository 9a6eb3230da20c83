"""HorizonExamples: what became of the horizons that began at the moments a car has kept, told when it is served.

A workshop that has a car on its ramp knows whether its battery let it down. So any service record is a label for every
moment before it: 1 where the item failed within the horizon, 0 where the horizon passed without. Positives and
negatives of one car come together, and only with a record that may teach.
"""

from __future__ import annotations

import numpy as np

from domain.catalogue import AGE_YEARS, Catalogue, HazardSpec
from domain.service_record import ServiceOutcome, ServiceRecord, TrainingExample
from models.hazard_items import YEAR_DAYS
from models.kept_readings import NEWEST_EVERY_DAYS, KeptReadings
from models.vehicle_state import DAY_MS, POWERTRAIN_CODES, UNKNOWN, Record, StateLayout

REPORTED_DAYS = 14  # within which a failure is reported, if it is: until then its absence tells nothing
SETTLED_DAYS = 14  # after a renewal, until levels have forgotten the former part

_NAMES = {code: name for name, code in POWERTRAIN_CODES.items()}


class HorizonExamples:
    """The examples of a catalogue's hazards."""

    def __init__(self, catalogue: Catalogue, layout: StateLayout) -> None:
        self._catalogue = catalogue
        self._kept = KeptReadings(catalogue, layout)
        # Of each hazard with readings: the columns of its features and their names.
        self._columns = {
            item: [(column, name) for column, (own, name) in enumerate(layout.kept) if own == item]
            for item in dict.fromkeys(own for own, _ in layout.kept)
        }

    def of(self, state: Record, record: ServiceRecord) -> list[TrainingExample]:
        """The examples that `record` makes of the moments in `state`; to be asked before the state hears of it.

        In place, the state remembers which moments have had their label. None comes of a record that may not teach.
        """
        examples: list[TrainingExample] = []
        for item, columns in self._columns.items():
            spec = self._catalogue.items[item]
            if spec.hazard is not None and spec.is_in(_NAMES[int(state["powertrain"])]):
                examples += self._of_item(state, record, item, spec.hazard, columns)
        return examples if record.teaches else []

    def _of_item(
        self, state: Record, record: ServiceRecord, item: str, hazard: HazardSpec, columns: list[tuple[int, str]]
    ) -> list[TrainingExample]:
        own, served_day = state["items"][item], record.performed_ms // DAY_MS
        is_own = record.item == item
        has_failed = is_own and outcome_of(record, hazard) == 1.0
        # Of a moment shortly before another renewal nobody knows what would have become.
        known_by = served_day if is_own else served_day - REPORTED_DAYS
        days = state["kept"]["day"].astype(np.int64)
        set_day = int(own["set_ms"]) // DAY_MS + SETTLED_DAYS if int(own["set_ms"]) != UNKNOWN else 0
        # How many horizons each moment stands for: those until the next.
        stands_for = np.diff(days, append=days[-1] + NEWEST_EVERY_DAYS) / hazard.decide_on_days
        examples, judged = [], int(own["judged_day"])
        for place in np.flatnonzero((days > judged) & (days >= set_day) & (days < served_day)).tolist():
            end_day = int(days[place]) + hazard.decide_on_days
            fails = has_failed and end_day >= served_day
            if not fails and end_day > known_by:
                continue
            judged = int(days[place])
            features = self._features(state, place, own, columns, hazard)
            if features:
                examples.append(
                    TrainingExample(
                        label_id=f"{record.record_id}/{item}/{judged}",
                        vehicle_id=record.vehicle_id,
                        item=item,
                        known_ms=record.performed_ms,
                        features=features,
                        target=float(fails),
                        made_ms=judged * DAY_MS,
                        counts_for=float(stands_for[place]),
                    )
                )
        own["judged_day"] = max(judged, served_day) if is_own and (has_failed or record.outcome.renews) else judged
        return examples

    def _features(
        self, state: Record, place: int, own: Record, columns: list[tuple[int, str]], hazard: HazardSpec
    ) -> dict[str, float]:
        """What was known at a moment; nothing where no reading was."""
        kept = state["kept"][place]
        values = self._kept.values(kept)
        features = {name: float(values[column]) for column, name in columns if not np.isnan(values[column])}
        born_ms = int(own["set_ms"]) if int(own["set_ms"]) != UNKNOWN else int(state["built_ms"])
        if features and born_ms > 0:
            years = max(0.0, (int(kept["day"]) - born_ms / DAY_MS) / YEAR_DAYS)
            features |= {feature.name: years for feature in hazard.features if feature.source == AGE_YEARS}
        return features


def outcome_of(record: ServiceRecord, hazard: HazardSpec) -> float | None:
    """1 for a failure, 0 for sound; what was replaced or measured counts by its reading, None where nothing tells."""
    target = {ServiceOutcome.FAILED: 1.0, ServiceOutcome.OK: 0.0}.get(record.outcome)
    if target is None and record.value is not None and np.isfinite(record.value) and record.value >= 0.0:
        if hazard.fails_below is not None and record.value < hazard.fails_below:
            return 1.0
        if hazard.sound_from is not None and record.value >= hazard.sound_from:
            return 0.0
    return target
