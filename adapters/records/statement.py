"""Statements that are made once: SQLAlchemy writes them, the database's driver runs them."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ClauseElement, Dialect
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.types import TypeEngine

_POSTGRES: Dialect = PGDialect_psycopg(paramstyle="format")  # type: ignore[no-untyped-call]
_SQLITE: Dialect = SQLiteDialect_aiosqlite(paramstyle="qmark")


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
        self._written: dict[tuple[bool, tuple[str, ...]], _Written] = {}
        columns = list(getattr(clause, "exported_columns", ()))
        self.returns_rows = bool(columns)
        self._row = _row_of([column.name for column in columns])
        # What SQLite has no type of its own for, a truth for instance, by the place of its column.
        convert = [(n, _from_sqlite(column.type)) for n, column in enumerate(columns)]
        self._convert = [(n, processor) for n, processor in convert if processor is not None]

    def for_driver(self, parameters: Mapping[str, Any], *, is_postgres: bool) -> tuple[str, list[Any]]:
        """Its text and values for the driver. Which columns are written goes by the names of the parameters."""
        given = tuple(parameters)
        written = self._written.get((is_postgres, given))
        if written is None:
            written = self._written[is_postgres, given] = self._write(given, _POSTGRES if is_postgres else _SQLITE)
        values = {**written.constants, **parameters} if written.constants else parameters
        return written.text, [values[name] for name in written.names]

    def rows(self, found: Iterable[Sequence[Any]]) -> list[Any]:
        """What SQLite's driver found, as rows whose columns are attributes."""
        if not self._convert:
            return [self._row(*one) for one in found]
        rows = []
        for one in found:
            values = list(one)
            for place, processor in self._convert:
                values[place] = processor(values[place])
            rows.append(self._row(*values))
        return rows

    def _write(self, given: tuple[str, ...], dialect: Dialect) -> _Written:
        compiled: Any = self.clause.compile(dialect=dialect, column_keys=list(given))
        names = tuple(compiled.positiontup or ())
        constants = {name: compiled.params[name] for name in names if name not in given}
        return _Written(str(compiled), names, constants)


def _row_of(columns: Sequence[str]) -> Callable[..., Any]:
    """What makes a row of values, whose columns are attributes."""
    return namedtuple("Row", columns, rename=True)


def _from_sqlite(kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    """What makes a value of SQLite's one of this type; None where it is one already."""
    processor: Callable[[Any], Any] | None = kind.dialect_impl(_SQLITE).result_processor(_SQLITE, None)
    return processor
