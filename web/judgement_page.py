"""The report of a back-test as one page that needs nothing else: no network, no script, no file beside it."""

from __future__ import annotations

from markupsafe import Markup

from domain.judgement import Judgement
from web.formatting import Formatting
from web.judgement_view import judgement_view
from web.pages import STATIC, Pages
from web.texts import texts_of

STYLES = ("tokens.css", "judgement.css", "charts.css")


def judgement_page(judgement: Judgement, time_zone: str = "UTC") -> str:
    """The page as HTML, dates in the IANA time zone."""
    texts = texts_of()
    view = judgement_view(judgement, texts, Formatting(texts, time_zone))
    # Our own style sheets, not input: the one thing on the page that is not escaped.
    style = Markup("\n".join((STATIC / name).read_text(encoding="utf-8") for name in STYLES))  # noqa: S704
    return Pages().render("judgement.html", view=view, style=style)
