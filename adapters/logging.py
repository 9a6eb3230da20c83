"""Logs on standard error: one line per event, as JSON or for a console, with nothing personal in them.

Called by the composition root only: as a library this code never touches its host's logging.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from adapters.log_repeats import Repeats
from adapters.redaction import HIDDEN, clean, is_hidden, redact
from domain.errors import InvalidInput

FORMATS = ("json", "console")
LEVELS = ("debug", "info", "warning", "error")
# Written by structlog itself; `logger` is the name of a module.
_OWN_KEYS = {"event", "level", "logger", "timestamp"}


# At debug these write what goes through them: SQL parameters, headers, records. That is no business of a log.
TELL_VALUES = (
    "aiokafka", "aiosqlite", "asyncio", "faust", "httpcore", "httpx", "kafka", "mode", "psycopg", "sqlalchemy",
)  # fmt: skip
LEVEL_NUMBERS = logging.getLevelNamesMapping()


def configure_logging(*, form: str = "console", level: str = "info", stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's records, from whatever package, through one redacting formatter.

    `form` is json or console, `level` debug, info, warning or error; InvalidInput otherwise. `stream` defaults to
    standard error.
    """
    if form not in FORMATS:
        raise InvalidInput(f"logs have no form {form}", field="log_form", fix=" or ".join(FORMATS))
    if level not in LEVELS:
        raise InvalidInput(f"logs have no level {level}", field="log_level", fix=" or ".join(LEVELS))
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    _install(_formatter(form, shared), level, stream or sys.stderr)


def _formatter(form: str, shared: list[Any]) -> logging.Formatter:
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if form == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=False)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.StackInfoRenderer(),
            # Tracebacks become text before the redaction: an exception's message may hold anything.
            structlog.processors.format_exc_info,
            _without_personal_data,
            renderer,
        ],
    )


def _install(formatter: logging.Formatter, level: str, stream: TextIO) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.addFilter(Repeats())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in TELL_VALUES:
        logging.getLogger(name).setLevel(max(logging.INFO, LEVEL_NUMBERS[level.upper()]))
    logging.captureWarnings(True)


def _without_personal_data(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {
        clean(key): HIDDEN if key not in _OWN_KEYS and value is not None and is_hidden(key) else redact(value)
        for key, value in event.items()
    }
