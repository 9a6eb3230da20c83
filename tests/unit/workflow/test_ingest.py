"""The road in: acknowledged only when the log has it, and only while the owner wants predictions."""

from __future__ import annotations

import json

import pytest

from domain.consent import Purpose
from domain.errors import Forbidden, InvalidInput, TooLarge, Unavailable
from tests.support.outlets import KeptUploads
from tests.support.town import Household, Town
from workflow.consents import consents_of, withdraw_consent
from workflow.ingest import CONSENT_TRUST_MS, Ingest
from workflow.messages import decode_attributes
from workflow.upload_codec import MAX_UPLOAD_BYTES

SPEED, LATITUDE = "Vehicle.Speed", "Vehicle.CurrentLocation.Latitude"


def body(signals: dict[str, list[float]] | None = None, seq: int = 1) -> bytes:
    whole = {
        "schema": 1,
        "boot_id": "boot-a",
        "seq": seq,
        "start_ms": 1_759_700_000_000,
        "offsets_ms": [0, 1000],
        "signals": signals or {SPEED: [1.0, 2.0]},
    }
    return json.dumps(whole).encode()


@pytest.fixture
def log() -> KeptUploads:
    return KeptUploads()


@pytest.fixture
def ingest(town: Town, log: KeptUploads) -> Ingest:
    return Ingest(town.office, log)


async def withdraw_prediction(town: Town, home: Household) -> None:
    for grant in await consents_of(town.office, home.id):
        if grant.purpose is Purpose.PREDICTION:
            await withdraw_consent(town.office, customer_id=home.id, grant_id=grant.grant_id)


async def test_an_upload_goes_into_the_log_as_it_came_with_what_the_fold_must_know(
    town: Town, home: Household, ingest: Ingest, log: KeptUploads
) -> None:
    receipt = await ingest.accept(home.car, body())
    assert (str(receipt.upload), receipt.partition, receipt.offset) == (f"{home.car_id}/boot-a/1", 0, 0)
    ((key, value, headers, received_ms),) = log.kept
    assert (key, value, received_ms) == (home.car_id, body(), town.clock.now_ms())
    assert headers["received-ms"] == str(town.clock.now_ms()).encode()
    assert decode_attributes(headers["attributes"]) == home.car.attributes


async def test_the_same_upload_twice_is_taken_twice_for_the_fold_tells_them_apart(
    home: Household, ingest: Ingest, log: KeptUploads
) -> None:
    first, second = await ingest.accept(home.car, body()), await ingest.accept(home.car, body())
    assert first.upload == second.upload
    assert len(log.kept) == 2


async def test_nothing_is_acknowledged_that_the_log_does_not_have(
    home: Household, ingest: Ingest, log: KeptUploads
) -> None:
    log.is_away = True
    with pytest.raises(Unavailable) as refused:
        await ingest.accept(home.car, body())
    assert refused.value.retry_after_s > 0
    log.is_away = False
    assert (await ingest.accept(home.car, body())).offset == 0


async def test_without_consent_to_prediction_no_upload_is_taken(town: Town, log: KeptUploads) -> None:
    home = await town.household(purposes=(Purpose.REMINDERS,))
    with pytest.raises(Forbidden, match="not consented to prediction"):
        await Ingest(town.office, log).accept(home.car, body())
    assert log.kept == []


async def test_a_car_that_nobody_has_claimed_is_not_listened_to(town: Town, log: KeptUploads) -> None:
    car, _ = await town.car()
    with pytest.raises(Forbidden):
        await Ingest(town.office, log).accept(car, body())


async def test_a_withdrawal_reaches_the_edge_within_a_second(
    town: Town, home: Household, ingest: Ingest, log: KeptUploads
) -> None:
    assert CONSENT_TRUST_MS <= 1_000
    await ingest.accept(home.car, body(seq=1))
    await withdraw_prediction(town, home)
    town.wall.set(town.wall.now_ms() + CONSENT_TRUST_MS)
    with pytest.raises(Forbidden):
        await ingest.accept(home.car, body(seq=2))
    assert len(log.kept) == 1


async def test_a_fresh_edge_does_not_trust_anybody(
    town: Town, home: Household, ingest: Ingest, log: KeptUploads
) -> None:
    await ingest.accept(home.car, body())
    await withdraw_prediction(town, home)
    with pytest.raises(Forbidden):
        await Ingest(town.office, log).accept(home.car, body())


async def test_consent_given_again_opens_the_edge_again(town: Town, home: Household, ingest: Ingest) -> None:
    from workflow.consents import grant_consent

    await withdraw_prediction(town, home)
    with pytest.raises(Forbidden):
        await ingest.accept(home.car, body())
    await grant_consent(town.office, customer_id=home.id, vehicle_id=home.car_id, purpose=Purpose.PREDICTION)
    await ingest.accept(home.car, body())


async def test_what_is_wrong_never_reaches_the_log(home: Household, ingest: Ingest, log: KeptUploads) -> None:
    for wrong in (b"nope", body({SPEED: [1.0]}), body({"Vehicle.Mood": [1.0, 2.0]})):
        with pytest.raises(InvalidInput):
            await ingest.accept(home.car, wrong)
    with pytest.raises(TooLarge):
        await ingest.accept(home.car, b" " * (MAX_UPLOAD_BYTES + 1))
    assert log.kept == []


async def test_positions_never_reach_the_log(home: Household, ingest: Ingest, log: KeptUploads) -> None:
    await ingest.accept(home.car, body({SPEED: [1.0, 2.0], LATITUDE: [48.137, 48.138]}))
    with pytest.raises(InvalidInput) as refused:
        await ingest.accept(home.car, body({LATITUDE: [48.137, 48.138]}))
    assert refused.value.field == "signals"
    assert [b"48.13" in value for _, value, _, _ in log.kept] == [False]


async def test_an_edge_of_a_great_fleet_forgets_whom_it_trusted(
    town: Town, home: Household, ingest: Ingest, log: KeptUploads
) -> None:
    ingest._trusted |= {f"car-{n}": 0 for n in range(100_001)}
    await ingest.accept(home.car, body())
    assert set(ingest._trusted) == {home.car_id}
