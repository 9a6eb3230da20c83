"""Behind the party in every query stands PostgreSQL: who reads for one party is shown no other's row."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Connection, text

from adapters.records import open_records
from adapters.records.tables import metadata
from domain.errors import NotFound
from tests.support.moments import DAY
from tests.support.outlets import KeptReminders, KeptWebhooks, dispatch_deliveries
from tests.support.town import OIL, TOMORROW, Garage, Household, Town
from workflow import visit
from workflow.dossiers import car_dossier, cars_of, dealer_desk, desk_entry
from workflow.propose import send_proposal
from workflow.reminders import dispatch_reminders

pytestmark = pytest.mark.postgres

# Tables that have a customer or a dealer and no rule: who they are is what tells parties apart.
WHO = {"customers", "dealers", "accounts", "ownerships", "drivings", "machine_clients"}


@pytest.fixture
async def town(postgres_database: str) -> AsyncIterator[Town]:
    records = open_records(postgres_database)
    await records.migrate()
    try:
        yield Town(records)
    finally:
        await records.close()


async def lived(town: Town) -> tuple[Household, Garage]:
    """A household and a garage with a bit of everything."""
    home, garage = await town.household(), await town.garage()
    booked = await town.confirmed(home, garage)
    await visit.check_in(town.office, odometer_m=61_000_000, proposal_id=booked.proposal_id, **garage.party)
    await visit.complete(
        town.office,
        proposal_id=booked.proposal_id,
        odometer_m=61_000_000,
        findings=[visit.Finding("front_brake_pads", visit.ServiceOutcome.REPLACED, 4.0, "mm")],
        **garage.party,
    )
    draft = await town.draft(
        home, garage, await town.grant(home, garage), await town.need(home, OIL), start_ms=TOMORROW + DAY
    )
    await send_proposal(town.office, customer_id=home.id, proposal_id=draft.proposal_id)
    await dispatch_reminders(town.office, KeptReminders())
    await dispatch_deliveries(town.office, KeptWebhooks())
    return home, garage


def with_rules(connection: Connection) -> set[str]:
    found = connection.execute(
        text("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity AND relkind = 'r'")
    )
    return {row.relname for row in found}


def rows_of(table: str, column: str) -> Any:
    def read(connection: Connection) -> list[str | None]:
        return [row[0] for row in connection.execute(text(f"SELECT {column} FROM {table}"))]  # noqa: S608

    return read


async def test_every_table_with_a_party_has_a_rule_that_holds_for_its_owner_too(town: Town) -> None:
    of_parties = {
        table.name for table in metadata.sorted_tables if {"customer_id", "dealer_id"} & set(table.columns.keys())
    }
    async with town.records.unit_of_work() as uow:
        ruled = await uow.run_sync(with_rules)
    assert of_parties - WHO <= ruled
    assert {"needs", "assessments", "consent_versions"} <= ruled


@pytest.mark.parametrize(
    "table",
    ["consent_grants", "proposals", "proposal_steps", "service_records", "outbox", "letters", "timeline", "needs",
     "assessments", "resource_holds", "consent_versions"],
)  # fmt: skip
async def test_a_query_without_any_party_in_it_shows_a_party_its_own_rows_only(town: Town, table: str) -> None:
    mine, theirs = await lived(town), await lived(town)
    column = {
        "needs": "vehicle_id", "assessments": "vehicle_id", "letters": "customer_id", "resource_holds": "dealer_id",
        "consent_versions": "grant_id",
    }.get(table, "customer_id || coalesce(dealer_id, '')")  # fmt: skip
    async with town.records.unit_of_work() as uow:
        every = await uow.run_sync(rows_of(table, column))
    own, foreign = {mine[0].id, mine[1].id, mine[0].car_id}, {theirs[0].id, theirs[1].id, theirs[0].car_id}
    for party in (mine[0].id, mine[1].id):
        async with town.records.unit_of_work() as uow:
            await uow.show_only(party)
            seen = await uow.run_sync(rows_of(table, column))
        assert len(seen) < len(every), "the other's are not there"
        said = " ".join(str(one) for one in seen)
        assert not [one for one in foreign if one in said]
        if table != "consent_versions":
            assert all(one is None or any(known in one for known in own) for one in seen)
    async with town.records.unit_of_work() as uow:
        assert len(await uow.run_sync(rows_of(table, column))) == len(every), "and it ends with the transaction"


async def test_readers_see_what_they_saw_before(town: Town) -> None:
    (home, garage), (other, rival) = await lived(town), await lived(town)
    car = await car_dossier(town.office, customer_id=home.id, vehicle_id=home.car_id)
    assert (len(car.needs), len(car.proposals), len(car.service_records)) == (1, 2, 1)
    assert car.assessments and car.timeline and len(car.grants) == 5
    assert [one.vehicle_id for one in await cars_of(town.office, home.id)] == [home.car_id]
    desk = await dealer_desk(town.office, dealer_id=garage.id)
    entry = desk.entries[0]
    assert len(desk.entries) == 2
    assert (await desk_entry(town.office, dealer_id=garage.id, proposal_id=entry.proposal.proposal_id)).payload
    for foreign in (
        car_dossier(town.office, customer_id=other.id, vehicle_id=home.car_id),
        desk_entry(town.office, dealer_id=rival.id, proposal_id=entry.proposal.proposal_id),
    ):
        with pytest.raises(NotFound):
            await foreign
