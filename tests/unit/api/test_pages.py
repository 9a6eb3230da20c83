"""The pages: who gets in, which forms count, and what stands on them."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.http_town import ADDRESS, PASSWORD, People, Town, new_owner
from tests.support.moments import DAY, HOUR
from tests.support.outlets import KeptReminders
from tests.support.predictions import hazard, wear
from workflow.identity import make_sign_in_link
from workflow.reminders import dispatch_reminders

OWN = {"Origin": ADDRESS}


async def sign_in(client: httpx.AsyncClient, email: str, onward: str = "") -> httpx.Response:
    form = {"email": email, "password": PASSWORD, "next": onward}
    return await client.post("/sign-in", data=form, headers=OWN)


def form_token(page: httpx.Response) -> str:
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', page.text)
    assert found
    return found.group(1)


@pytest.fixture
async def owner(town: Town, people: People) -> AsyncIterator[httpx.AsyncClient]:
    """The owner's browser, signed in."""
    async with town.client() as client:
        answer = await sign_in(client, "olla@owner.example")
        assert (answer.status_code, answer.headers["location"]) == (303, "/owner")
        yield client


@pytest.fixture
async def advisor(town: Town, people: People) -> AsyncIterator[httpx.AsyncClient]:
    """The dealer's browser, signed in."""
    async with town.client() as client:
        await sign_in(client, "pit@dealer.example")
        yield client


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(town: Town, people: People) -> None:
    async with town.client() as client:
        cookie = (await sign_in(client, "olla@owner.example")).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


async def test_a_page_sends_to_the_door_and_comes_back(town: Town, people: People) -> None:
    async with town.client() as client:
        answer = await client.get("/owner/consents")
        assert answer.headers["location"] == "/sign-in?next=/owner/consents"
        assert (await sign_in(client, "olla@owner.example", "/owner/consents")).headers["location"] == "/owner/consents"


@pytest.mark.parametrize("onward", ["https://elsewhere.example/owner", "//elsewhere.example", "/owner\\@elsewhere"])
async def test_the_door_leads_nowhere_else(town: Town, people: People, onward: str) -> None:
    async with town.client() as client:
        assert (await sign_in(client, "olla@owner.example", onward)).headers["location"] == "/owner"


async def test_one_browser_holds_an_owner_and_a_dealer_at_once(
    town: Town, people: People, owner: httpx.AsyncClient
) -> None:
    await sign_in(owner, "pit@dealer.example")
    assert (await owner.get("/dealer")).status_code == 200
    assert (await owner.get(f"/owner/cars/{people.vehicle_id}")).status_code == 200
    assert "Dealer" in (await owner.get("/")).text


async def test_a_wrong_password_is_told_beside_the_field(town: Town, people: People) -> None:
    async with town.client() as client:
        form = {"email": "olla@owner.example", "password": "wrong"}
        answer = await client.post("/sign-in", data=form, headers=OWN)
    assert answer.status_code == 401
    assert 'id="password-error"' in answer.text


async def test_a_sign_in_link_works_once(town: Town, people: People) -> None:
    async with town.office.unit_of_work() as uow:
        account = await uow.people.account_by_email("pit@dealer.example")
    assert account is not None
    token = await make_sign_in_link(town.office, account.account_id)
    async with town.client() as first, town.client() as second:
        assert (await first.get(f"/sign-in/{token}")).headers["location"] == "/dealer"
        assert (await first.get("/dealer")).status_code == 200
        assert (await second.get(f"/sign-in/{token}")).status_code == 401


