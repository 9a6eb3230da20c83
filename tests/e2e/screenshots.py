"""Pictures of the pages for the README, from a running demo in a real Chromium: `make screenshots`.

Starts `pitcall demo` on a free port and in a folder of its own, signs in by the three links it prints, waits until
there is something to see and writes docs/pictures/{owner,dealer,operator}-{390,1280}.png; the same in dark, and the
steps of a booking, go to the folder given by --scratch.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Page

from tests.servers import chromium

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
WIDTHS = {390: 844, 1280: 900}
PARTIES = ("owner", "dealer", "operator")
PATIENCE_S = 240.0
COMPLETED = ".funnel li:nth-child(7) .funnel-value:not(:text-is('0'))"


@asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[dict[str, str]]:
    """A demo of its own; gives its three links."""
    program = Path(sys.executable).with_name("pitcall")
    command = [str(program), "demo", "--port", "0", "--data-dir", str(folder / "data"), "--seed", "7"]
    with (folder / "demo.log").open("w+b") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=asyncio.subprocess.STDOUT, cwd=ROOT)
        try:
            yield await links(folder / "demo.log", process)
        finally:
            process.terminate()
            async with asyncio.timeout(30):
                await process.wait()


async def links(log: Path, process: asyncio.subprocess.Process) -> dict[str, str]:
    """The links as the demo prints them, one line each."""
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        printed = await asyncio.to_thread(log.read_text, encoding="utf-8")
        found = dict(re.findall(rf"^\s*({'|'.join(PARTIES)})\s+(http\S+/sign-in/\S+)", printed, re.MULTILINE))
        if len(found) == len(PARTIES):
            return found
        if process.returncode is not None:
            raise SystemExit(f"the demo ended before it printed its links:\n{printed[-2000:]}")
        await asyncio.sleep(0.5)
    raise SystemExit("the demo printed no links in time")


async def sign_in(browser: Browser, link: str, folder: Path, party: str) -> None:
    """Use a link, which works once, and keep the session in a file for pictures in other sizes."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(link)
    await context.storage_state(path=folder / f"{party}.json")
    (folder / f"{party}.address").write_text(page.url, encoding="utf-8")
    await context.close()


@asynccontextmanager
async def opened(
    browser: Browser, folder: Path, party: str, width: int = 390, scheme: str = "light"
) -> AsyncIterator[Page]:
    """The party's own page in a window of this size."""
    state = json.loads((folder / f"{party}.json").read_text(encoding="utf-8"))
    context = await browser.new_context(
        storage_state=state,
        viewport={"width": width, "height": WIDTHS[width]},
        color_scheme="dark" if scheme == "dark" else "light",
        device_scale_factor=2 if width < 1000 else 1,
    )
    page = await context.new_page()
    await page.goto((folder / f"{party}.address").read_text(encoding="utf-8"))
    try:
        yield page
    finally:
        await context.close()


async def keep(page: Page, to: Path) -> None:
    """The whole page as a picture; a page that is wider than its window is a fault."""
    await page.evaluate("document.fonts.ready")
    width = page.viewport_size["width"] if page.viewport_size else 0
    if await page.evaluate("document.documentElement.scrollWidth") > width:
        raise SystemExit(f"{to.name}: the page is wider than {width} px")
    await page.screenshot(path=to, full_page=True, animations="disabled")


class Gallery:
    """Where the pictures go: those for the README, and the others when a scratch folder was given."""

    def __init__(self, browser: Browser, folder: Path, scratch: Path | None) -> None:
        self.browser = browser
        self.folder = folder
        self.scratch = scratch

    def place(self, party: str, width: int, scheme: str) -> Path:
        """The file of a picture."""
        if scheme == "light":
            return PICTURES / f"{party}-{width}.png"
        assert self.scratch is not None
        return self.scratch / f"{party}-{width}-{scheme}.png"

    @asynccontextmanager
    async def windows(self, party: str) -> AsyncIterator[list[tuple[Page, Path]]]:
        """The party's page in every size and scheme, each with the file its picture goes to."""
        schemes = ("light", "dark") if self.scratch is not None else ("light",)
        async with AsyncExitStack() as stack:
            pages = []
            for width in WIDTHS:
                for scheme in schemes:
                    window = opened(self.browser, self.folder, party, width, scheme)
                    pages.append((await stack.enter_async_context(window), self.place(party, width, scheme)))
            yield pages

    async def owner(self) -> None:
        """The car, once something is due, with the reasons shown."""
        async with self.windows("owner") as pages:
            for page, to in pages:
                await page.locator("article.need").first.wait_for(timeout=PATIENCE_S * 1000)
                await page.locator("article.need summary", has_text="Why we say so").first.click()
                await keep(page, to)

    async def dealer(self) -> None:
        """The desk with a proposal that waits: the owner books, and the pictures are taken before the answer."""
        async with self.windows("dealer") as pages, opened(self.browser, self.folder, "owner") as owner:
            await owner.get_by_role("link", name=re.compile("^Book")).first.click()
            await owner.locator("main.booking input[name='dealer']").first.check()
            await owner.locator(".day[open] label.time").first.wait_for()
            await self.step(owner, "1-choose")
            await owner.locator(".day[open] label.time").last.click()
            await owner.get_by_role("button", name="Allow this").click()
            await self.step(owner, "2-preview")
            await owner.get_by_role("button", name="Send it to").click()
            await asyncio.gather(*(self.waiting(page, to) for page, to in pages))
            await owner.get_by_role("button", name=re.compile("^Confirm")).wait_for(timeout=60_000)
            await self.step(owner, "3-answer")
            await owner.get_by_role("button", name=re.compile("^Confirm")).click()
            await owner.get_by_role("link", name="Add it to your calendar").wait_for()
            await self.step(owner, "4-confirmed")

    async def waiting(self, page: Page, to: Path) -> None:
        """The desk as soon as something waits: in the demo the scripted dealer leaves a few seconds for this."""
        await page.locator(".lane-waiting article.entry").first.wait_for()
        await keep(page, to)

    async def operator(self) -> None:
        """The funnel, once visits were completed."""
        async with self.windows("operator") as pages:
            for page, to in pages:
                await page.locator(COMPLETED).wait_for(timeout=PATIENCE_S * 1000)
                await keep(page, to)

    async def step(self, page: Page, name: str) -> None:
        """A step of the booking, for the scratch folder only."""
        if self.scratch is not None:
            await keep(page, self.scratch / f"booking-{name}.png")


async def run(scratch: Path | None) -> None:
    """Take all pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pitcall-pictures-") as name:
        folder = Path(name)
        async with demo(folder) as urls, chromium.browser() as browser:
            for party in PARTIES:
                await sign_in(browser, urls[party], folder, party)
            gallery = Gallery(browser, folder, scratch)
            await gallery.owner()
            await gallery.dealer()
            await gallery.operator()
    for picture in sorted(PICTURES.glob("*.png")):
        print(picture.relative_to(ROOT))  # noqa: T201


def main() -> None:
    """Read the command line and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scratch", type=Path, help="also dark ones and the steps of a booking, into this folder")
    options = parser.parse_args()
    if options.scratch is not None:
        options.scratch.mkdir(parents=True, exist_ok=True)
    asyncio.run(run(options.scratch))


if __name__ == "__main__":
    main()
