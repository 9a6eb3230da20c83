"""A real Chromium, driven by Playwright, that can reach nothing but loopback."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

from tests.servers.availability import Found, MissingServerError, version_of

NAME = "Chromium"
HOW_TO_GET = "install Chromium or Chrome (Debian: apt-get install chromium)"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--metrics-recording-only",
    "--no-first-run",
    "--no-proxy-server",
    # A page that asks for a script from elsewhere must fail here as it would in a workshop without a network.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
]


def find() -> Found:
    """The browser that can be started here, or MissingServerError."""
    return Found(NAME, version_of([_program(), "--version"], r"([\d.]{5,})") or "of unknown version")


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """A running browser without windows; ends with the block."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path=_program(),
            args=ARGUMENTS,
            # Chromium can't build its sandbox as root, and it opens only our own pages here.
            chromium_sandbox=os.geteuid() != 0 and "CI" not in os.environ,
        )
        try:
            yield running
        finally:
            await running.close()


def _program() -> str:
    for name in PROGRAMS:
        if path := shutil.which(name):
            return path
    raise MissingServerError(NAME, HOW_TO_GET)
