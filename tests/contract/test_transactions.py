"""One unit of work is one transaction: all or nothing, and never half of another's."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from adapters.records import Records, open_records
from domain.consent import GrantEnd
from domain.errors import Conflict, InvalidInput, TryAgain, Unavailable
from domain.need import NeedState
from domain.people import Account, Role
from tests.contract.samples import CAR, DEALER, GRANT, NOW, OWNER, event, need, proposal, settle, step
from tests.servers import postgres
from workflow.outbox_rows import Reminder


async def test_an_error_leaves_nothing_behind(records: Records) -> None:
    with pytest.raises(LookupError):
        async with records.unit_of_work() as work:
            await work.vehicles.add(CAR)
            await work.needs.add(need())
            await work.outbox.put(Reminder("r", "o", "v", (), "s", "t"), NOW)
            await work.timeline.append(event("e"))
            raise LookupError
    async with records.unit_of_work() as work:
        assert await work.vehicles.count() == 0
        assert await work.needs.of_vehicle(CAR.vehicle_id) == []
        assert await work.outbox.waiting(NOW) == 0
        assert await work.timeline.newest_seq() == 0


async def test_a_task_that_is_cancelled_leaves_nothing_and_blocks_nobody(records: Records) -> None:
    written = asyncio.Event()

    async def never_ends() -> None:
        async with records.unit_of_work() as work:
            await work.vehicles.add(CAR)
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(never_ends())
    await written.wait()
    waiting = asyncio.create_task(_add(records))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await waiting
    async with records.unit_of_work() as work:
        assert await work.vehicles.count() == 1


async def _add(records: Records) -> None:
    async with records.unit_of_work() as work:
        await work.vehicles.add(CAR)


async def test_a_reference_to_nobody_is_a_conflict_at_the_end(records: Records) -> None:
    with pytest.raises(Conflict):
        async with records.unit_of_work() as work:
            await work.people.add_account(Account("a", Role.OWNER, "a@example.test", "h", customer_id="nobody"))
    async with records.unit_of_work() as work:
        assert await work.people.account("a") is None


async def test_what_refers_to_each_other_may_be_written_in_any_order(records: Records) -> None:
    async with records.unit_of_work() as work:
        await work.proposals.add(proposal())
        await work.proposals.add_step(step())
        await work.consents.add(GRANT)
        await work.people.add_dealer(DEALER)
        await work.people.add_customer(OWNER)
        await work.vehicles.add(CAR)
    async with records.unit_of_work() as work:
        assert await work.proposals.get("proposal-1") == proposal()


async def test_a_consent_that_is_locked_is_not_withdrawn_before_the_commit(records: Records) -> None:
    await settle(records)
    order: list[str] = []

    async def withdraw() -> None:
        async with records.unit_of_work() as work:
            grant = await work.consents.get(GRANT.grant_id, lock=True)
            assert grant is not None
            await work.consents.update(grant.ended(GrantEnd.WITHDRAWN, NOW + 1))
            order.append("withdrawn")

    async with records.unit_of_work() as work:
        grant = await work.consents.get(GRANT.grant_id, lock=True)
        assert grant is not None
        assert grant.is_live(NOW)
        task = asyncio.create_task(withdraw())
        await _until_it_waits(records, task)
        order.append("sent under the consent")
    await task
    assert order == ["sent under the consent", "withdrawn"]
    async with records.unit_of_work() as work:
        assert await work.consents.live(CAR.vehicle_id, GRANT.purpose, NOW) == []


async def _until_it_waits(records: Records, task: asyncio.Task[None]) -> None:
    """Until the task stands in a queue: the database's on PostgreSQL, ours in front of SQLite."""
    if records.engine.dialect.name == "sqlite":
        for _ in range(50):
            await asyncio.sleep(0)
        assert not task.done()
        return
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with asyncio.timeout(30), records.engine.connect() as connection:
        while not task.done() and (await connection.execute(waiting)).scalar_one() == 0:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.01)


