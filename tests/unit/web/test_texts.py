"""Every word the pages ask for is there, in every language that is shipped."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from domain.consent import DataItem, Purpose
from domain.need import Severity
from domain.proposal import Actor, ProposalState
from domain.service_record import ServiceOutcome
from web.dealer_view import DECLINES, GROUPS
from web.funnel_counts import funnel_counts
from web.need_view import DISMISSALS
from web.texts import texts_of

ROOT = Path(__file__).parents[3]
TEXTS = texts_of("en")
KEY = re.compile(r"""(?:\bt|texts(?:_of\(\))?)(?:\.plural|\.list)?\(\s*(?:"|')([a-z_-]+(?:\.[a-z_-]*[a-z])+)(?:"|')""")


def test_every_key_the_code_and_the_templates_name_has_a_text() -> None:
    sources = [*ROOT.glob("web/*.py"), *ROOT.glob("api/*.py"), *ROOT.glob("web/templates/*.html")]
    named = {key for source in sources for key in KEY.findall(source.read_text(encoding="utf-8"))}
    assert len(named) > 150
    assert sorted(key for key in named if key not in TEXTS) == []


def test_every_value_that_is_shown_by_its_name_has_a_text() -> None:
    keys = [f"proposal_state.{s}.{part}" for s in ProposalState for part in ("label", "owner", "dealer")]
    keys += [f"purpose.{p}.{part}" for p in Purpose for part in ("name", "text")]
    keys += [f"data_item.{i}.{part}" for i in DataItem for part in ("name", "short", "text")]
    keys += [f"severity.{s}" for s in Severity] + [f"outcome.{o}" for o in ServiceOutcome]
    keys += [f"actor.{a}" for a in Actor] + [f"dismissal.{d}" for d in DISMISSALS]
    keys += [f"decline.{d}" for d in DECLINES] + [f"dealer.{key}" for key, _ in GROUPS]
    keys += [f"count.{key}" for key in funnel_counts({})]
    keys += [f"event.proposal-{s}" for s in ProposalState]
    assert sorted(key for key in keys if key not in TEXTS) == []


def _keys(words: Any, at: str = "") -> set[str]:
    if not isinstance(words, dict):
        return {at}
    return set().union(*(_keys(value, f"{at}.{key}") for key, value in words.items()))


def test_every_language_has_the_same_keys() -> None:
    folder = files("web.texts")
    languages = {
        entry.name: _keys(yaml.safe_load(entry.read_text(encoding="utf-8")))
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    }
    for name, keys in languages.items():
        assert keys == languages["en.yaml"], name


def test_a_language_without_a_file_reads_english() -> None:
    assert texts_of("xx-YY")("locale") == "en"
