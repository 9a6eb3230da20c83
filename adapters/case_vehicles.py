"""CaseVehicles: every vehicle that a file of a case names, and what the list of vehicles says of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pyarrow as pa

from adapters.case_columns import BatchColumns, Names, is_number_column
from adapters.case_mistakes import CaseMistakes
from adapters.case_table import CaseTable, TableBatch

TEXT, NUMBER = "text", "number"


class CaseVehicles:
    """Places of vehicles by id, in the order they were come across; `ranks` turns them into sorted ones."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._is_listed = False
        self._told: set[tuple[str, str]] = set()
        self._attributes: dict[str, np.ndarray | list[str]] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        """All ids, sorted."""
        return tuple(sorted(self._places))

    def ranks(self) -> np.ndarray:
        """From a place to that among the sorted ids, int64."""
        ranks = np.empty(len(self._places), dtype=np.int64)
        ranks[[self._places[name] for name in self.ids]] = np.arange(len(ranks))
        return ranks

    def places(self, columns: BatchColumns) -> np.ndarray:
        """Places of the vehicles of a batch, −1 where there is none or, with a list, one that is not on it."""
        names = columns.names("vehicle_id")
        if self._is_listed:
            self._note_strangers(columns, names)
            return names.mapped(lambda name: self._places.get(name, -1) if name else -1)
        return names.mapped(lambda name: self._places.setdefault(name, len(self._places)) if name else -1)

    def _note_strangers(self, columns: BatchColumns, names: Names) -> None:
        """Each is told once, where it first comes up."""
        for place, name in enumerate(names.distinct):
            if name and name not in self._places and (columns.file, name) not in self._told:
                self._told.add((columns.file, name))
                is_first = np.zeros(len(names.of), dtype=np.bool_)
                is_first[np.flatnonzero(names.of == place)[:1]] = True
                wrong = f"vehicle {name} is not in the list of vehicles"
                columns.wrong(is_first, partial(_say, wrong))

    def read_list(self, table: CaseTable, kinds: Mapping[str, str], mistakes: CaseMistakes) -> None:
        """Reads the list of vehicles and their attributes; `kinds` are those the catalogue says (number or text)."""
        first_rows: dict[str, int] = {}
        arrays: dict[str, list[pa.Array]] = {name: [] for name in table.columns if name != "vehicle_id"}
        for batch in table.batches():
            columns = BatchColumns(table.name, batch, mistakes)
            names = columns.names("vehicle_id")
            told = zip(names.texts(), columns.rows.tolist(), strict=True)
            is_twice = [bool(name) and first_rows.setdefault(name, row) != row for name, row in told]
            columns.wrong(np.array(is_twice, dtype=np.bool_), partial(_say_twice, names))
            for name, read in arrays.items():
                read.append(batch.columns[name])
        self._places = {name: place for place, name in enumerate(first_rows)}
        self._is_listed = "vehicle_id" in table.columns
        rows = np.array(list(first_rows.values()), dtype=np.int64)
        for name, read in arrays.items():
            self._attributes[name] = _attribute(table.name, name, read, kinds.get(name), mistakes, rows)

    def attributes(self) -> Mapping[str, np.ndarray | tuple[str, ...]]:
        """By name, in the order of `ids`: float64 with NaN, or texts with "" where nothing is known."""
        order = [self._places[name] for name in self.ids]
        return {
            name: values[order] if isinstance(values, np.ndarray) else tuple(values[place] for place in order)
            for name, values in self._attributes.items()
        }


def _say(wrong: str, _: int) -> str:
    return wrong


def _say_twice(names: Names, row: int) -> str:
    return f"vehicle {names[row]} is there twice"


def _attribute(
    file: str, name: str, arrays: list[pa.Array], kind: str | None, mistakes: CaseMistakes, rows: np.ndarray
) -> np.ndarray | list[str]:
    """The attribute of each vehicle, from its first row; numbers where all that is told are."""
    whole = pa.chunked_array(arrays).combine_chunks() if arrays else pa.nulls(0, pa.string())
    columns = BatchColumns(file, TableBatch(0, {name: whole}, len(whole)), mistakes)
    if kind == NUMBER or (kind is None and is_number_column([whole])):
        numbers: np.ndarray = columns.numbers(name)[rows]
        return numbers
    texts = columns.names(name, is_needed=False).texts()
    return [texts[row] for row in rows.tolist()]
