"""What a dealer can promise, over the API and on its pages: slots for needs, items or minutes, and the site."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.http_town import People, Town, new_owner
from tests.support.moments import DAY, HOUR, NOW
from tests.support.predictions import hazard, wear
from tests.unit.api.test_booking import draft
from tests.unit.api.test_pages import OWN, advisor, form_token, owner

__all__ = ["advisor", "owner"]  # the fixtures of browsers

SITE: dict[str, Any] = {
    "time_zone": "Europe/Berlin",
    "opening": {day: [["08:00", "12:00"], ["13:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
    "holidays": [{"date": "2025-10-08", "name": "Inventory"}],
    "bays": 2,
    "technicians": [{"id": "T1", "skills": ["high_voltage"]}, {"id": "T2", "skills": []}],
    "loaners": ["L1"],
}


async def slots(client: httpx.AsyncClient, people: People, **asked: Any) -> list[dict[str, Any]]:
    answer = await client.get(f"/v1/dealers/{people.dealer_id}/slots", params=asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["slots"]
    return found


async def refusal(client: httpx.AsyncClient, people: People, **asked: Any) -> str:
    answer = await client.get(f"/v1/dealers/{people.dealer_id}/slots", params=asked)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["fix"]
    return str(error["field"])


async def need_ids(town: Town, people: People) -> list[str]:
    await town.predict(hazard(0.3, vehicle_id=people.vehicle_id), wear(14, vehicle_id=people.vehicle_id))
    car = (await people.owner.get(f"/v1/me/vehicles/{people.vehicle_id}")).json()
    return [need["need_id"] for need in car["needs"]]


async def test_for_needs_quiet_half_days_inside_the_due_window_come_first(town: Town, people: People) -> None:
    ids = await need_ids(town, people)
    found = await slots(people.owner, people, need_ids=ids)
    assert found[0]["is_recommended"] and found[0]["why"] == "quiet_half_day"
    first_other = next(n for n, slot in enumerate(found) if not slot["is_recommended"])
    assert not any(slot["is_recommended"] for slot in found[first_other:])
    items = town.office.catalogue.items
    minutes = items["battery_12v"].labour_minutes + items["front_brake_pads"].labour_minutes
    assert {slot["end_ms"] - slot["start_ms"] for slot in found} == {minutes * 60_000}


async def test_for_items_and_minutes_the_order_is_that_of_time(people: People) -> None:
    for asked in ({"items": ["front_brake_pads", "engine_oil"]}, {"minutes": 60}, {}):
        found = await slots(people.owner, people, **asked)
        starts = [slot["start_ms"] for slot in found]
        assert starts == sorted(starts) and starts
        assert not any(slot["is_recommended"] or slot["why"] for slot in found)


async def test_a_question_that_cannot_be_answered_names_the_field(town: Town, people: People) -> None:
    ids = await need_ids(town, people)
    assert await refusal(people.owner, people, items=["warp_core"]) == "items"
    assert await refusal(people.owner, people, items=["engine_oil"], need_ids=ids) == "need_ids"
    assert await refusal(people.owner, people, minutes=60, items=["engine_oil"]) == "items"
    assert await refusal(people.owner, people, loaner=True) == "loaner"
    stranger, _ = await new_owner(town, "Otto Nomen")
    path = f"/v1/dealers/{people.dealer_id}/slots"
    assert (await stranger.get(path, params={"need_ids": ids})).status_code == 404
    assert (await people.dealer.get(path, params={"need_ids": ids})).status_code == 403
    await stranger.aclose()


async def test_a_dealer_changes_what_it_promises_and_reads_it_as_it_was_put(people: People) -> None:
    assert (await people.dealer.get("/v1/dealer/site")).json()["opening"]["mon"] == [["08:00", "17:00"]]
    put = await people.dealer.put("/v1/dealer/site", json=SITE)
    assert (put.status_code, put.json()) == (200, SITE)
    assert (await people.dealer.get("/v1/dealer/site")).json() == SITE
    starts = {slot["start_ms"] for slot in await slots(people.owner, people, minutes=60)}
    eight = NOW + DAY - 2 * HOUR  # of Tuesday in Berlin
    assert eight + 3 * HOUR in starts and eight + 7 * HOUR // 2 not in starts, "no hour is left before lunch"
    assert not any(eight + DAY <= start < eight + 2 * DAY for start in starts), "closed for the inventory"
    (listed,) = (await people.owner.get("/v1/dealers")).json()["dealers"]
    assert listed["lends_cars"] is True


async def test_the_example_of_the_documentation_is_a_site(people: People) -> None:
    written = (Path(__file__).parents[3] / "docs" / "slots.md").read_text(encoding="utf-8")
    example = json.loads(written.split("```json\n")[1].split("```")[0])
    put = await people.dealer.put("/v1/dealer/site", json=example)
    assert (put.status_code, put.json()) == (200, example)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"opening": {"mon": ["17:00", "08:00"]}}, "opening.mon"),
        ({"opening": {"tue": [["08:00", "13:00"], ["12:00", "17:00"]]}}, "opening.tue"),
        ({"holidays": [{"date": "soon", "name": ""}]}, "holidays[0].date"),
        ({"bays": 100}, "bays"),
        ({"technicians": [{"id": "T1"}, {"id": "T1"}]}, "technicians[1].id"),
        ({"technicians": [{"id": "T1", "skills": ["juggling"]}]}, "technicians[0].skills"),
        ({"loaners": [""]}, "loaners[0]"),
    ],
)
async def test_a_site_that_cannot_be_is_refused_beside_its_field_and_changes_nothing(
    people: People, change: dict[str, Any], field: str
) -> None:
    before = (await people.dealer.get("/v1/dealer/site")).json()
    answer = await people.dealer.put("/v1/dealer/site", json=SITE | change)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["field"] == field and error["fix"]
    assert (await people.dealer.get("/v1/dealer/site")).json() == before


async def test_an_operator_enters_a_dealer_with_people_cars_and_holidays(people: People) -> None:
    advisor = {"name": "Ada", "email": "ada@dealer.example", "password": "a quite long password"}
    body = SITE | {"name": "Grid Garage", "advisor": advisor}
    assert (await people.operator.post("/v1/operator/dealers", json=body)).status_code == 201
    wrong = body | {"time_zone": "Nowhere", "advisor": advisor | {"email": "b@dealer.example"}}
    answer = await people.operator.post("/v1/operator/dealers", json=wrong)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "time_zone")


async def test_a_visit_with_a_car_meanwhile_tells_the_dealer_and_holds_all_three(town: Town, people: People) -> None:
    await people.dealer.put("/v1/dealer/site", json=SITE)
    proposal = await draft(town, people, loaner=True)
    assert proposal["loaner"] is True and '"loaner":true' in str(proposal["preview"])
    await people.owner.post(f"/v1/me/proposals/{proposal['proposal_id']}/send", json={})
    (entry,) = (await people.dealer.get("/v1/dealer/proposals")).json()["proposals"]
    assert {name: entry["slot"][name] for name in ("bay", "technician", "loaner")} == {
        "bay": "bay-01",
        "technician": "T2",
        "loaner": "L1",
    }


# The pages.


async def test_the_booking_page_recommends_quiet_times_and_lends_a_car_where_there_is_one(
    town: Town, people: People, owner: httpx.AsyncClient
) -> None:
    ids = await need_ids(town, people)
    asked = {"need": ids, "dealer": people.dealer_id}
    address = f"/owner/cars/{people.vehicle_id}/book"
    page = await owner.get(address, params=asked)
    assert "Recommended" in page.text and "at the workshop" in page.text
    assert 'name="loaner"' not in page.text
    await people.dealer.put("/v1/dealer/site", json=SITE)
    page = await owner.get(address, params=asked | {"loaner": "yes"})
    assert '<input type="hidden" name="loaner" value="yes">' in page.text
    start_ms = (await slots(people.owner, people, need_ids=ids, loaner=True))[0]["start_ms"]
    form = {"need": ids, "dealer": people.dealer_id, "start_ms": str(start_ms), "days": "30", "loaner": "yes"}
    drafted = await owner.post(address, data=form | {"form_token": form_token(page)}, headers=OWN)
    assert drafted.status_code == 303, drafted.text
    proposal = (await people.owner.get(f"/v1/me/proposals/{drafted.headers['location'].rsplit('/')[-1]}")).json()
    assert proposal["loaner"] is True


async def test_what_the_dealer_can_never_do_is_said_on_the_booking_page(
    town: Town, people: People, owner: httpx.AsyncClient
) -> None:
    await town.predict(wear(14, vehicle_id=people.vehicle_id, item="traction_battery"))
    car = (await people.owner.get(f"/v1/me/vehicles/{people.vehicle_id}")).json()
    await people.dealer.put("/v1/dealer/site", json=SITE | {"technicians": [{"id": "T2"}]})
    asked = {"need": [need["need_id"] for need in car["needs"]], "dealer": people.dealer_id}
    page = await owner.get(f"/owner/cars/{people.vehicle_id}/book", params=asked)
    assert page.status_code == 200 and "nobody at this dealer is trained" in page.text


async def test_the_dealers_day_shows_what_is_promised_of_everything_and_closes_and_opens(
    town: Town, people: People, advisor: httpx.AsyncClient
) -> None:
    await people.dealer.put("/v1/dealer/site", json=SITE)
    proposal = await draft(town, people, loaner=True)
    await people.owner.post(f"/v1/me/proposals/{proposal['proposal_id']}/send", json={})
    day = {"date": "2025-10-06"}
    page = await advisor.get("/dealer/day", params=day)
    assert page.text.count(f"/dealer/proposals/{proposal['proposal_id']}") == 3
    assert all(name in page.text for name in ("bay-02", "T1", "high voltage", "L1", "08:00–12:00, 13:00–17:00"))
    form = day | {"form_token": form_token(page), "name": "Strike"}
    assert (await advisor.post("/dealer/day/close", data=form, headers=OWN)).status_code == 303
    assert "Strike" in (await advisor.get("/dealer/day", params=day)).text
    site = (await people.dealer.get("/v1/dealer/site")).json()
    assert {"date": "2025-10-06", "name": "Strike"} in site["holidays"]
    assert (await advisor.post("/dealer/day/open", data=form, headers=OWN)).status_code == 303
    assert (await people.dealer.get("/v1/dealer/site")).json()["holidays"] == SITE["holidays"]
    assert (await advisor.post("/dealer/day/close", data=form | {"name": "x" * 300}, headers=OWN)).status_code == 422
    for wrong in ({"date": "tomorrow"}, {"date": "0001-01-01"}):
        assert (await advisor.get("/dealer/day", params=wrong)).status_code == 404
        assert (await advisor.post("/dealer/day/close", data=form | wrong, headers=OWN)).status_code == 404
    assert (await advisor.post("/dealer/day/dance", data=form, headers=OWN)).status_code == 404
    assert (await advisor.get("/dealer/day")).status_code == 200
