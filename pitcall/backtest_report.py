"""The files a back-test leaves behind beside its predictions: report.json for programs, report.html for people."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from domain.errors import Unavailable
from domain.judgement import Judgement
from web.judgement_page import judgement_page

SCHEMA = 1
"""Raised when a key of report.json goes away or changes its meaning; keys may be added without."""
JSON_NAME, HTML_NAME = "report.json", "report.html"


def write_report(judgement: Judgement, folder: Path) -> tuple[Path, Path]:
    """Write both files into `folder`, which is made if need be; returns their paths. Unavailable names what failed."""
    return write_both(report_json(judgement), judgement_page(judgement), folder)


def write_both(report: Mapping[str, Any], page: str, folder: Path) -> tuple[Path, Path]:
    """Write a report for programs and its page into `folder`; returns their paths. Unavailable names what failed."""
    files = {
        folder / JSON_NAME: json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        folder / HTML_NAME: page,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            # Whole or not at all: a report that was cut off looks like a report.
            beside = path.with_name(f".{path.name}.part")
            beside.write_text(text, encoding="utf-8")
            beside.replace(path)
    except OSError as error:
        raise Unavailable(f"the report cannot be written to {folder}: {error.strerror or error}") from error
    return folder / JSON_NAME, folder / HTML_NAME


def report_json(judgement: Judgement) -> dict[str, Any]:
    """The judgement as plain values with the keys of docs/backtest-report.md; what is not known is null."""
    return {"schema": SCHEMA} | {key: plain(value) for key, value in asdict(judgement).items()}


def plain(value: Any) -> Any:
    """Lists, mappings and numbers as JSON has them; a number that is none is null."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
