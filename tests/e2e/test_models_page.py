"""In a real Chromium: the page of the models fits a phone and a desk, in light and dark, and hides no label."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.test_browser_booking import served, visitor
from tests.support.http_town import PASSWORD
from tests.support.labels import a_year_of_labels
from workflow.identity import add_operator

pytestmark = pytest.mark.browser

SIZES: list[tuple[int, Literal["light", "dark"]]] = [(360, "dark"), (1280, "light")]


async def test_the_page_of_the_models_fits_and_its_numbers_open(browser: Browser, tmp_path: Path) -> None:
    faults: list[str] = []
    async with served(tmp_path) as (town, _people, url):
        await add_operator(town.office, name="Opera Tor", email="second@operator.example", password=PASSWORD)
        async with town.office.unit_of_work() as uow:
            for label in a_year_of_labels():
                await uow.judged_labels.add(label)
        async with visitor(browser, url, "second@operator.example", faults) as page:
            await page.get_by_role("link", name="How good they are").click()
            await expect(page.get_by_role("heading", level=1)).to_have_text("How good the models are")
            for numbers in await page.get_by_text("The numbers").all():
                await numbers.click()
            await expect(page.get_by_role("table", name="Said and came true, within 30 days")).to_be_visible()
            for width, scheme in SIZES:
                await page.set_viewport_size({"width": width, "height": 844})
                await page.emulate_media(color_scheme=scheme)
                assert await page.evaluate("document.documentElement.scrollWidth") <= width
                # A label that is drawn outside its plot would be cut off.
                outside = await page.evaluate(
                    """[...document.querySelectorAll('svg.chart text')].filter(text => {
                         const box = text.getBoundingClientRect(), plot = text.ownerSVGElement.getBoundingClientRect()
                         return box.left < plot.left - 1 || box.right > plot.right + 1 || box.bottom > plot.bottom + 1
                       }).map(text => text.textContent)"""
                )
                assert outside == []
    assert faults == []
