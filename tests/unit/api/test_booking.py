"""The booking over HTTP, from the need to the visit, by the letter of the contract."""

import json

from tests.support.http_town import People, Town
from tests.support.moments import NOW
from tests.support.predictions import wear

ITEMS = ["contact", "vehicle", "odometer", "evidence"]


async def need_of(town: Town, people: People) -> str:
    await town.predict(wear(10, vehicle_id=people.vehicle_id, id="0123abcd"))
    car = (await people.owner.get(f"/v1/me/vehicles/{people.vehicle_id}")).json()
    need_id: str = car["needs"][0]["need_id"]
    return need_id


async def grant(people: People, items: list[str] = ITEMS) -> str:
    body = {"vehicle_id": people.vehicle_id, "purpose": "booking", "dealer_id": people.dealer_id, "data_items": items}
    answer = await people.owner.post("/v1/me/consents", json=body)
    assert answer.status_code == 201, answer.text
    grant_id: str = answer.json()["grant_id"]
    return grant_id


async def draft(town: Town, people: People, **more: object) -> dict[str, object]:
    body = {
        "vehicle_id": people.vehicle_id,
        "need_ids": [await need_of(town, people)],
        "dealer_id": people.dealer_id,
        "start_ms": await people.slot(),
        "grant_id": await grant(people),
        "note": "the brakes squeal",
        **more,
    }
    answer = await people.owner.post("/v1/me/proposals", json=body)
    assert answer.status_code == 201, answer.text
    proposal: dict[str, object] = answer.json()
    return proposal


async def test_the_api_says_why_an_item_is_called_for_and_why_another_is_not(town: Town, people: People) -> None:
    oil = wear(200, vehicle_id=people.vehicle_id, item="engine_oil", id="oil-1")
    await town.predict(wear(10, vehicle_id=people.vehicle_id), oil)
    car = (await people.owner.get(f"/v1/me/vehicles/{people.vehicle_id}")).json()
    said = {one["item"]: one["call"] for one in car["assessments"]}
    (need,) = car["needs"]
    assert need["call"] == said["front_brake_pads"]
    assert need["call"]["call_by_ms"] <= NOW and need["call"]["cost_now"] < need["call"]["cost_later"]
    assert said["engine_oil"]["call_by_ms"] > NOW and said["engine_oil"]["cost_later"] < said["engine_oil"]["cost_now"]


async def test_the_whole_booking_goes_by_the_api(town: Town, people: People) -> None:
    proposal = await draft(town, people)
    mine, desk = f"/v1/me/proposals/{proposal['proposal_id']}", f"/v1/dealer/proposals/{proposal['proposal_id']}"
    assert (await people.dealer.get("/v1/dealer/proposals")).json()["proposals"] == [], "a draft has not left"

    sent = (await people.owner.post(f"{mine}/send", json={})).json()
    assert sent["state"] == "sent"
    entry = (await people.dealer.get("/v1/dealer/proposals", params={"state": "sent,confirmed"})).json()["proposals"][0]
    assert entry["payload"] == json.loads(str(proposal["preview"])), "what left is what was shown"

    offers = [await people.slot(index=index) for index in (4, 8)]
    countered = (await people.dealer.post(f"{desk}/counter", json={"starts_ms": offers})).json()
    assert [slot["start_ms"] for slot in countered["offered"]] == offers
    confirmed = (await people.owner.post(f"{mine}/confirm", json={"start_ms": offers[1]})).json()
    assert confirmed["appointment"]["start_ms"] == offers[1]
    assert [step["state"] for step in confirmed["history"]] == ["draft", "sent", "countered", "confirmed"]

    calendar = await people.owner.get(f"{mine}/appointment.ics")
    assert calendar.headers["content-type"].startswith("text/calendar")
    assert "STATUS:CONFIRMED" in calendar.text

    town.clock.set(offers[1])
    assert (await people.dealer.post(f"{desk}/check-in", json={"odometer_m": 61_500_000})).status_code == 200
    record = {"item": "front_brake_pads", "outcome": "replaced", "value": 3.4, "unit": "mm"}
    done = await people.dealer.post(
        f"{desk}/complete",
        json={"odometer_m": 61_500_000, "records": [record], "invoice_minor": 24_900, "currency": "EUR"},
    )
    assert done.json()["state"] == "completed"
    car = (await people.owner.get(f"/v1/me/vehicles/{people.vehicle_id}")).json()
    assert car["needs"] == []
    counts = (await people.operator.get("/v1/operator/funnel")).json()
    assert (counts["needs_opened"], counts["counter_offers"], counts["confirmed"], counts["completed"]) == (1, 1, 1, 1)


