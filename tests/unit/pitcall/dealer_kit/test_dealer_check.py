"""The contract kit passes a dealer that is right, and names the fault of each that is not."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from adapters.catalogue_file import load_catalogue
from domain.errors import InvalidInput
from pitcall.dealer_check import Report, as_json, as_text, check_dealer
from pitcall.dealer_kit.checks import CHECKS
from pitcall.dealer_kit.made_up import MADE_UP
from pitcall.settings import Settings
from simulators.dealer_endpoint import DealerEndpoint
from tests.support.broken_dealers import (
    SECRET,
    DealerSystem,
    fails,
    hangs,
    is_endless,
    redirects,
    served,
    served_app,
)

ROOT = Path(__file__).parents[4]
CATALOGUE = load_catalogue(Settings().catalogue)


async def checked(url: str, *, secret: str = SECRET, limit_s: float = 10.0) -> Report:
    return await check_dealer(url, secret, CATALOGUE, limit_s=limit_s)


async def found_in(dealer: DealerSystem) -> Report:
    async with served(dealer.take) as url:
        return await checked(url)


def outcomes(report: Report) -> dict[str, str]:
    return {verdict.check: str(verdict.finding.outcome) for verdict in report.verdicts}


def failing(report: Report) -> set[str]:
    return {check for check, outcome in outcomes(report).items() if outcome == "failed"}


async def test_the_sandbox_dealer_passes_and_acts_once_per_webhook_id() -> None:
    acts: list[tuple[str, Mapping[str, Any]]] = []
    async with served_app(DealerEndpoint([SECRET], lambda *act: acts.append(act)).app) as url:
        report = await checked(url)
    assert report.faults == set()
    assert report.has_passed
    ids = [webhook_id for webhook_id, _ in acts]
    assert len(ids) == len(set(ids)) > 0


async def test_during_a_rotation_the_sandbox_dealer_takes_either_secret() -> None:
    other = "whsec_c29tZSBvdGhlciBrZXkgb2YgdGhlIHRlc3Rz"
    async with served_app(DealerEndpoint([other, SECRET], lambda *_: None).app) as url:
        assert (await checked(url)).has_passed
        assert (await checked(url, secret=other)).has_passed


async def test_a_dealer_that_is_right_passes_and_hears_of_no_real_car() -> None:
    bodies: list[dict[str, Any]] = []

    class Listening(DealerSystem):
        def is_signed(self, request: Request, body: bytes) -> bool:
            bodies.append(json.loads(body))
            return super().is_signed(request, body)

    report = await found_in(Listening())
    assert report.faults == set()
    assert set(outcomes(report)) == set(CHECKS)
    for body in bodies:
        assert body["proposal_id"].startswith(MADE_UP)
        if "proposal" in body:
            assert body["proposal"]["customer"]["email"].endswith(".invalid")


async def test_what_cannot_be_seen_from_outside_is_said_and_not_passed() -> None:
    dealer = DealerSystem(tells_of_acts=False, acts_on_replays=True)
    report = await found_in(dealer)
    assert report.has_passed
    assert outcomes(report)["replay"] == outcomes(report)["retry"] == outcomes(report)["withdrawal"] == "unseen"
    (replay,) = [verdict.finding for verdict in report.verdicts if verdict.check == "replay"]
    twice = next(webhook_id for webhook_id in dealer.acts if dealer.acts.count(webhook_id) > 1)
    assert twice in replay.fix, "it names the delivery to look for"


# What is built wrong → the faults the kit names, and the checks that fail for it. All others pass.
BROKEN: dict[str, tuple[DealerSystem, set[str], set[str]]] = {
    "accepts any signature": (
        DealerSystem(accepts_any_signature=True),
        {"accepts-unsigned", "accepts-any-signature", "accepts-changed-body", "ignores-timestamp"},
        {"unsigned", "wrong-signature", "changed-body", "old-timestamp", "early-timestamp"},
    ),
    "ignores the timestamp": (
        DealerSystem(ignores_timestamp=True),
        {"ignores-timestamp"},
        {"old-timestamp", "early-timestamp"},
    ),
    "acts twice on a replay": (DealerSystem(acts_on_replays=True), {"acts-twice"}, {"replay"}),
    "refuses a replay": (DealerSystem(refuses_known_ids=True), {"refuses-replay"}, {"replay"}),
    "remembers ids before it verifies": (
        DealerSystem(remembers_before_verifying=True),
        {"forgets-retry"},
        {"retry"},
    ),
    "refuses unknown types": (
        DealerSystem(refuses_unknown_types=True),
        {"refuses-unknown-types"},
        {"unknown-type"},
    ),
    "refuses the withdrawal": (
        DealerSystem(refuses_types=frozenset({"proposal.withdrawn"})),
        {"refuses-withdrawal"},
        {"withdrawal"},
    ),
    "refuses confirmations": (
        DealerSystem(refuses_types=frozenset({"proposal.confirmed"})),
        {"refuses-events"},
        {"other-events"},
    ),
    "reads one signature only": (
        DealerSystem(reads_one_signature=True),
        {"refuses-two-signatures"},
        {"two-signatures"},
    ),
    "verifies what its JavaScript wrote again": (
        DealerSystem(reserialises="javascript"),
        {"verifies-reserialised-body"},
        {"raw-bytes"},
    ),
    "verifies what its Python wrote again": (
        DealerSystem(reserialises="python"),
        {"verifies-reserialised-body"},
        {"delivery"},
    ),
    "stops at 100 kB": (DealerSystem(largest_body=100_000), {"refuses-large-body"}, {"large-body"}),
}


@pytest.mark.parametrize("what", BROKEN)
async def test_a_broken_dealer_is_told_its_fault_and_no_other(what: str) -> None:
    dealer, faults, checks = BROKEN[what]
    report = await found_in(dealer)
    assert report.faults == faults
    assert failing(report) == checks
    assert not report.has_passed
    assert all(verdict.finding.fix for verdict in report.verdicts if verdict.check in checks)


@pytest.mark.parametrize(
    ("endpoint", "fault"),
    [(redirects, "redirects"), (hangs, "too-slow"), (is_endless, "endless-answer"), (fails, "server-error")],
)
async def test_an_endpoint_that_takes_nothing_is_told_why(endpoint: Any, fault: str) -> None:
    async with served(endpoint) as url:
        report = await checked(url, limit_s=0.5)
    assert report.faults == {fault}
    assert outcomes(report) == {check: "failed" if check == "delivery" else "untried" for check in CHECKS}


async def test_an_endpoint_without_post_is_told_so() -> None:
    async with served(DealerSystem().take, methods=("PUT",)) as url:
        report = await checked(url)
    assert report.faults == {"no-post"}


async def test_a_wrong_path_a_wrong_secret_and_nobody_there_are_told_apart() -> None:
    async with served(DealerSystem().take) as url:
        assert (await checked(url + "elsewhere")).faults == {"no-such-path"}
        assert (await checked(url, secret="whsec_c29tZSBvdGhlciBrZXk=")).faults == {"refuses-deliveries"}
    assert (await checked(url)).faults == {"unreachable"}


async def test_a_report_says_what_to_fix_and_never_the_secret() -> None:
    report = await found_in(DealerSystem(ignores_timestamp=True))
    told, text = as_json(report), as_text(report)
    assert told["passes"] is False
    assert sum(told["counts"].values()) == len(told["checks"]) == len(CHECKS)
    (old,) = [check for check in told["checks"] if check["check"] == "old-timestamp"]
    assert old["fault"] == "ignores-timestamp"
    assert old["fix"] in text
    for said in (text, json.dumps(told)):
        assert SECRET.removeprefix("whsec_") not in said
    assert any("https" in note for note in told["notes"])


def test_the_page_has_every_check_and_every_fault_that_is_named() -> None:
    page = (ROOT / "docs" / "dealers.md").read_text(encoding="utf-8").partition("## The contract kit")[2]
    assert re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE) == list(CHECKS)
    kit = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "pitcall" / "dealer_kit").glob("*.py"))
    named = set(re.findall(r'(?:fault=|failed\()"([\w-]+)"', kit))
    assert len(named) > 15
    assert named == {fault for fault in re.findall(r"`([\w-]+)`", page) if fault in named}


@pytest.mark.parametrize(
    ("url", "secret", "field"),
    [
        *((url, SECRET, "URL") for url in ("localhost:1", "ftp://a/b", "https:///path", "")),
        *(("https://dealer.example/", secret, "--secret") for secret in ("whsec_not-base64", "")),
    ],
)
async def test_what_cannot_be_tried_is_named(url: str, secret: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await check_dealer(url, secret, CATALOGUE)
    assert refused.value.field == field
