"""A statement that is made once: SQLAlchemy writes it for the driver, once for each set of columns."""

from __future__ import annotations

from sqlalchemy import bindparam, select, update

from adapters.records.repository import insert_new
from adapters.records.statement import Statement
from adapters.records.tables import drivings, needs, vehicles


def test_values_are_given_in_the_order_of_the_text_whatever_order_they_come_in() -> None:
    one = Statement(
        select(vehicles.c.make).where(
            vehicles.c.vehicle_id == bindparam("of_vehicle"), vehicles.c.model == bindparam("of_model")
        )
    )
    text, values = one.for_driver({"of_model": "Eins", "of_vehicle": "car-1"}, is_postgres=True)
    assert text.count("%s") == 2 and values == ["car-1", "Eins"]
    assert one.for_driver({"of_vehicle": "car-2", "of_model": "Zwei"}, is_postgres=True) == (text, ["car-2", "Zwei"])


def test_what_is_written_goes_by_the_names_that_are_given() -> None:
    change = Statement(update(vehicles).where(vehicles.c.vehicle_id == bindparam("of_vehicle")))
    label, values = change.for_driver({"of_vehicle": "car-1", "label": "mine"}, is_postgres=True)
    assert "label=" in label.replace(" ", "") and "make" not in label and values == ["mine", "car-1"]
    both, values = change.for_driver({"of_vehicle": "car-1", "label": "mine", "make": "Bauer"}, is_postgres=True)
    assert "make" in both and sorted(values) == ["Bauer", "car-1", "mine"]


def test_values_that_stand_in_the_statement_itself_are_said_each_time() -> None:
    mixed = Statement(select(needs.c.need_id).where(needs.c.item == "engine_oil", needs.c.vehicle_id == bindparam("v")))
    assert mixed.for_driver({"v": "car-1"}, is_postgres=True)[1] == ["engine_oil", "car-1"]
    assert mixed.for_driver({"v": "car-2"}, is_postgres=True)[1] == ["engine_oil", "car-2"]


def test_an_insert_of_some_columns_names_those_alone() -> None:
    text, values = insert_new(vehicles, True).for_driver({"vehicle_id": "car-1", "make": "Bauer"}, is_postgres=True)
    assert "INSERT INTO vehicles (vehicle_id, make)" in text and "ON CONFLICT DO NOTHING" in text
    assert values == ["car-1", "Bauer"]


def test_sqlites_driver_gets_its_own_marks_and_its_rows_come_with_the_columns_types() -> None:
    who = Statement(
        select(drivings.c.vehicle_id, drivings.c.may_book).where(drivings.c.customer_id == bindparam("who"))
    )
    text, values = who.for_driver({"who": "driver-1"}, is_postgres=False)
    assert "?" in text and "%s" not in text and values == ["driver-1"]
    (row,) = who.rows([("car-1", 1)])
    assert (row.vehicle_id, row.may_book) == ("car-1", True) and row.may_book is True
    assert who.returns_rows and not Statement(update(vehicles)).returns_rows