async def test_two_changes_of_one_need_at_once_are_both_seen(records: Records) -> None:
    async with records.unit_of_work() as work:
        await work.needs.add(need())
    tries = 0

    async def weigh() -> None:
        nonlocal tries
        tries += 1
        async with records.unit_of_work() as work:
            found = await work.needs.get("need-1")
            assert found is not None
            await asyncio.sleep(0)
            contrary = need(contrary=found.contrary + 1)
            await work.needs.update(contrary)

    await asyncio.gather(*(records.run(weigh) for _ in range(4)))

    async with records.unit_of_work() as work:
        assert await work.needs.get("need-1") == need(contrary=4)
    assert tries >= 4


async def test_what_collides_is_run_again_five_times_and_then_told(records: Records) -> None:
    tries = 0

    async def collide() -> None:
        nonlocal tries
        tries += 1
        raise TryAgain("others were faster")

    with pytest.raises(Conflict, match="faster"):
        await records.run(collide)
    assert tries == 5

    async def refuse() -> None:
        nonlocal tries
        tries += 1
        raise Conflict("that is so")

    with pytest.raises(Conflict, match="so"):
        await records.run(refuse)
    assert tries == 6


async def test_a_deadlock_is_untied_and_both_get_their_way(records: Records) -> None:
    async with records.unit_of_work() as work:
        await work.needs.add(need())
        await work.needs.add(need(need_id="need-2", item="engine_oil"))
    both_hold_one = asyncio.Barrier(2)
    is_first_round = records.engine.dialect.name == "postgresql"

    def change(first: str, second: str) -> Callable[[], Awaitable[None]]:
        is_first = is_first_round

        async def run() -> None:
            nonlocal is_first
            async with records.unit_of_work() as work:
                for need_id in (first, second):
                    found = await work.needs.get(need_id)
                    assert found is not None
                    await work.needs.update(
                        found.to(NeedState.SNOOZED, NOW, until_ms=NOW) if need_id == first else found
                    )
                    if is_first:
                        is_first = False
                        await both_hold_one.wait()

        return run

    await asyncio.gather(records.run(change("need-1", "need-2")), records.run(change("need-2", "need-1")))

    async with records.unit_of_work() as work:
        for need_id in ("need-1", "need-2"):
            found = await work.needs.get(need_id)
            assert found is not None
            assert found.state is NeedState.SNOOZED


async def test_a_unit_of_work_is_not_opened_twice(records: Records) -> None:
    work = records.unit_of_work()
    async with work:
        with pytest.raises(RuntimeError):
            await work.__aenter__()
    with pytest.raises(RuntimeError):
        await work.__aexit__(None, None, None)
    with pytest.raises(RuntimeError):
        await work.run_sync(lambda _connection: None)


async def test_a_unit_of_work_inside_another_is_told_instead_of_waiting_for_itself(records: Records) -> None:
    if records.engine.dialect.name == "postgresql":
        # There each has its own connection, and only a row that both want would show it.
        async with records.unit_of_work(), records.unit_of_work() as work:
            assert await work.vehicles.count() == 0
        return
    async with records.unit_of_work():
        with pytest.raises(RuntimeError, match="inside another"):
            async with records.unit_of_work():
                pass
    assert (await records.ping()).startswith("SQLite 3.")


async def test_the_server_names_itself(records: Records) -> None:
    name, version = (await records.ping()).split()
    assert name in ("SQLite", "PostgreSQL")
    assert version[0].isdigit()


