"""Lending a car over the API and on the pages: the code, what the driver's page shows and lets do, its end."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from domain.iso_time import DAY_MS
from tests.support.http_town import PASSWORD, People, Town, claimed_car, new_owner
from tests.support.predictions import wear
from tests.unit.api.test_booking import draft
from tests.unit.api.test_pages import OWN, form_token, sign_in

DRIVER = "dora@owner.example"


@pytest.fixture
async def owner(town: Town, people: People) -> AsyncIterator[httpx.AsyncClient]:
    """The owner's browser, signed in."""
    async with town.client() as client:
        await sign_in(client, "olla@owner.example")
        yield client


@pytest.fixture
async def driver(town: Town, people: People) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody else's browser, signed in, who drives nothing yet."""
    await new_owner(town, "Dora Driver")
    async with town.client() as client:
        await sign_in(client, DRIVER)
        yield client


async def post(client: httpx.AsyncClient, page: str, path: str, **fields: str) -> httpx.Response:
    """Send a form of a page."""
    token = form_token(await client.get(page))
    return await client.post(path, data={"form_token": token, **fields}, headers=OWN)


async def lend(people: People, owner: httpx.AsyncClient, driver: httpx.AsyncClient, **fields: str) -> None:
    car = f"/owner/cars/{people.vehicle_id}"
    shown = await post(owner, car, f"{car}/drivers", **fields)
    found = re.search(r"data-code>([A-Z0-9-]{14})<", shown.text)
    assert shown.status_code == 200 and found
    assert found[1] not in (await owner.get(car)).text, "it is shown once"
    joined = await post(driver, "/owner/claim", "/owner/join", driver_code=found[1].lower())
    assert (joined.status_code, joined.headers["location"]) == (303, f"{car}?notice=joined")


async def test_a_car_is_lent_with_a_code_and_both_pages_say_so(
    people: People, owner: httpx.AsyncClient, driver: httpx.AsyncClient
) -> None:
    car = f"/owner/cars/{people.vehicle_id}"
    assert "Nobody but you." in (await owner.get(car)).text
    await lend(people, owner, driver, may_book="yes")
    assert "Dora Driver" in (await owner.get(car)).text
    assert (await driver.get("/owner")).headers["location"].startswith(car), "it is the one car they have"
    seen = (await driver.get(car)).text
    assert "You drive this car for its owner" in seen and "You may book visits" in seen
    for of_owner in ("I have given this car away", "Who may know what", "Who else drives it", "Olla"):
        assert of_owner not in seen
    assert (await driver.get(f"{car}/allow")).status_code == 404


async def test_a_wrong_code_is_told_beside_its_field(people: People, driver: httpx.AsyncClient) -> None:
    wrong = await post(driver, "/owner/claim", "/owner/join", driver_code="AAAA-BBBB-CCCC")
    assert wrong.status_code == 422 and 'id="driver_code-error"' in wrong.text and "AAAA-BBBB-CCCC" in wrong.text


