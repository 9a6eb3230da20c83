"""A statement that is made once: SQLAlchemy writes it for PostgreSQL's driver, once for each set of columns."""

from __future__ import annotations

from sqlalchemy import bindparam, select, update

from adapters.records.repository import insert_new
from adapters.records.statement import Statement
from adapters.records.tables import needs, vehicles


def test_values_are_given_in_the_order_of_the_text_whatever_order_they_come_in() -> None:
    one = Statement(
        select(vehicles.c.make).where(
            vehicles.c.vehicle_id == bindparam("of_vehicle"), vehicles.c.model == bindparam("of_model")
        )
    )
    text, values = one.for_postgres({"of_model": "Eins", "of_vehicle": "car-1"})
    assert text.count("%s") == 2 and values == ["car-1", "Eins"]
    assert one.for_postgres({"of_vehicle": "car-2", "of_model": "Zwei"}) == (text, ["car-2", "Zwei"])


def test_what_is_written_goes_by_the_names_that_are_given() -> None:
    change = Statement(update(vehicles).where(vehicles.c.vehicle_id == bindparam("of_vehicle")))
    label, values = change.for_postgres({"of_vehicle": "car-1", "label": "mine"})
    assert "label=" in label.replace(" ", "") and "make" not in label and values == ["mine", "car-1"]
    both, values = change.for_postgres({"of_vehicle": "car-1", "label": "mine", "make": "Bauer"})
    assert "make" in both and sorted(values) == ["Bauer", "car-1", "mine"]


def test_values_that_stand_in_the_statement_itself_are_said_each_time() -> None:
    mixed = Statement(select(needs.c.need_id).where(needs.c.item == "engine_oil", needs.c.vehicle_id == bindparam("v")))
    assert mixed.for_postgres({"v": "car-1"})[1] == ["engine_oil", "car-1"]
    assert mixed.for_postgres({"v": "car-2"})[1] == ["engine_oil", "car-2"]


def test_an_insert_of_some_columns_names_those_alone() -> None:
    text, values = insert_new(vehicles, True).for_postgres({"vehicle_id": "car-1", "make": "Bauer"})
    assert "INSERT INTO vehicles (vehicle_id, make)" in text and "ON CONFLICT DO NOTHING" in text
    assert values == ["car-1", "Bauer"]
