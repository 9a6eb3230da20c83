"""Every word the pages ask for is there, in every language that is shipped."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from domain.consent import DataItem, Purpose
from domain.need import Severity
from domain.proposal import Actor, ProposalState
from domain.service_record import ServiceOutcome
from web.dealer_view import DECLINES, GROUPS
from web.funnel_counts import funnel_counts
from web.need_view import DISMISSALS
from web.texts import preferred_language, shipped_languages, texts_of

ROOT = Path(__file__).parents[3]
TEXTS = texts_of("en")
OPERATORS = ("operator", "models", "judgement", "count", "car_log")  # and what the command line writes
PLACE = re.compile(r"\{\w+\}")
KEY = re.compile(r"""(?:\bt|texts(?:_of\(\))?)(?:\.plural|\.list)?\(\s*(?:"|')([a-z_-]+(?:\.[a-z_-]*[a-z])+)(?:"|')""")


@pytest.mark.parametrize("language", shipped_languages())
def test_no_key_stands_twice_since_the_later_one_would_silently_win(language: str) -> None:
    def check(node: yaml.Node) -> None:
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value]
            assert len(keys) == len(set(keys)), f"{language}: {[key for key in keys if keys.count(key) > 1]}"
            for _, inner in node.value:
                check(inner)

    check(yaml.compose((ROOT / "web" / "texts" / f"{language}.yaml").read_text(encoding="utf-8")))


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


def _texts(words: Any, at: str = "") -> dict[str, Any]:
    if not isinstance(words, dict):
        return {at: words}
    return {key: text for name, part in words.items() for key, text in _texts(part, f"{at}.{name}".strip(".")).items()}


def test_every_language_has_the_same_keys_and_places_as_english() -> None:
    """But for operators' pages and reports, in English alone, and dates, whose order is the language's own."""
    assert shipped_languages() == ("de", "en", "fr", "zh")
    languages = {
        name: _texts(yaml.safe_load((files("web.texts") / f"{name}.yaml").read_text(encoding="utf-8")))
        for name in shipped_languages()
    }
    english = {key: text for key, text in languages["en"].items() if key.split(".")[0] not in OPERATORS}
    for name in ("de", "fr", "zh"):
        assert languages[name].keys() == english.keys(), name
        for key, text in languages[name].items():
            if isinstance(text, list):
                assert len(text) == len(english[key]), (name, key)
            elif not key.startswith("dates."):
                assert set(PLACE.findall(text)) == set(PLACE.findall(english[key])), (name, key)


def test_a_language_without_a_file_reads_english() -> None:
    assert texts_of("xx-YY")("locale") == "en"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("tlh, zh-CN;q=0.4, fr;q=0.7", "fr"),
        ("fr;q=0, zh", "zh"),
        ("*", "en"),
        ("de;q=much, zh-Hans", "zh"),
        (",;;=", "en"),
    ],
)
def test_a_browser_is_answered_in_the_language_it_asks_for_first(accepted: str, language: str) -> None:
    assert preferred_language(accepted) == language
