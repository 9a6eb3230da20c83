"""Statements that are made once: SQLAlchemy writes them, PostgreSQL's driver runs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import ClauseElement, Dialect
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

_POSTGRES: Dialect = PGDialect_psycopg(paramstyle="format")  # type: ignore[no-untyped-call]


class _Written(NamedTuple):
    text: str
    names: tuple[str, ...]
    constants: Mapping[str, Any]
    """The values that stand in the statement itself, by the names that they were given."""


class Statement:
    """A constant of a module, whose values are its parameters.

    SQLAlchemy looks a statement up anew each time it runs, gathers its parameters and wraps its rows; for the short
    ones that a use case is made of that takes longer than running them. What is built for each call goes by it all the
    same.
    """

    def __init__(self, clause: ClauseElement) -> None:
        self.clause: Any = clause
        self._written: dict[tuple[str, ...], _Written] = {}

    def for_postgres(self, parameters: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """Its text and values for the driver. Which columns are written goes by the names of the parameters."""
        given = tuple(parameters)
        written = self._written.get(given)
        if written is None:
            written = self._written[given] = self._write(given)
        values = {**written.constants, **parameters} if written.constants else parameters
        return written.text, [values[name] for name in written.names]

    def _write(self, given: tuple[str, ...]) -> _Written:
        compiled: Any = self.clause.compile(dialect=_POSTGRES, column_keys=list(given))
        names = tuple(compiled.positiontup or ())
        constants = {name: compiled.params[name] for name in names if name not in given}
        return _Written(str(compiled), names, constants)