async def test_a_driver_books_on_the_pages_with_the_dealers_that_the_owner_allowed(
    town: Town, people: People, owner: httpx.AsyncClient, driver: httpx.AsyncClient
) -> None:
    await lend(people, owner, driver, may_book="yes")
    await town.predict(wear(10, vehicle_id=people.vehicle_id, id="0123abcd"))
    car = f"/owner/cars/{people.vehicle_id}"
    need = re.search(r"book\?need=([^\"&]+)", (await driver.get(car)).text)
    assert need
    form = f"{car}/book?need={need[1]}"
    assert "has not consented to a dealer yet" in (await driver.get(form)).text
    allowed = await post(
        owner, f"{car}/allow", f"{car}/allow", dealer=people.dealer_id, data_items="vehicle", days="90"
    )
    assert (allowed.status_code, allowed.headers["location"]) == (303, "/owner/consents?notice=allowed")
    page = await driver.get(f"{form}&dealer={people.dealer_id}")
    assert "what the owner has consented to: make, model and year" in page.text
    assert 'name="data_items"' not in page.text and 'name="days"' not in page.text
    start = re.search(r'name="start_ms" value="(\d+)"', page.text)
    assert start
    fields = {"need": httpx.QueryParams(f"need={need[1]}")["need"], "dealer": people.dealer_id, "start_ms": start[1]}
    drafted = await post(driver, form, f"{car}/book", **fields, data_items="vin")
    assert drafted.status_code == 303
    where = drafted.headers["location"]
    preview = (await driver.get(where)).text
    assert "Kompakt" in preview and "olla@owner.example" not in preview and "WVWZZZ" not in preview
    sent = await post(driver, where, f"{where}/send")
    assert sent.headers["location"] == f"{where}?notice=sent"
    proposal_id = where.rsplit("/", 1)[1]
    await people.dealer.post(f"/v1/dealer/proposals/{proposal_id}/accept")
    confirmed = await post(driver, where, f"{where}/confirm")
    assert confirmed.headers["location"] == f"{where}?notice=confirmed"
    calendar = await driver.get(f"{where}/appointment.ics")
    assert calendar.status_code == 200 and "BEGIN:VEVENT" in calendar.text
    of_owner = (await owner.get(where)).text
    assert "a driver" in of_owner
    assert "· you" in (await driver.get(where)).text


async def test_a_drivers_draft_is_put_away_without_the_owners_consent(
    town: Town, people: People, owner: httpx.AsyncClient, driver: httpx.AsyncClient
) -> None:
    await lend(people, owner, driver, may_book="yes")
    await town.predict(wear(10, vehicle_id=people.vehicle_id, id="0123abcd"))
    car = f"/owner/cars/{people.vehicle_id}"
    await post(owner, f"{car}/allow", f"{car}/allow", dealer=people.dealer_id, days="30", all="yes")
    need = (await people.owner.get(f"/v1/me/vehicles/{people.vehicle_id}")).json()["needs"][0]["need_id"]
    page = await driver.get(f"{car}/book", params={"need": need, "dealer": people.dealer_id})
    start = re.search(r'name="start_ms" value="(\d+)"', page.text)
    assert start
    drafted = await post(driver, f"{car}/book", f"{car}/book", need=need, dealer=people.dealer_id, start_ms=start[1])
    where = drafted.headers["location"]
    gone = await post(driver, where, f"{where}/discard")
    assert gone.headers["location"] == f"{where}?notice=taken_back"
    grants = (await people.owner.get("/v1/me/consents")).json()["consents"]
    assert [grant["ended"] for grant in grants if grant["purpose"] == "booking"] == [None]


async def test_who_may_only_look_has_nothing_to_press(
    town: Town, people: People, owner: httpx.AsyncClient, driver: httpx.AsyncClient
) -> None:
    await lend(people, owner, driver)
    await town.predict(wear(10, vehicle_id=people.vehicle_id, id="0123abcd"))
    car = f"/owner/cars/{people.vehicle_id}"
    seen = (await driver.get(car)).text
    assert "visits are for its owner to book" in seen and "/book?" not in seen and "/snooze" not in seen
    needs = (await people.owner.get(f"/v1/me/vehicles/{people.vehicle_id}")).json()["needs"]
    path = f"/owner/needs/{needs[0]['need_id']}/snooze"
    refused = await post(driver, car, path, days="7")
    assert refused.status_code == 403 and "ask them to" in refused.text
    drivers = (await people.owner.get(f"/v1/me/vehicles/{people.vehicle_id}/drivers")).json()["drivers"]
    let = await post(owner, car, f"{car}/drivers/{drivers[0]['customer_id']}/let")
    assert let.headers["location"] == f"{car}?notice=driver_let"
    assert (await post(driver, car, path, days="7")).status_code == 303


