"""The drives of others that are shipped: unchanged, and attributed as their licence asks."""

import hashlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT / "simulators" / "data"


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("kit_obd2_2017_1hz.parquet", "d5e02f8b5ef2b0e5441da759c7449d7d9a02f120a44319fa3b135f9a30984745"),
        (
            "kit_obd2_LICENCE_and_metadata_CC-BY-4.0.xml",
            "134c215e055fd087f3c02660b8184fdc781e91ee681e8a4c678eeb23ac1f0b05",
        ),
    ],
)
def test_a_shipped_file_is_the_one_that_was_received(name: str, digest: str) -> None:
    assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize(
    "words",
    ["Automotive OBD-II Dataset", "Marc Weber", "10.35097/1130", "CC BY 4.0", "resampled", "kit_obd2_2017_1hz.parquet"],
)
def test_the_notice_says_what_the_licence_asks_for(words: str) -> None:
    assert words in (ROOT / "NOTICE").read_text()


def test_every_shipped_data_file_stands_in_the_notice() -> None:
    notice = (ROOT / "NOTICE").read_text()
    unnamed = [path.name for path in DATA.iterdir() if path.suffix in {".parquet", ".csv"} and path.name not in notice]
    assert unnamed == []


def test_the_licence_is_the_whole_apache_licence() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "9. Accepting Warranty or Additional Liability" in text
