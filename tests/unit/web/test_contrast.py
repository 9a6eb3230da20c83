"""Text is legible: every pair of text and ground of the tokens meets WCAG 2.2 AA, in light and in dark."""

import re
from pathlib import Path

import pytest

TOKENS = (Path(__file__).parents[3] / "web" / "static" / "tokens.css").read_text(encoding="utf-8")
PAIRS = [
    *[(text, ground) for text in ("ink", "muted", "brand") for ground in ("ground", "surface", "sunken")],
    ("on-brand", "brand"),
    ("on-brand", "brand-strong"),
    ("ink", "brand-soft"),
    *[(tone, f"{tone}-soft") for tone in ("fine", "advisory", "soon", "urgent")],
    *[(tone, "surface") for tone in ("fine", "advisory", "soon", "urgent")],
]
FIGURE_PAIRS = [("line-strong", "surface"), ("brand", "sunken"), ("soon", "surface")]


def _colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))


def _luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


LIGHT = _colours(TOKENS.split("@media (prefers-color-scheme: dark)")[0])
DARK = LIGHT | _colours(TOKENS.split("@media (prefers-color-scheme: dark)")[1])


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_stands_out_from_its_ground(scheme: dict[str, str], text: str, ground: str) -> None:
    assert _contrast(scheme[text], scheme[ground]) >= 4.5


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("mark", "ground"), FIGURE_PAIRS)
def test_marks_in_figures_and_edges_of_fields_stand_out(scheme: dict[str, str], mark: str, ground: str) -> None:
    assert _contrast(scheme[mark], scheme[ground]) >= 3