async def test_who_may_only_look_reads_of_a_visit_when_and_where_and_has_no_button(
    town: Town, people: People, owner: httpx.AsyncClient, driver: httpx.AsyncClient
) -> None:
    await lend(people, owner, driver)
    proposal = await draft(town, people)
    where = f"/owner/proposals/{proposal['proposal_id']}"
    assert (await driver.get(where)).status_code == 404, "a draft is its maker's"
    await people.owner.post(f"/v1/me/proposals/{proposal['proposal_id']}/send")
    await people.dealer.post(f"/v1/dealer/proposals/{proposal['proposal_id']}/accept")
    page = (await driver.get(where)).text
    assert "Accepted" in page and "Pit Lane Garage" in page
    for hidden in ("olla@owner.example", "WVWZZZ", "/confirm", "/withdraw", "data-preview"):
        assert hidden not in page
    seen = (await driver.get(f"/v1/me/proposals/{proposal['proposal_id']}")).text
    assert "olla@owner.example" not in seen and "WVWZZZ" not in seen
    form = (await driver.get(f"/owner/cars/{people.vehicle_id}/book")).text
    assert "consented to" not in form and 'method="post" action="/owner/cars' not in form


async def test_an_unused_code_is_revoked_on_the_page(people: People, owner: httpx.AsyncClient) -> None:
    car = f"/owner/cars/{people.vehicle_id}"
    await post(owner, car, f"{car}/drivers")
    assert "A code that nobody has used" in (await owner.get(car)).text
    path = f"/v1/me/vehicles/{people.vehicle_id}/drivers/invitations"
    assert len((await people.owner.get(path)).json()["invitations"]) == 1
    assert (await post(owner, car, f"{car}/drivers/codes/revoke")).headers["location"] == f"{car}?notice=codes_revoked"
    assert (await people.owner.get(path)).json()["invitations"] == []
    await people.owner.post(path, json={})
    assert (await people.owner.post(f"{path}/revoke")).status_code == 204
    assert (await people.owner.get(path)).json()["invitations"] == []


async def test_a_driver_finds_over_the_api_what_to_book_under_and_gets_the_least_of_it_on_the_page(
    town: Town, people: People, owner: httpx.AsyncClient, driver: httpx.AsyncClient
) -> None:
    await lend(people, owner, driver, may_book="yes")
    body = {"vehicle_id": people.vehicle_id, "purpose": "booking", "dealer_id": people.dealer_id}
    least = (await people.owner.post("/v1/me/consents", json=body | {"data_items": ["vehicle"]})).json()
    await people.owner.post("/v1/me/consents", json=body | {"data_items": ["vehicle", "contact", "vin"]})
    async with town.client() as anyone:
        token = (await anyone.post("/v1/sessions", json={"email": DRIVER, "password": PASSWORD})).json()["token"]
    async with town.client(token) as api:
        dealers = (await api.get(f"/v1/me/vehicles/{people.vehicle_id}")).json()["driving"]["dealers"]
    assert {one["grant_id"] for one in dealers} >= {least["grant_id"]} and len(dealers) == 2
    await town.predict(wear(10, vehicle_id=people.vehicle_id, id="0123abcd"))
    page = await driver.get(
        f"/owner/cars/{people.vehicle_id}/book", params={"need": "need-0123abcd", "dealer": people.dealer_id}
    )
    assert "what the owner has consented to: make, model and year." in page.text


async def test_a_consent_given_ahead_is_asked_for_a_dealer_and_not_given_twice(
    people: People, owner: httpx.AsyncClient
) -> None:
    car = f"/owner/cars/{people.vehicle_id}"
    nobody = await post(owner, f"{car}/allow", f"{car}/allow", data_items="odometer", days="30")
    assert nobody.status_code == 422 and "dealer" in nobody.text
    assert re.search(r'value="odometer" checked', nobody.text) and not re.search(
        r'value="contact" checked', nobody.text
    )
    for _ in range(2):
        await post(owner, f"{car}/allow", f"{car}/allow", dealer=people.dealer_id, data_items="odometer", days="30")
    grants = (await people.owner.get("/v1/me/consents")).json()["consents"]
    assert len([grant for grant in grants if grant["purpose"] == "booking"]) == 1


