"""In a real Chromium: the report of a back-test opens from a file, fits a phone and a desk, and works by keyboard."""

import re
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, expect

from pitcall.backtest_report import write_report
from pitcall.own_car_report import write_own_car_report
from tests.support.made_up_car_log import CATALOGUE, made_up_car_log
from tests.support.made_up_judgement import made_up_judgement

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
async def test_the_report_opens_from_a_file_and_fits(
    browser: Browser, tmp_path: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    _, report = write_report(made_up_judgement(), tmp_path)
    context = await browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = await context.new_page()
    asked: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: faults.append(message.text))
    await page.goto(report.as_uri())
    await expect(page.get_by_role("heading", level=1)).to_have_text("A fleet that never was")
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    for numbers in await page.get_by_text("The numbers").all():
        await numbers.click()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    ground = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground))) > 384) == (scheme == "light")
    # A label that is drawn outside its plot would be cut off.
    outside = await page.evaluate(
        """[...document.querySelectorAll('svg.chart text')].filter(text => {
             const box = text.getBoundingClientRect(), plot = text.ownerSVGElement.getBoundingClientRect()
             return box.left < plot.left - 1 || box.right > plot.right + 1 || box.bottom > plot.bottom + 1
           }).map(text => text.textContent)"""
    )
    assert outside == []
    assert (asked, faults) == ([report.as_uri()], [])
    await context.close()


async def test_the_numbers_of_a_plot_open_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    _, report = write_report(made_up_judgement(), tmp_path)
    page = await browser.new_page()
    await page.goto(report.as_uri())
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    numbers = page.locator("details", has_text="Said and came true, within 30 days").first
    await numbers.locator("summary").focus()
    await page.keyboard.press("Enter")
    await expect(numbers.get_by_role("table")).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(numbers.get_by_role("region")).to_be_focused()
    await page.close()


@pytest.mark.parametrize("width", [360, 1280])
async def test_the_report_on_a_cars_own_logs_fits_and_opens_from_a_file(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    _, report = write_own_car_report(made_up_car_log(), CATALOGUE, tmp_path, "Europe/Berlin")
    page = await browser.new_page(viewport={"width": width, "height": 844})
    asked: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: faults.append(message.text))
    await page.goto(report.as_uri())
    await expect(page.get_by_role("heading", level=1)).to_have_text("What your log shows")
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    nothing = page.locator("#item-brake_fluid")
    await expect(nothing).to_contain_text("The log says nothing about this")
    assert await nothing.locator("dl").count() == 0
    assert (asked, faults) == ([report.as_uri()], [])
    await page.close()
