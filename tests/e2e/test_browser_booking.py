"""In a real Chromium: an owner grants, proposes, the dealer counters, the owner confirms, the calendar file comes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from pitcall.serving import open_socket, serving
from tests.support.http_town import PASSWORD, People, Town, a_town, people_of
from tests.support.moments import DAY
from tests.support.predictions import wear

pytestmark = pytest.mark.browser


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[Town, People, str]]:
    """A town with its people, on a port of its own."""
    async with a_town(folder, public_url="") as town, people_of(town) as people:
        listener = open_socket("127.0.0.1", 0, "")
        async with serving(town.app, listener, town.app.state.reception.live_events.close) as url:
            yield town, people, url


@asynccontextmanager
async def visitor(browser: Browser, url: str, email: str, faults: list[str]) -> AsyncIterator[Page]:
    """Somebody who has signed in by the form; what their browser complains about lands in `faults`."""
    context = await browser.new_context(viewport={"width": 390, "height": 844}, accept_downloads=True)
    page = await context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: None if request.url.startswith(url) else faults.append(request.url))
    await page.goto(url)
    await page.get_by_label("E-mail").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    try:
        yield page
    finally:
        await context.close()


async def propose(page: Page) -> str:
    """Book the need from the car's page: choose a time, leave the VIN unticked, read what would leave, send it."""
    await page.get_by_role("link", name="Book a visit").click()
    await page.locator(".day[open] label.time").nth(2).click()
    await expect(page.get_by_label("Vehicle identification number")).not_to_be_checked()
    await page.get_by_label("A note for the workshop").fill("the brakes squeal")
    await page.get_by_role("button", name="Allow this, and show me what would leave").click()
    await page.get_by_text("The exact text, byte for byte").click()
    preview = await page.locator("[data-preview]").inner_text()
    await page.get_by_role("button", name="Send it to Pit Lane Garage").click()
    await expect(page.get_by_text("Waiting for Pit Lane Garage")).to_be_visible()
    return preview


async def offer_two_other_times(page: Page) -> None:
    """The dealer's advisor offers the last free time of the first day, and the first of the next."""
    await page.locator("summary", has_text="Offer other times").click()
    days = page.locator("details[open] .loaded-slots .day")
    await days.nth(0).locator("label.time").last.click()
    await days.nth(1).locator("summary").click()
    await days.nth(1).locator("label.time").first.click()
    await page.get_by_role("button", name="Offer these times").click()
    await expect(page.get_by_text("Offered. The times are held")).to_be_visible()


async def test_an_owner_books_a_visit_with_a_dealer_who_offers_other_times(browser: Browser, tmp_path: Path) -> None:
    faults: list[str] = []
    async with (
        served(tmp_path) as (town, people, url),
        visitor(browser, url, "olla@owner.example", faults) as owner,
        visitor(browser, url, "pit@dealer.example", faults) as dealer,
    ):
        await expect(owner.get_by_role("heading", name="Getting to know your car.")).to_be_visible()
        await expect(dealer.get_by_role("heading", name="Nothing waits for you.")).to_be_visible()

        await town.predict(wear(10, vehicle_id=people.vehicle_id))
        await expect(owner.get_by_role("heading", name="Front brake pads: due soon.")).to_be_visible()  # no reload
        preview = await propose(owner)
        stored = (await people.dealer.get("/v1/dealer/proposals")).json()["proposals"][0]
        assert json.loads(preview) == stored["payload"], "what was shown is what left"
        assert "vin" not in stored["payload"]["vehicle"]

        await expect(dealer.get_by_role("heading", name="1 proposal waits for you.")).to_be_visible()  # no reload
        await offer_two_other_times(dealer)
        await expect(owner.get_by_role("heading", name="The dealer offers other times.")).to_be_visible()  # no reload
        await owner.locator("fieldset.offers label").nth(1).click()
        await owner.get_by_role("button", name="Confirm this time").click()
        await expect(owner.get_by_role("heading", name="See you there.")).to_be_visible()

        async with owner.expect_download() as download:
            await owner.get_by_role("link", name="Add it to your calendar").click()
        calendar = await asyncio.to_thread(Path(await (await download.value).path()).read_text, encoding="utf-8")
        assert "BEGIN:VCALENDAR" in calendar
        assert "STATUS:CONFIRMED" in calendar
        assert (await people.operator.get("/v1/operator/funnel")).json()["confirmed"] == 1
    assert faults == []


async def test_the_workshop_records_what_it_measured(browser: Browser, tmp_path: Path) -> None:
    faults: list[str] = []
    async with served(tmp_path) as (town, people, url):
        await town.predict(wear(10, vehicle_id=people.vehicle_id))
        async with (
            visitor(browser, url, "olla@owner.example", faults) as owner,
            visitor(browser, url, "pit@dealer.example", faults) as dealer,
        ):
            await propose(owner)
            await dealer.get_by_role("button", name="Accept").click()
            await owner.get_by_role("button", name="Confirm").click()
            await expect(dealer.locator("#booked article")).to_have_count(1)
            town.clock.set(town.clock.now_ms() + DAY)
            await dealer.locator("summary", has_text="Check in").click()
            await dealer.get_by_label("Odometer").fill("61500")
            await dealer.get_by_role("button", name="Check in").click()

            await dealer.locator("summary", has_text="Record what was found").click()
            await dealer.get_by_label("Replaced").first.check()
            value = dealer.locator("input[name='value.front_brake_pads']")
            assert await value.get_attribute("max") == "15"
            await value.fill("3.4")
            await dealer.get_by_role("button", name="Complete the visit").click()
            await expect(dealer.get_by_text("Recorded. The predictions learn from it.")).to_be_visible()
            await expect(owner.get_by_role("heading", name="The visit is over.")).to_be_visible()  # no reload
        async with town.office.unit_of_work() as uow:
            records = await uow.service_records.of_vehicle(people.vehicle_id)
    assert [(r.item, r.outcome, r.value, r.unit) for r in records] == [("front_brake_pads", "replaced", 3.4, "mm")]
    assert faults == []