async def test_a_file_that_cannot_be_opened_or_is_no_database_is_unavailable(tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Sir or Madam, " * 100)
    for path in (tmp_path / "missing" / "records.db", tmp_path, letter):
        records = open_records(f"sqlite:///{path}")
        try:
            for _ in range(2):
                with pytest.raises(Unavailable):
                    await records.ping()
        finally:
            await records.close()


@pytest.mark.postgres
async def test_a_server_that_went_away_is_unavailable_and_back_when_it_is_back(
    postgres_cluster: postgres.Cluster, postgres_database: str
) -> None:
    records = open_records(postgres_database, connections=2)
    database = postgres_database.rpartition("/")[2]
    try:
        await records.migrate()
        with pytest.raises(Unavailable):
            async with records.unit_of_work() as work:
                assert await work.vehicles.count() == 0
                with postgres_cluster.superuser() as superuser:
                    superuser.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database]
                    )
                await work.vehicles.count()
        await records.ping()
        with postgres_cluster.superuser() as superuser:
            superuser.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database])
            while superuser.execute("SELECT 1 FROM pg_stat_activity WHERE datname = %s", [database]).fetchone():
                pass
        # It died while it lay idle, and only just: whoever comes next is given another.
        await records.ping()
        nowhere = open_records("postgresql://pitcall:pitcall@127.0.0.1:9/pitcall")
        with pytest.raises(Unavailable):
            await nowhere.ping()
        await nowhere.close()
    finally:
        await records.close()


@pytest.mark.parametrize("url", ["", "mysql://x/y", "nonsense", "sqlite://", "sqlite:///:memory:", "postgresql://host"])
def test_a_url_of_no_database_we_know_is_refused_with_the_way_out(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        open_records(url)
    assert refused.value.field == "database_url"
    assert "postgresql+psycopg://" in refused.value.fix


async def test_what_sqlite_has_acknowledged_survives_a_power_cut(tmp_path: Path) -> None:
    """At its word: with WAL and synchronous=FULL every commit is synced (https://www.sqlite.org/pragma.html)."""
    records = open_records(f"sqlite:///{tmp_path / 'records.db'}")
    try:
        async with records.engine.connect() as connection:
            settings = {
                name: (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            }
    finally:
        await records.close()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.mark.postgres
async def test_of_two_that_deadlock_one_is_run_again_and_both_succeed(postgres_database: str) -> None:
    records = open_records(postgres_database)
    await records.migrate()
    async with records.unit_of_work() as work:
        for need_id, vehicle_id in (("need-1", "car-a"), ("need-2", "car-b")):
            await work.needs.add(need(need_id=need_id, vehicle_id=vehicle_id))
    both_hold_one, tries = asyncio.Barrier(2), 0

    async def cross(first: str, second: str) -> None:
        nonlocal tries
        tries += 1
        is_meeting = tries <= 2  # whoever is run again comes alone
        async with records.unit_of_work() as work:
            await work.run_sync(lambda connection: connection.execute(_LOCK, {"id": first}))
            if is_meeting:
                await both_hold_one.wait()
            await work.run_sync(lambda connection: connection.execute(_LOCK, {"id": second}))

    try:
        await asyncio.gather(
            records.run(lambda: cross("need-1", "need-2")), records.run(lambda: cross("need-2", "need-1"))
        )
    finally:
        await records.close()
    assert tries == 3


@pytest.mark.postgres
async def test_a_serialisation_failure_is_a_conflict_that_may_be_tried_again(postgres_database: str) -> None:
    records = open_records(postgres_database)
    await records.migrate()
    async with records.unit_of_work() as work:
        await work.needs.add(need())
    try:
        with pytest.raises(TryAgain):
            async with records.unit_of_work() as late:
                await late.run_sync(lambda c: c.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")))
                await late.needs.get("need-1")
                async with records.unit_of_work() as early:
                    await early.run_sync(lambda connection: connection.execute(_TOUCH))
                await late.run_sync(lambda connection: connection.execute(_TOUCH))
    finally:
        await records.close()


_LOCK = text("SELECT 1 FROM needs WHERE need_id = :id FOR UPDATE")
_TOUCH = text("UPDATE needs SET need_id = need_id")
