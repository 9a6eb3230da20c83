"""`pitcall dealer check`: a dealer's own endpoint tried from outside, as webhooks would; made-up data only."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx

from adapters.catalogue_file import load_catalogue
from adapters.webhook import signing_key
from adapters.webhook_address import resolve
from domain.catalogue import Catalogue
from domain.errors import InvalidInput, Unavailable
from pitcall.dealer_kit.checks import CHECKS
from pitcall.dealer_kit.trial import Trial
from pitcall.dealer_kit.verdict import Outcome, Verdict, untried
from pitcall.settings import Settings

LIMIT_S = 10.0  # within which Pitcall wants its answer
MARKS = {Outcome.PASSED: "ok", Outcome.FAILED: "FAILS", Outcome.UNSEEN: "LOOK", Outcome.UNTRIED: "-"}


@dataclass(frozen=True, slots=True)
class Report:
    """What the kit found at `url`; `notes` are about the address itself."""

    url: str
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()

    @property
    def has_passed(self) -> bool:
        """Whether no check failed. Those that cannot be seen from outside are the dealer's to look at."""
        return not self.faults

    @property
    def faults(self) -> set[str]:
        """The stable names of what is wrong."""
        return {verdict.finding.fault for verdict in self.verdicts if verdict.finding.fault}

    @property
    def counts(self) -> dict[str, int]:
        """How many checks ended how."""
        found = Counter(verdict.finding.outcome for verdict in self.verdicts)
        return {str(outcome): found[outcome] for outcome in Outcome}


async def check_dealer(url: str, secret: str, catalogue: Catalogue, *, limit_s: float = LIMIT_S) -> Report:
    """Try all checks one after the other; InvalidInput for a URL or secret that cannot be.

    Once an ordinary delivery is not accepted, nothing else is tried: a refusal would then prove nothing.
    """
    _check_url(url)
    try:
        signing_key(secret)
    except Unavailable as error:
        raise InvalidInput(
            "the secret is not whsec_ and base64", field="--secret", fix="as Pitcall showed it"
        ) from error
    verdicts: list[Verdict] = []
    trial = Trial(url, secret, catalogue, limit_s)
    try:
        for name, check in CHECKS.items():
            if verdicts and verdicts[0].finding.outcome is Outcome.FAILED:
                finding = untried("not tried: an ordinary delivery must be accepted first")
            else:
                finding = await check(trial)
            verdicts.append(Verdict(name, finding))
    finally:
        await trial.close()
    return Report(url, tuple(verdicts), await _notes(url))


def _check_url(url: str) -> None:
    try:
        target = httpx.URL(url)
    except httpx.InvalidURL:
        target = httpx.URL()
    if target.scheme not in ("http", "https") or not target.host:
        raise InvalidInput(f"{url!r} is no URL of an endpoint", field="URL", fix="write it like https://host/path")


async def _notes(url: str) -> tuple[str, ...]:
    """What holds for a trial on a desk, but not for what Pitcall sends to."""
    target, notes = httpx.URL(url), []
    if target.scheme == "http":
        notes.append("a proposal holds personal data: give Pitcall an https URL")
    try:
        await resolve(target.host, target.port or 443, allow_private=False)
    except Unavailable:
        notes.append("this host is not on the open Internet: unless told otherwise, Pitcall sends nothing there")
    return tuple(notes)


async def run_check(url: str, secret: str, settings: Settings) -> Report:
    """The report for the command line; a secret of `-` is one line of standard input."""
    if secret == "-":  # noqa: S105
        secret = sys.stdin.readline().strip()
    return await check_dealer(url, secret, load_catalogue(settings.catalogue))


def as_json(report: Report) -> dict[str, Any]:
    """The report as one object."""
    return {
        "url": report.url,
        "passes": report.has_passed,
        "counts": report.counts,
        "checks": [
            {
                "check": verdict.check,
                "outcome": str(verdict.finding.outcome),
                "fault": verdict.finding.fault,
                "saw": verdict.finding.saw,
                "fix": verdict.finding.fix,
            }
            for verdict in report.verdicts
        ],
        "notes": list(report.notes),
    }


def as_text(report: Report) -> str:
    """The report for a person: a line a check, with what to do below it."""
    lines = []
    for verdict in report.verdicts:
        finding = verdict.finding
        fault = f" [{finding.fault}]" if finding.fault else ""
        lines.append(f"{MARKS[finding.outcome]:<6} {verdict.check:<16} {finding.saw}{fault}")
        if finding.fix:
            lines.append(f"{'':<23} → {finding.fix}")
    lines += [f"note   {note}" for note in report.notes]
    lines.append(", ".join(f"{count} {outcome}" for outcome, count in report.counts.items() if count))
    return "\n".join(lines)
