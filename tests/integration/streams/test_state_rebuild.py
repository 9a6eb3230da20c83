"""States on disk that are wiped and read from the changelog again are the same to the bit."""

import pytest

from domain.errors import Conflict, NotFound
from streams.app import states_folder
from streams.disk_store import DiskStore
from streams.state_rebuild import rebuild_states
from streams.topics import changelog_name
from tests.integration.streams.conftest import all_handled, append, records
from tests.integration.streams.counting import PARTITIONS, TABLE, Place

States = dict[int, tuple[dict[bytes, bytes], int | None]]


def store_of(place: Place) -> DiskStore:
    return DiskStore(states_folder(place.data_dir / "worker", TABLE), PARTITIONS)


def contents(store: DiskStore) -> States:
    store.open()
    for partition in store.kept():
        store.hold(partition)
    found: States = {
        partition: (dict(store.items(partition)), store.complete_to(partition)) for partition in store.kept()
    }
    store.close()
    return found


async def test_rebuilt_states_are_the_same_and_a_worker_goes_on_with_them(place: Place) -> None:
    place.is_on_disk = True
    store, changelog = store_of(place), changelog_name(TABLE, place.app_id)
    with pytest.raises(NotFound, match=r"no states are kept in .*counts"):
        await rebuild_states(store, place.broker_url, changelog, lambda _: None)
    async with place.worker() as worker:
        await append(place, records(place, 5_000, keys=300))
        await all_handled(place)
        counts = worker.counts()
        with pytest.raises(Conflict, match="counts is in use by another process"):
            await rebuild_states(store, place.broker_url, changelog, lambda _: None)
    before = contents(store)
    # As if the files were wrong in a way that nothing finds.
    store.open()
    store.hold(0)
    store.apply(0, [(b"car-nobody", b"{}"), *((key, b'{"count": 7}') for key in before[0][0])], 1_000_000)
    store.close()
    assert contents(store) != before
    read: list[int] = []
    told = await rebuild_states(store, place.broker_url, changelog, read.append)
    assert told == {"partitions": PARTITIONS, "states": 300, "records_read": read[-1]}
    assert contents(store) == before
    async with place.worker() as worker:
        await append(place, records(place, 1, keys=1))
        await all_handled(place)
        assert worker.counts() == counts | {"car-0": counts["car-0"] + 1}
        assert worker.table.records_read() == 0