async def test_both_sides_end_it_on_their_pages(
    people: People, owner: httpx.AsyncClient, driver: httpx.AsyncClient
) -> None:
    car = f"/owner/cars/{people.vehicle_id}"
    await lend(people, owner, driver)
    assert (await post(driver, car, f"{car}/drive/remind")).headers["location"] == f"{car}?notice=drive_reminded"
    assert "Remind me no more" in (await driver.get(car)).text
    assert (await post(driver, car, f"{car}/drive/end")).headers["location"] == "/owner?notice=drive_left"
    assert (await driver.get(car)).status_code == 404
    await lend(people, owner, driver)
    drivers = (await people.owner.get(f"/v1/me/vehicles/{people.vehicle_id}/drivers")).json()["drivers"]
    ended = await post(owner, car, f"{car}/drivers/{drivers[0]['customer_id']}/end")
    assert ended.headers["location"] == f"{car}?notice=driver_ended"
    assert (await driver.get(car)).status_code == 404
    for path in (f"{car}/drive/fly", f"{car}/drivers/x/fly"):
        assert (await post(owner, car, path)).status_code == 404


async def test_the_api_lends_a_car_and_lists_what_one_drives(town: Town, people: People) -> None:
    driver, _ = await new_owner(town, "Dora Driver")
    path = f"/v1/me/vehicles/{people.vehicle_id}/drivers"
    invited = await people.owner.post(f"{path}/invitations", json={"may_book": False})
    assert invited.status_code == 201 and invited.json()["expires_ms"] > 6 * DAY_MS
    joined = await driver.post("/v1/me/drives", json={"code": invited.json()["code"], "wants_reminders": True})
    assert (joined.status_code, joined.json()["driving"]["wants_reminders"]) == (201, True)
    again = await driver.post("/v1/me/drives", json={"code": invited.json()["code"]})
    assert again.status_code == 422
    listed = (await people.owner.get(path)).json()["drivers"]
    assert [(one["name"], one["may_book"]) for one in listed] == [("Dora Driver", False)]
    car = (await driver.get(f"/v1/me/vehicles/{people.vehicle_id}")).json()
    assert car["driving"]["may_book"] is False and car["vehicle"]["vehicle_id"] == people.vehicle_id
    assert (await driver.get("/v1/me/vehicles")).json()["vehicles"] == []
    drives = (await driver.get("/v1/me/drives")).json()["drives"]
    assert [one["vehicle"]["vehicle_id"] for one in drives] == [people.vehicle_id]
    driver_id = listed[0]["customer_id"]
    assert (await people.owner.post(f"{path}/{driver_id}", json={"may_book": True})).status_code == 204
    assert (await driver.post(f"/v1/me/drives/{people.vehicle_id}", json={"wants_reminders": False})).status_code == 204
    drives = (await driver.get("/v1/me/drives")).json()["drives"]
    assert drives[0]["driving"] | {"from_ms": 0} == {"from_ms": 0, "may_book": True, "wants_reminders": False}
    export = (await driver.get("/v1/me/export")).json()
    assert [(one["vehicle_id"], one["until_ms"]) for one in export["drivings"]] == [(people.vehicle_id, None)]
    assert (await driver.post(f"/v1/me/drives/{people.vehicle_id}/end")).status_code == 204
    assert (await driver.get(f"/v1/me/vehicles/{people.vehicle_id}")).status_code == 404
    assert (await people.owner.post(f"{path}/{driver_id}/end")).status_code == 404


async def test_the_list_of_cars_has_what_presses_first_and_says_who_drives(
    town: Town, people: People, owner: httpx.AsyncClient, driver: httpx.AsyncClient
) -> None:
    quiet_id, _ = await claimed_car(town, people.enrolment_token, people.owner)
    await town.predict(wear(10, vehicle_id=people.vehicle_id, id="0123abcd"))
    await lend(people, owner, driver)
    page = (await owner.get("/owner")).text
    assert page.index(people.vehicle_id) < page.index(quiet_id)
    assert "Front brake pads: due soon." in page and "Dora Driver" in page and "Getting to know your car." in page
