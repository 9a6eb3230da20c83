"""The report on a car's own logs as one page that needs nothing else: no network, no script, no file beside it."""

from __future__ import annotations

from markupsafe import Markup

from domain.car_log import CarLog
from domain.catalogue import Catalogue
from web.car_log_view import car_log_view
from web.pages import STATIC, Pages
from web.reading import Reading

STYLES = ("tokens.css", "judgement.css", "charts.css", "car_log.css")


def car_log_page(log: CarLog, catalogue: Catalogue, time_zone: str = "UTC") -> str:
    """The page as HTML, times in the IANA time zone."""
    reading = Reading.of(catalogue, time_zone=time_zone)
    # Our own style sheets, not input: the one thing on the page that is not escaped.
    style = Markup("\n".join((STATIC / name).read_text(encoding="utf-8") for name in STYLES))  # noqa: S704
    return Pages().render("car_log.html", reading, view=car_log_view(log, reading), style=style)
