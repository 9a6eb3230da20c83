"""What may run: a catalogue each of whose items a running Pitcall can speak of."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.catalogue_file import load_catalogue, load_live_catalogue
from domain.errors import InvalidInput
from pitcall.settings import DATA

MACHINE = """
signals: {pressure: {unit: bar, range: [0, 40]}}
items:
  seal: {kind: hazard, horizons: [P7D], action_probability: 0.3}
  bearing: {kind: wear, unit: h}
  grease: {kind: calendar, interval: P24M}
"""


def test_what_is_learnt_from_signals_alone_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "machine.yaml"
    path.write_text(MACHINE)
    assert load_catalogue(path).learnt == ("seal", "bearing")
    with pytest.raises(InvalidInput, match=r"machine\.yaml: seal, bearing: .* give it rates") as refused:
        load_live_catalogue(path)
    assert refused.value.field == "items.seal"


def test_a_catalogue_that_names_everything_runs(tmp_path: Path) -> None:
    path = tmp_path / "machine.yaml"
    path.write_text("\n".join(line for line in MACHINE.splitlines() if "seal" not in line and "bearing" not in line))
    assert list(load_live_catalogue(path).items) == ["grease"]
    assert load_live_catalogue(DATA / "car.yaml").learnt == ()