async def test_a_form_without_the_sessions_token_or_from_elsewhere_does_nothing(
    town: Town, people: People, owner: httpx.AsyncClient
) -> None:
    grants = (await people.owner.get("/v1/me/consents")).json()["consents"]
    path = f"/owner/consents/{grants[0]['grant_id']}/withdraw"
    token = form_token(await owner.get("/owner/consents"))
    assert (await owner.post(path, data={}, headers=OWN)).status_code == 403
    assert (await owner.post(path, data={"form_token": "0" * 64}, headers=OWN)).status_code == 403
    foreign = {"Origin": "https://elsewhere.example"}
    assert (await owner.post(path, data={"form_token": token}, headers=foreign)).status_code == 403
    untouched = (await people.owner.get("/v1/me/consents")).json()["consents"]
    assert [g["withdrawn_ms"] for g in untouched] == [None, None]

    answer = await owner.post(path, data={"form_token": token}, headers=OWN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/owner/consents?notice=withdrawn")


async def test_signing_out_ends_the_session_itself(town: Town, people: People, owner: httpx.AsyncClient) -> None:
    session = owner.cookies["pitcall_owner"]
    token = form_token(await owner.get("/owner/consents"))
    assert (await owner.post("/owner/sign-out", data={"form_token": token}, headers=OWN)).status_code == 303
    async with town.client() as thief:
        thief.cookies.set("pitcall_owner", session)
        assert (await thief.get("/owner/consents")).status_code == 303


async def test_the_car_page_tells_what_is_due_and_why(town: Town, people: People, owner: httpx.AsyncClient) -> None:
    await town.predict(wear(10, vehicle_id=people.vehicle_id), hazard(0.4, vehicle_id=people.vehicle_id))
    page = (await owner.get(f"/owner/cars/{people.vehicle_id}")).text
    for told in ("2 things need attention.", "About 4 mm of 12 mm are left.", "braking below 80 km/h", "61,000 km"):
        assert told in page
    assert "<script>" not in page
    assert " style=" not in page


async def test_somebody_elses_car_is_not_there(town: Town, people: People) -> None:
    stranger, email = await new_owner(town, "Otto Nomen")
    await stranger.aclose()
    async with town.client() as client:
        await sign_in(client, email)
        for path in (f"/owner/cars/{people.vehicle_id}", f"/owner/cars/{people.vehicle_id}/book"):
            assert (await client.get(path)).status_code == 404
        assert (await client.get("/owner")).headers["location"].startswith("/owner/claim")


async def test_a_need_is_snoozed_and_put_aside(town: Town, people: People, owner: httpx.AsyncClient) -> None:
    await town.predict(wear(10, vehicle_id=people.vehicle_id, id="0123abcd"))
    path = f"/owner/cars/{people.vehicle_id}"
    page = await owner.get(path)
    need_id = (await people.owner.get(f"/v1/me/vehicles/{people.vehicle_id}")).json()["needs"][0]["need_id"]
    form = {"form_token": form_token(page), "days": "7"}
    assert (await owner.post(f"/owner/needs/{need_id}/snooze", data=form, headers=OWN)).status_code == 303
    assert "Quiet until 13 Oct 2025" in (await owner.get(path)).text
    form = {"form_token": form_token(page), "reason": "done", "words": "at my cousin's"}
    assert (await owner.post(f"/owner/needs/{need_id}/dismiss", data=form, headers=OWN)).status_code == 303
    past = (await people.owner.get(f"/v1/me/vehicles/{people.vehicle_id}")).json()["past_needs"][0]
    assert past["end_reason"] == "It was done elsewhere: at my cousin's"


async def drafted(town: Town, people: People, owner: httpx.AsyncClient, **changes: str) -> httpx.Response:
    await town.predict(wear(10, vehicle_id=people.vehicle_id))
    need_id = (await people.owner.get(f"/v1/me/vehicles/{people.vehicle_id}")).json()["needs"][0]["need_id"]
    path = f"/owner/cars/{people.vehicle_id}/book"
    page = await owner.get(path, params={"need": need_id})
    form = {
        "form_token": form_token(page),
        "need": need_id,
        "dealer": people.dealer_id,
        "start_ms": str(await people.slot()),
        "data_items": "vehicle",
        "days": "30",
        "note": "squeals",
    }
    return await owner.post(path, data=form | changes, headers=OWN)


async def test_a_booking_without_a_time_says_so_and_keeps_the_rest(
    town: Town, people: People, owner: httpx.AsyncClient
) -> None:
    answer = await drafted(town, people, owner, start_ms="")
    assert answer.status_code == 422
    assert "Choose a time." in answer.text
    assert "squeals" in answer.text


async def test_a_slot_that_is_gone_leaves_no_consent_behind(
    town: Town, people: People, owner: httpx.AsyncClient
) -> None:
    answer = await drafted(town, people, owner, start_ms=str(town.clock.now_ms() + DAY + 20 * HOUR))
    assert answer.status_code == 422
    assert "no longer free" in answer.text
    grants = (await people.owner.get("/v1/me/consents")).json()["consents"]
    assert [g["withdrawn_ms"] is None for g in grants if g["purpose"] == "booking"] == [False]


async def test_discarding_a_draft_withdraws_its_consent(town: Town, people: People, owner: httpx.AsyncClient) -> None:
    where = (await drafted(town, people, owner)).headers["location"]
    page = await owner.get(where)
    assert "This is what will leave" in page.text
    await owner.post(f"{where}/discard", data={"form_token": form_token(page)}, headers=OWN)
    grants = (await people.owner.get("/v1/me/consents")).json()["consents"]
    assert [g["withdrawn_ms"] is None for g in grants if g["purpose"] == "booking"] == [False]
    assert (await people.dealer.get("/v1/dealer/proposals")).json()["proposals"] == []


async def test_the_desk_refuses_a_measurement_that_cannot_be_beside_its_field(
    town: Town, people: People, owner: httpx.AsyncClient, advisor: httpx.AsyncClient
) -> None:
    where = (await drafted(town, people, owner)).headers["location"]
    proposal_id = where.rsplit("/", 1)[1]
    mine, desk = f"/v1/me/proposals/{proposal_id}", f"/v1/dealer/proposals/{proposal_id}"
    await people.owner.post(f"{mine}/send", json={})
    await people.dealer.post(f"{desk}/accept", json={})
    await people.owner.post(f"{mine}/confirm", json={})
    await people.dealer.post(f"{desk}/check-in", json={"odometer_m": 61_000_000})
    page = await advisor.get(f"/dealer/proposals/{proposal_id}")
    form = {
        "form_token": form_token(page),
        "outcome.front_brake_pads": "measured",
        "value.front_brake_pads": "99",
        "unit.front_brake_pads": "mm",
        "odometer_km": "61000",
    }
    answer = await advisor.post(f"/dealer/proposals/{proposal_id}/complete", data=form, headers=OWN)
    assert answer.status_code == 422
    assert 'id="front_brake_pads-error"' in answer.text
    assert 'value="99"' in answer.text


async def test_once_consent_is_withdrawn_the_desk_shows_only_that(
    town: Town, people: People, owner: httpx.AsyncClient, advisor: httpx.AsyncClient
) -> None:
    where = (await drafted(town, people, owner)).headers["location"]
    proposal_id = where.rsplit("/", 1)[1]
    await people.owner.post(f"/v1/me/proposals/{proposal_id}/send", json={})
    assert "Kompakt" in (await advisor.get("/dealer")).text
    grant = (await people.owner.get(f"/v1/me/proposals/{proposal_id}")).json()["grant_id"]
    await people.owner.post(f"/v1/me/consents/{grant}/withdraw", json={})
    for path in ("/dealer", f"/dealer/proposals/{proposal_id}"):
        page = (await advisor.get(path)).text
        assert "Consent withdrawn" in page
        assert "Kompakt" not in page
        assert "squeals" not in page


async def test_registering_signs_in_and_asks_for_the_car(town: Town) -> None:
    async with town.client() as client:
        form = {"name": "Nova Person", "email": "nova@owner.example", "password": "short", "time_zone": "Asia/Tokyo"}
        refused = await client.post("/register", data=form, headers=OWN)
        assert refused.status_code == 422
        assert 'id="password-error"' in refused.text
        answer = await client.post("/register", data=form | {"password": PASSWORD}, headers=OWN)
        assert answer.headers["location"] == "/owner?notice=registered"
        page = await client.get("/owner/claim")
        assert "Which car is yours?" in page.text
        wrong = await client.post(
            "/owner/claim", data={"form_token": form_token(page), "code": "AAAA-AAAA"}, headers=OWN
        )
        assert wrong.status_code == 422
        assert 'id="code-error"' in wrong.text


async def test_the_operators_page_names_nobody(town: Town, people: People) -> None:
    await town.predict(wear(10, vehicle_id=people.vehicle_id))
    async with town.client() as client:
        await sign_in(client, "operator@town.example")
        page = (await client.get("/operator")).text
    assert "From signal to invoice" in page
    for personal in ("Olla", "olla@", "WVWZZZ", people.vehicle_id):
        assert personal not in page


async def test_an_owner_shares_less_from_the_consents_page(
    town: Town, people: People, owner: httpx.AsyncClient, advisor: httpx.AsyncClient
) -> None:
    where = (await drafted(town, people, owner)).headers["location"]
    proposal_id = where.rsplit("/", 1)[1]
    await people.owner.post(f"/v1/me/proposals/{proposal_id}/send", json={})
    assert "Kompakt" in (await advisor.get(f"/dealer/proposals/{proposal_id}")).text
    grant = (await people.owner.get(f"/v1/me/proposals/{proposal_id}")).json()["grant_id"]
    page = await owner.get("/owner/consents")
    assert "Share less" in page.text
    path, form = f"/owner/consents/{grant}/narrow", {"form_token": form_token(page)}
    more = await owner.post(path, data=form | {"data_items": ["odometer"]}, headers=OWN)
    assert more.status_code == 422 and "does not cover odometer" in more.text
    answer = await owner.post(path, data=form, headers=OWN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/owner/consents?notice=narrowed")
    assert "Kompakt" not in (await advisor.get(f"/dealer/proposals/{proposal_id}")).text
    again = await owner.post(path, data=form, headers=OWN)
    assert again.status_code == 422 and "nothing would change" in again.text


async def test_a_car_is_given_away_only_by_who_says_so_twice(people: People, owner: httpx.AsyncClient) -> None:
    page = await owner.get(f"/owner/cars/{people.vehicle_id}")
    path, form = f"/owner/cars/{people.vehicle_id}/sale", {"form_token": form_token(page)}
    assert "I have given this car away" in page.text
    assert (await owner.post(path, data=form, headers=OWN)).status_code == 422
    assert len((await people.owner.get("/v1/me/vehicles")).json()["vehicles"]) == 1
    answer = await owner.post(path, data=form | {"sure": "yes"}, headers=OWN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/owner?notice=sold")
    assert (await people.owner.get("/v1/me/vehicles")).json()["vehicles"] == []
    assert "ended with the sale" in (await owner.get("/owner/consents")).text


async def test_the_link_of_a_reminder_counts_as_opened_and_signs_nobody_in(
    town: Town, people: People, owner: httpx.AsyncClient
) -> None:
    await town.predict(wear(10, vehicle_id=people.vehicle_id))
    mail = KeptReminders()
    assert await dispatch_reminders(town.office, mail) == 1
    async with town.client() as stranger:
        answer = await stranger.get(f"/r/{mail.kept[0][1].token}")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/owner/cars/{people.vehicle_id}")
        assert "/sign-in" in (await stranger.get(answer.headers["location"])).headers["location"]
        assert (await stranger.get("/r/none")).headers["location"] == "/owner"
    assert "A reminder was opened" in (await owner.get(f"/owner/cars/{people.vehicle_id}")).text


async def test_an_owner_changes_the_password_on_the_account_page(
    town: Town, people: People, owner: httpx.AsyncClient
) -> None:
    page = await owner.get("/owner/account")
    form = {"form_token": form_token(page)}
    wrong = await owner.post(
        "/owner/account/password", data=form | {"current": "not it", "new": "quite another one"}, headers=OWN
    )
    assert wrong.status_code == 422 and "not your present password" in wrong.text
    short = await owner.post("/owner/account/password", data=form | {"current": PASSWORD, "new": "short"}, headers=OWN)
    assert short.status_code == 422 and "At least 10 characters" in short.text
    done = await owner.post(
        "/owner/account/password", data=form | {"current": PASSWORD, "new": "quite another one"}, headers=OWN
    )
    assert (done.status_code, done.headers["location"]) == (303, "/owner/account?notice=password")
    assert (await owner.get("/owner/account")).status_code == 200, "this sign-in stays"
    assert (await people.owner.get("/v1/me")).status_code == 401, "the other one ended"


async def test_an_owner_signs_out_everywhere_and_takes_the_export(people: People, owner: httpx.AsyncClient) -> None:
    export = await owner.get("/owner/account/export")
    assert "attachment" in export.headers["content-disposition"]
    assert [car["vehicle"]["vehicle_id"] for car in export.json()["vehicles"]] == [people.vehicle_id]
    form = {"form_token": form_token(await owner.get("/owner/account"))}
    gone = await owner.post("/owner/account/sign-out-everywhere", data=form, headers=OWN)
    assert gone.headers["location"] == "/sign-in"
    assert (await owner.get("/owner/account")).status_code == 303
    assert (await people.owner.get("/v1/me")).status_code == 401


async def test_the_api_changes_a_password_and_ends_sessions(people: People) -> None:
    wrong = await people.dealer.post("/v1/me/password", json={"current": "not it", "new": "quite another one"})
    assert wrong.status_code == 401
    assert (await people.dealer.post("/v1/me/password", json={"current": PASSWORD, "new": "short"})).status_code == 422
    changed = await people.dealer.post("/v1/me/password", json={"current": PASSWORD, "new": "quite another one"})
    assert changed.status_code == 204
    assert (await people.dealer.post("/v1/me/sessions/end")).status_code == 204
    assert (await people.dealer.get("/v1/me")).status_code == 401
