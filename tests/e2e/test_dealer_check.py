"""`pitcall dealer check` as a dealer's engineer runs it: a verdict to read or to parse, and an exit status."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from pitcall.dealer_kit.checks import CHECKS
from tests.e2e.demo_run import PITCALL, environment
from tests.e2e.part import refusal
from tests.support.broken_dealers import SECRET, DealerSystem, served


async def check(dealer: DealerSystem, *arguments: str, given: str = "") -> tuple[int, str, str]:
    """Exit status and both outputs of a check against this dealer."""
    async with served(dealer.take) as url:
        process = await asyncio.create_subprocess_exec(
            PITCALL, "dealer", "check", url, *arguments, env=environment(),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate(given.encode())
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_a_good_endpoint_ends_with_0_and_a_line_for_each_check() -> None:
    status, out, err = await check(DealerSystem(), "--secret", SECRET)
    assert (status, err) == (0, "")
    for name in CHECKS:
        assert f" {name} " in out
    assert out.splitlines()[-1] == f"{len(CHECKS) - 1} passed, 1 unseen"


async def test_a_broken_one_ends_with_1_and_one_object_on_standard_output() -> None:
    dealer = DealerSystem(ignores_timestamp=True)
    status, out, err = await check(dealer, "--secret", "-", "--json", given=SECRET + "\n")
    assert (status, err) == (1, "")
    report: dict[str, Any] = json.loads(out)
    assert report["passes"] is False
    assert {found["fault"] for found in report["checks"]} == {"", "ignores-timestamp"}
    assert report["counts"]["failed"] == 2


@pytest.mark.parametrize(("url", "secret"), [("nonsense", SECRET), ("https://dealer.example/", "not-a-secret")])
def test_what_cannot_be_tried_is_said_in_one_sentence(url: str, secret: str) -> None:
    said = refusal("dealer", "check", url, "--secret", secret)
    assert said.startswith("the secret" if url.startswith("https") else "'nonsense'")
    assert "not-a-secret" not in said
