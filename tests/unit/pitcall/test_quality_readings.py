"""What Prometheus reads of model quality: the figures of the last 90 days, reckoned once a minute at most."""

from pathlib import Path

import pytest

from adapters.metrics import GAUGES
from adapters.records import open_records
from domain.prediction import ItemKind
from pitcall.quality_readings import KEPT_S, QualityReadings
from tests.support.labels import BATTERY, PADS, battery_label, pads_label
from tests.support.moments import DAY, NOW
from tests.support.town import Town


async def test_the_gauges_are_the_figures_of_the_last_ninety_days_and_stay_a_minute(tmp_path: Path) -> None:
    records = open_records(f"sqlite+aiosqlite:///{tmp_path / 'records.sqlite'}")
    await records.migrate()
    town, at_s = Town(records), [100.0]
    learning = [item for item, spec in town.office.catalogue.items.items() if spec.kind is not ItemKind.CALENDAR]
    quality = QualityReadings(town.office, lambda: at_s[0])
    try:
        before = await quality.take()
        assert before["pitcall_model_labels"] == dict.fromkeys(learning, 0.0)
        assert before["pitcall_model_coverage_ratio"] == before["pitcall_model_drift"] == {}
        assert set(before) <= set(GAUGES)
        async with records.unit_of_work() as uow:
            await uow.judged_labels.add(pads_label(known_ms=NOW - 200 * DAY, label_id="old", target=99.0))
            await uow.judged_labels.add(pads_label(is_drifting=True))
            await uow.judged_labels.add(battery_label(predicted=0.5))
        at_s[0] += KEPT_S - 1
        assert await quality.take() is before
        at_s[0] += 1
        found = await quality.take()
    finally:
        await records.close()
    assert found["pitcall_model_labels"] == dict.fromkeys(learning, 0.0) | {PADS: 2.0, BATTERY: 1.0}
    assert found["pitcall_model_recent_labels"] == dict.fromkeys(learning, 0.0) | {PADS: 1.0, BATTERY: 1.0}
    assert found["pitcall_model_coverage_ratio"] == {PADS: 1.0}
    assert found["pitcall_model_stated_coverage_ratio"] == {PADS: pytest.approx(0.9)}
    assert found["pitcall_model_window_width"] == {PADS: pytest.approx(1.6)}
    assert found["pitcall_model_brier_score"] == {BATTERY: pytest.approx(0.25)}
    assert found["pitcall_model_drift"] == {PADS: 1.0}
