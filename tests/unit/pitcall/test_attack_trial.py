"""One lying car costs the others less than a point: thousands of labels, ids again and again, readings at the edge."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.catalogue_file import load_catalogue
from pitcall.attack_trial import Attack, Scores, attack_trial

CARS, SEED, LIES = 50, 1, 10
STYLES = ("worn", "sound", "alternating")
ATTACKS = [Attack(style, LIES) for style in STYLES] + [Attack(style, 4 * LIES, is_inside=True) for style in STYLES]


@pytest.fixture(scope="module")
def outcome() -> tuple[Scores, dict[Attack, Scores]]:
    catalogue = load_catalogue(Path(__file__).parents[3] / "pitcall" / "data" / "car.yaml")
    honest, attacked = attack_trial(catalogue, CARS, SEED, ATTACKS)
    return honest, dict(zip(ATTACKS, attacked, strict=True))


def test_without_a_liar_the_cars_are_predicted_well(outcome: tuple[Scores, dict[Attack, Scores]]) -> None:
    honest, _ = outcome
    assert honest.wear > 85 and honest.covered >= 88 and honest.hazard > 80
    assert honest.labels == 2 * CARS


@pytest.mark.parametrize("attack", ATTACKS[:3], ids=STYLES)
def test_a_lying_car_costs_the_others_less_than_a_point(
    outcome: tuple[Scores, dict[Attack, Scores]], attack: Attack
) -> None:
    honest, attacked = outcome[0], outcome[1][attack]
    assert attacked.labels > 3 * honest.labels / 2 + CARS, "its lies were learnt, not merely refused"
    assert honest.wear - attacked.wear < 1
    assert honest.hazard - attacked.hazard < 1
    assert honest.covered - attacked.covered < 1
    assert attacked.width < 1.25 * honest.width


@pytest.mark.parametrize("attack", ATTACKS[3:], ids=STYLES)
def test_even_labels_of_its_own_making_bend_the_models_little(
    outcome: tuple[Scores, dict[Attack, Scores]], attack: Attack
) -> None:
    """No car can send these: they stand behind the edge and the fold, and there from before the first honest label."""
    honest, attacked = outcome[0], outcome[1][attack]
    assert honest.wear - attacked.wear < 6
    assert honest.hazard - attacked.hazard < 1
    assert attacked.width < 1.5 * honest.width


def test_a_style_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="one of worn, sound, alternating, not polite"):
        attack_trial(load_catalogue(Path("pitcall/data/car.yaml")), 1, 0, [Attack("polite")])
