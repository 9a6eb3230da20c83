"""The settings of a case, and how its mistakes are told."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.backtest_case import CaseMistake, CaseSettings, Decide, InvalidCase, read_case_settings
from domain.field_reader import FieldReader
from domain.iso_time import DAY_MS, HOUR_MS


def test_settings_are_read_whether_yaml_made_dates_of_their_texts_or_not() -> None:
    for start in ("1970-01-02", datetime(1970, 1, 2, tzinfo=UTC), datetime(1970, 1, 2).date()):  # noqa: DTZ001
        reader = FieldReader()
        values = {"decide": {"every": "PT3H", "from": start, "to": "1970-01-05T00:00Z"}, "source": "our own"}
        assert read_case_settings(values, "folder", reader) == CaseSettings(
            "folder", Decide(3 * HOUR_MS, DAY_MS, 4 * DAY_MS, None)
        )
        assert not reader.mistakes


def test_all_mistakes_of_the_settings_are_noted() -> None:
    reader = FieldReader()
    read_case_settings({"name": 3, "decide": {"every": 3, "from": 4, "stale_after": True}}, "folder", reader)
    assert dict(reader.mistakes) == {
        "name": "must be text",
        "decide.every": "3 must be ISO 8601 text",
        "decide.from": "4 must be ISO 8601 text",
        "decide.to": "is missing",
        "decide.stale_after": "True must be ISO 8601 text",
    }


def test_a_mistake_names_file_and_row() -> None:
    assert str(CaseMistake("services.csv", 7, "is odd")) == "services.csv:7: is odd"
    assert str(CaseMistake("services.csv", None, "is odd")) == "services.csv: is odd"


def test_fifty_mistakes_are_shown_and_the_rest_is_counted() -> None:
    mistakes = [CaseMistake("telemetry.csv", row, "is odd") for row in range(60)]
    error = InvalidCase(mistakes, 1000)
    lines = str(error).split("\n")
    assert lines[0] == "the case has 1000 mistakes:"
    assert len(lines) == 52 and lines[-1].strip() == "and 950 more"
    assert (error.field, error.fix, len(error.mistakes)) == ("telemetry.csv", "is odd", 60)
    assert str(InvalidCase(mistakes[:1])).startswith("the case has 1 mistake:")
