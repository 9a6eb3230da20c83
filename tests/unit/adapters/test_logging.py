"""Nothing personal and no forged line ever stands in a log."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from adapters.logging import configure_logging
from adapters.redaction import HIDDEN, clean, redact
from domain.errors import InvalidInput

VIN = "WTEST00Z9JW000017"
MAIL = "ada.canary+x@example.test"


@pytest.fixture(params=["json", "console"])
def log(request: pytest.FixtureRequest) -> Iterator[tuple[str, io.StringIO]]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(form=request.param, level="info", stream=stream)
    yield request.param, stream
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def test_canaries_never_reach_the_log_by_whatever_way(log: tuple[str, io.StringIO]) -> None:
    _, stream = log
    product, library = structlog.get_logger("pitcall.test"), logging.getLogger("other.library")
    product.info("car_enrolled", vin=VIN, about=f"VIN {VIN.lower()}.", email=MAIL, nested={"owner_name": "Ada Canary"})
    product.warning("at", latitude=52.516275, deep=[{"Vehicle.CurrentLocation.Longitude": 13.377704}], note=MAIL)
    library.info("GET /claim?code=%s from %s at lat=52.516275", "canary-code", MAIL)
    library.info("at 52.516275, 13.377704 with Bearer canary-token and whsec_canarysecret")
    library.info("postgresql://pitcall:canary-password@db/pitcall")
    try:
        raise ValueError(f"no such car {VIN}\nforged line")
    except ValueError:
        library.exception("failed")
        product.exception("failed", password="canary-password")
    text = stream.getvalue()
    for canary in (VIN, VIN.lower(), "ada.canary", "Ada Canary", "52.516275", "13.377704", "canary"):
        assert canary not in text
    assert text.count("car_enrolled") == 1
    assert "Traceback" in text


def test_one_event_is_one_line(log: tuple[str, io.StringIO]) -> None:
    form, stream = log
    logger = structlog.get_logger("pitcall.test")
    logger.info("said", text="a\r\n2026-01-01 forged\x1b[31m\u2028b", **{"ke\ny": 1})
    logging.getLogger("x").info("plain\nforged")
    lines = stream.getvalue().split("\n")
    assert len(lines) == 3
    assert lines[2] == ""
    assert "\x1b" not in stream.getvalue()
    if form == "json":
        said = json.loads(lines[0])
        assert said["event"] == "said"
        assert said["level"] == "info"
        assert said["logger"] == "pitcall.test"
        assert "forged" in said["text"]


def test_below_the_level_nothing_is_written(log: tuple[str, io.StringIO]) -> None:
    _, stream = log
    structlog.get_logger("pitcall.test").debug("quiet")
    logging.getLogger("x").debug("quiet")
    assert stream.getvalue() == ""


def test_a_form_or_level_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        configure_logging(form="xml")
    assert refused.value.field == "log_form"
    with pytest.raises(InvalidInput) as refused:
        configure_logging(level="loud")
    assert refused.value.field == "log_level"


@given(st.text())
def test_no_text_breaks_a_line(text: str) -> None:
    assert len(clean(text).splitlines()) <= 1


@pytest.mark.parametrize(
    "harmless",
    [
        "3f2b8c1d9e7a4f60b1c2d3e4f5a60718",
        "uploads folded: 1760000000000 ms, partition 3, offset 12345678",
        "Vehicle.Powertrain.CombustionEngine.Speed",
        "status_code=200",
        "needs_opened=3 wall_s=1.2345, 0.5",
    ],
)
def test_what_is_harmless_stays_as_it_is(harmless: str) -> None:
    assert clean(harmless) == harmless


def test_values_of_all_kinds_are_made_fit() -> None:
    assert redact({"seq": 7, "ok": True, "none": None, "email": None}) == {
        "seq": 7,
        "ok": True,
        "none": None,
        "email": None,
    }
    assert redact([("a", b"x")]) == [["a", "b'x'"]]
    assert redact({"dealer-name": "x", "Webhook_Secret": "y", "claim code": 5}) == {
        "dealer-name": HIDDEN,
        "Webhook_Secret": HIDDEN,
        "claim code": 5,
    }
    deep: list[object] = []
    deep.append(deep)
    assert "…" in str(redact(deep))


def test_what_a_library_says_ten_times_a_second_is_written_once_in_a_while(
    log: tuple[str, io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, stream = log
    library, product = logging.getLogger("aiokafka.client"), structlog.get_logger("pitcall.test")
    now = 1_000.0
    monkeypatch.setattr("time.time", lambda: now)
    monkeypatch.setattr("time.time_ns", lambda: int(now * 1e9))
    for _ in range(150):  # 15 s
        library.error("Unable connect to node with id %s", 1)
        product.warning("the changelog can't be written")
        now += 0.1
    library.error("Another message")
    text = stream.getvalue()
    assert text.count("the changelog can't be written") == 150
    assert text.count("Unable connect to node with id 1") == 2
    assert "with id 1 (and 99 times more since it was last written)" in text
    assert "Another message" in text
