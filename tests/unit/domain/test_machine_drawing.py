"""The drawing in the docs is what the table says."""

from pathlib import Path

from domain.proposal import TRANSITIONS
from tools.draw_booking_machine import machine_text

FILE = Path(__file__).parents[3] / "docs" / "booking-machine.md"


def test_the_file_is_what_the_program_draws() -> None:
    again = "run `python -m tools.draw_booking_machine > docs/booking-machine.md`"
    assert FILE.read_text(encoding="utf-8") == machine_text(), again


def test_every_arrow_stands_in_it_once() -> None:
    text = machine_text()
    for source, target in TRANSITIONS:
        names = [str(state).replace("-", "_") for state in (source, target)]
        assert text.count(f"    {names[0]} --> {names[1]}: ") == 1
