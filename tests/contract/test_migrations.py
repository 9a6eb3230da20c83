"""The schema that the migrations make is the one the repositories know, on either database."""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.exc import DBAPIError

from adapters.records import Records, open_records
from adapters.records.tables import metadata
from domain.errors import SlotTaken
from domain.slot import Slot
from tests.contract.samples import (
    ACCOUNT,
    CAR,
    DAY,
    DEALER,
    HOUR,
    NOW,
    OWNER,
    VIN,
    event,
    need,
    prediction,
    proposal,
    service_record,
    settle,
    step,
)
from tests.support.labels import pads_label
from workflow.outbox_rows import AttemptEnd, Delivery, DeliveryAttempt, TopicMessage
from workflow.ports import KeptCall, KeptReply

BEFORE_CLAIMS = "0003"


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


def _names(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


async def test_the_migrated_schema_is_the_one_the_repositories_know(records: Records) -> None:
    async with records.unit_of_work() as work:
        assert await work.run_sync(_differences) == []


async def test_migrating_again_changes_nothing_and_going_back_leaves_nothing(records: Records) -> None:
    await settle(records)
    await records.migrate()
    async with records.unit_of_work() as work:
        assert await work.vehicles.get(CAR.vehicle_id) == CAR
    await records.downgrade()
    async with records.unit_of_work() as work:
        assert await work.run_sync(_names) == {"alembic_version"}
    await records.migrate()
    async with records.unit_of_work() as work:
        assert await work.vehicles.count() == 0
        assert await work.run_sync(_differences) == []


async def test_the_ledger_can_be_taken_back_and_brought_in_again_beside_what_was_there(records: Records) -> None:
    await settle(records)
    await records.downgrade("0002")
    async with records.unit_of_work() as work:
        assert "judged_labels" not in await work.run_sync(_names)
    await records.migrate()
    async with records.unit_of_work() as work:
        assert await work.vehicles.get(CAR.vehicle_id) == CAR
        assert await work.judged_labels.add(pads_label())
        assert await work.run_sync(_differences) == []


async def test_replies_under_a_key_outlive_the_way_to_claims_and_back(records: Records) -> None:
    await settle(records)
    reply = KeptReply(201, '{"ok": true}')
    async with records.unit_of_work() as work:
        for caller, key in ((ACCOUNT.account_id, "k"), (ACCOUNT.account_id, "open"), ("client-1", "k")):
            await work.idempotency.claim(caller, key, "print", now_ms=NOW, until_ms=NOW + 9)
            if key == "k":
                await work.idempotency.keep(caller, key, reply, until_ms=NOW + 9)
    await records.downgrade(BEFORE_CLAIMS)
    async with records.unit_of_work() as work:
        assert "idempotent_replies" in await work.run_sync(_names)
    await records.migrate()
    async with records.unit_of_work() as work:
        assert await work.run_sync(_differences) == []
        kept = await work.idempotency.claim(ACCOUNT.account_id, "k", "other", now_ms=NOW, until_ms=NOW + 9)
        assert kept == KeptCall("print", reply)
        for caller, key in ((ACCOUNT.account_id, "open"), ("client-1", "k")):
            assert await work.idempotency.claim(caller, key, "print", now_ms=NOW, until_ms=NOW + 9) is None


async def _documents(records: Records, query: str) -> list[Any]:
    async with records.engine.connect() as connection:
        return [tuple(row) for row in (await connection.execute(text(query))).all()]


async def test_holds_and_hours_go_back_to_bays_and_one_span_a_day_and_come_again(records: Records) -> None:
    await settle(records)
    slot = Slot(NOW + DAY, NOW + DAY + HOUR, "bay-1", "T1", "loaner-1")
    async with records.unit_of_work() as work:
        await work.proposals.add(proposal(slot=slot))
        await work.holds.hold(DEALER.dealer_id, "proposal-1", [slot])
    await records.downgrade("0003")
    held = await _documents(records, "SELECT dealer_id, bay_id, start_ms, end_ms, proposal_id FROM bay_holds")
    assert held == [(DEALER.dealer_id, "bay-1", slot.start_ms, slot.end_ms, "proposal-1")]
    [(document,)] = await _documents(records, "SELECT document FROM dealers")
    before = json.loads(document)
    assert before["hours"] == {
        "time_zone": "Europe/Berlin",
        "days": {"mon": ["08:00:00", "17:30:00"], "sat": ["09:00:00", "12:00:00"]},
    }
    assert before.keys().isdisjoint({"technicians", "loaners"})
    overlap = "INSERT INTO bay_holds (dealer_id, bay_id, start_ms, end_ms, proposal_id) SELECT dealer_id, bay_id,"
    with pytest.raises(DBAPIError, match="bay_holds_no_overlap"):
        async with records.engine.begin() as connection:
            await connection.execute(text(f"{overlap} start_ms + 1, end_ms, proposal_id FROM bay_holds"))
    await records.migrate()
    async with records.unit_of_work() as work:
        assert await work.run_sync(_differences) == []
        assert await work.holds.busy(DEALER.dealer_id, NOW, NOW + 9 * DAY) == [slot.holds[0]]
        found = await work.people.dealer(DEALER.dealer_id)
        assert found is not None
        assert found.hours.days["mon"] == ((time(8), time(17, 30)),)
        assert found.site.technicians == found.site.loaners == ()
        with pytest.raises(SlotTaken):
            await work.holds.hold(DEALER.dealer_id, "proposal-2", [slot])


async def test_events_are_counted_on_through_the_migration_of_their_counts(records: Records) -> None:
    async def append(*event_ids: str) -> dict[str, int]:
        async with records.unit_of_work() as work:
            for event_id in event_ids:
                await work.timeline.append(event(event_id))
        async with records.unit_of_work() as work:
            return await work.timeline.count()

    kind = event("e").kind
    assert await append("e-1", "e-2", "e-1") == {kind: 2}
    await records.downgrade("0009")
    await records.migrate()
    assert await append("e-2", "e-3") == {kind: 3}


async def test_deliveries_that_wait_keep_their_order_through_the_migration_and_are_tried_again_before_it(
    records: Records,
) -> None:
    first = Delivery("proposal-1:2", DEALER.dealer_id, "grant-1", "proposal.sent", "{}", subject="proposal-1")
    second, dropped = replace(first, delivery_id="proposal-1:3"), replace(first, delivery_id="proposal-2:2")
    async with records.unit_of_work() as work:
        for one in (first, second, replace(dropped, subject="proposal-2")):
            await work.outbox.put(one, NOW)
        given_up, gone = await work.deliveries.claim(9, NOW, 1, per_dealer=9)
        await work.deliveries.end([AttemptEnd(given_up, DeliveryAttempt(NOW, NOW, "away"))])
        await work.outbox.drop(gone.outbox_id, "the consent was withdrawn", NOW)
    await records.downgrade("0005")
    query = "SELECT outbox_id, message_key, done_ms, dropped_reason FROM outbox ORDER BY outbox_id"
    rows = await _documents(records, query)
    assert [row[1:] for row in rows] == [(None, None, None)] * 2 + [(None, None, "the consent was withdrawn")]
    await records.migrate()
    async with records.unit_of_work() as work:
        assert await work.run_sync(_differences) == []
        (again,) = await work.deliveries.claim(9, NOW + 1, 1, per_dealer=9)
        assert (again.delivery, again.attempts) == (first, ())
        await work.deliveries.end([AttemptEnd(again, DeliveryAttempt(NOW, NOW, ""))])
        (next_one,) = await work.deliveries.claim(9, NOW + 1, 1, per_dealer=9)
        assert next_one.delivery == second


async def test_several_processes_may_migrate_at_once(empty_records: Records) -> None:
    url = empty_records.engine.url.render_as_string(hide_password=False)
    several = [open_records(url) for _ in range(3)]
    try:
        await asyncio.gather(*(records.migrate() for records in several))
        async with several[0].unit_of_work() as work:
            assert await work.run_sync(_differences) == []
    finally:
        for records in several:
            await records.close()


async def test_a_migration_that_fails_leaves_the_schema_as_it_was(
    empty_records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ArithmeticError

    from adapters.records import migrating

    whole = migrating.upgrade

    def upgrade_and_fail(connection: Connection, revision: str = "head") -> None:
        whole(connection, revision)
        fail()

    monkeypatch.setattr(migrating, "upgrade", upgrade_and_fail)
    with pytest.raises(ArithmeticError):
        await empty_records.migrate()
    async with empty_records.unit_of_work() as work:
        assert await work.run_sync(_names) == set()


async def test_who_a_car_belongs_to_stands_in_the_tables_of_persons_only(records: Records) -> None:
    await settle(records)
    async with records.unit_of_work() as work:
        await work.needs.add(need())
        await work.assessments.upsert([prediction()])
        await work.assessments.keep_evidence(prediction(), "need opened", NOW)
        await work.proposals.add(proposal())
        await work.proposals.add_step(step())
        await work.service_records.add(service_record(), "proposal-1")
        await work.judged_labels.add(pads_label(vehicle_id=CAR.vehicle_id))
        await work.timeline.append(event("e-1", customer_id=OWNER.customer_id, dealer_id=DEALER.dealer_id))
        await work.outbox.put(TopicMessage("domain-events", CAR.vehicle_id, b"{}"), NOW)
        await work.outbox.put(Delivery("d", DEALER.dealer_id, "grant-1", "proposal.sent", "{}"), NOW)
        await work.idempotency.claim(ACCOUNT.account_id, "k", "f", now_ms=NOW, until_ms=NOW + 1)
    personal = {"vehicles", "customers", "accounts", "dealers"}
    secrets = (VIN, OWNER.name, OWNER.email, DEALER.name, DEALER.address)
    async with records.engine.connect() as connection:
        for table in metadata.sorted_tables:
            content = str((await connection.execute(select(table))).all()).lower()
            found = [secret for secret in secrets if secret.lower() in content]
            assert not found or table.name in personal, table.name
            assert "vin" not in table.c or table.name in personal


def test_all_that_open_a_new_file_at_once_get_it(tmp_path: Path) -> None:
    """Each makes it a file with a write-ahead log, for which SQLite itself does not wait."""
    together = threading.Barrier(6)

    def open_it(file: Path) -> None:
        async def look() -> None:
            records = open_records(f"sqlite+aiosqlite:///{file}")
            try:
                await records.ping()
            finally:
                await records.close()

        together.wait()
        asyncio.run(look())

    with ThreadPoolExecutor(6) as pool:
        for n in range(120):
            opened = [pool.submit(open_it, tmp_path / f"{n}.sqlite") for _ in range(6)]
            assert [one.exception() for one in opened] == [None] * 6