async def test_a_dealer_sees_nothing_once_the_consent_is_withdrawn(town: Town, people: People) -> None:
    proposal = await draft(town, people)
    await people.owner.post(f"/v1/me/proposals/{proposal['proposal_id']}/send", json={})
    await people.owner.post(f"/v1/me/consents/{proposal['grant_id']}/withdraw", json={})
    entry = (await people.dealer.get(f"/v1/dealer/proposals/{proposal['proposal_id']}")).json()
    assert (entry["payload"], entry["slot"], entry["history"]) == (None, None, [])
    answer = await people.dealer.post(f"/v1/dealer/proposals/{proposal['proposal_id']}/accept", json={})
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("/problems/consent-missing")


async def test_a_slot_that_is_gone_is_a_problem_of_its_own(town: Town, people: People) -> None:
    proposal = await draft(town, people)
    await people.owner.post(f"/v1/me/proposals/{proposal['proposal_id']}/send", json={})
    body = {
        "vehicle_id": people.vehicle_id,
        "need_ids": proposal["need_ids"],
        "dealer_id": people.dealer_id,
        "start_ms": proposal["slot"]["start_ms"],  # type: ignore[index]
        "grant_id": proposal["grant_id"],
    }
    answer = await people.owner.post("/v1/me/proposals", json=body)
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[1]) == (409, "slot-taken")


async def test_the_same_idempotency_key_gets_the_stored_reply(town: Town, people: People) -> None:
    body = {"vehicle_id": people.vehicle_id, "purpose": "booking", "dealer_id": people.dealer_id, "data_items": []}
    headers = {"Idempotency-Key": "once"}
    first = await people.owner.post("/v1/me/consents", json=body, headers=headers)
    again = await people.owner.post("/v1/me/consents", json=body, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert len((await people.owner.get("/v1/me/consents")).json()["consents"]) == 3

    other = await people.owner.post("/v1/me/consents", json=body | {"data_items": ["vin"]}, headers=headers)
    assert (other.status_code, other.json()["type"].rsplit("/", 1)[1]) == (422, "idempotency-key-reused")


async def test_a_consent_is_narrowed_and_read_version_by_version(town: Town, people: People) -> None:
    body = {
        "vehicle_id": people.vehicle_id,
        "purpose": "booking",
        "dealer_id": people.dealer_id,
        "data_items": ["contact", "vehicle"],
    }
    grant = (await people.owner.post("/v1/me/consents", json=body)).json()
    path = f"/v1/me/consents/{grant['grant_id']}"
    less = await people.owner.post(f"{path}/narrow", json={"data_items": ["vehicle"]})
    assert (less.status_code, less.json()["version"], less.json()["data_items"]) == (200, 2, ["vehicle"])
    more = await people.owner.post(f"{path}/narrow", json={"data_items": ["vehicle", "vin"]})
    assert more.status_code == 422 and "grant a new consent" in more.text
    versions = (await people.owner.get(path)).json()["versions"]
    assert [(one["version"], one["data_items"]) for one in versions] == [(1, ["contact", "vehicle"]), (2, ["vehicle"])]
    assert versions[-1]["receipt"] == less.json()["receipt"]


async def test_a_car_is_given_away_once_and_its_consents_are_over(town: Town, people: People) -> None:
    sold = await people.owner.post(f"/v1/me/vehicles/{people.vehicle_id}/sale")
    assert sold.status_code == 200 and sold.json()["until_ms"] > 0
    assert (await people.owner.get("/v1/me/vehicles")).json()["vehicles"] == []
    grants = (await people.owner.get("/v1/me/consents")).json()["consents"]
    assert {grant["ended"] for grant in grants} == {"sold"}
    assert (await people.owner.post(f"/v1/me/vehicles/{people.vehicle_id}/sale")).status_code == 404


async def test_a_timeline_tells_who_when_and_why_and_comes_in_pages(town: Town, people: People) -> None:
    proposal = await draft(town, people)
    await people.owner.post(f"/v1/me/proposals/{proposal['proposal_id']}/send")
    await people.dealer.post(f"/v1/dealer/proposals/{proposal['proposal_id']}/accept")
    of_car = (await people.owner.get(f"/v1/me/vehicles/{people.vehicle_id}/timeline")).json()
    steps = {step["kind"]: step for step in of_car["steps"]}
    assert of_car["next"] is None and len(steps) >= 6
    assert all(step["actor"] and step["cause"] and step["time_ms"] for step in of_car["steps"])
    assert (steps["proposal-accepted"]["actor"], steps["proposal-accepted"]["cause"]) == ("dealer", "dealer's answer")
    assert (steps["need-opened"]["actor"], steps["need-opened"]["cause"]) == ("model", "prediction")
    paged, cursor = [], ""
    while cursor is not None:
        page = (await people.owner.get("/v1/me/timeline", params={"limit": 2, "cursor": cursor})).json()
        paged, cursor = [*paged, *page["steps"]], page["next"]
    assert paged == (await people.owner.get("/v1/me/timeline")).json()["steps"]
    assert [step["time_ms"] for step in paged] == sorted(step["time_ms"] for step in paged)
    assert (await people.owner.get("/v1/me/vehicles/another/timeline")).status_code == 404
    assert (await people.owner.get("/v1/me/timeline", params={"cursor": "x"})).status_code == 422
