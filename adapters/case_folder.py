"""CaseFolder: a back-test case in a folder, checked as a whole and then read in stretches of time."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import cast

import numpy as np

from adapters.case_columns import NO_TIME, BatchColumns, Names
from adapters.case_mistakes import CaseMistakes
from adapters.case_services import SERVICE, ServiceReader, order, services
from adapters.case_stretches import GapCounts, Stretches, TimeCounts
from adapters.case_table import BATCH_ROWS, CaseTable, TableShape, open_table
from adapters.case_vehicles import CaseVehicles
from adapters.yaml_file import read_yaml
from domain.backtest_case import CaseSettings, read_case_settings
from domain.catalogue import Catalogue
from domain.catalogue_reader import InvalidCatalogue, read_catalogue
from domain.errors import InvalidInput
from domain.field_reader import FieldReader
from workflow.case_history import CaseEvents, CaseSpan, Floats

ROWS_PER_SPAN = 100_000
EVENT = np.dtype([("vehicle", "<i4"), ("time", "<i8"), ("code", "<i4")])
SETTINGS_FILE, CATALOGUE_FILE = "case.yaml", "catalogue.yaml"


class CaseFolder:
    """The case in the folder `path`, as `workflow.case_history.CaseHistory`; use it as a context, or close it.

    Everything is read and checked at once: InvalidCase lists all mistakes of all files. What is read goes to temporary
    files by stretches of time of about `rows_per_span` rows of telemetry and events, so that memory does not grow with
    the history; closing removes them, and so does an error. `implausible` counts, by signal, the values that became
    gaps because they lie outside the catalogue's range, and `largest_held` the most rows ever held at once.
    """

    settings: CaseSettings
    catalogue: Catalogue
    signals: tuple[str, ...]
    vehicle_ids: tuple[str, ...]
    attributes: Mapping[str, Floats | tuple[str, ...]]
    usual_gap_ms: int
    implausible: dict[str, int]

    def __init__(self, path: Path, rows_per_span: int = ROWS_PER_SPAN) -> None:
        self._path, self._rows = path, rows_per_span
        self._mistakes = CaseMistakes()
        self._vehicles = CaseVehicles()
        self._counts, self._gaps = TimeCounts(), GapCounts()
        self._latest_ms = 0
        self._batch_rows = min(rows_per_span, BATCH_ROWS)
        self._scratch = Path(tempfile.mkdtemp(prefix="pitcall-case-"))
        self._removal = weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)
        try:
            self._read()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Removes the temporary files; spans can't be read any longer."""
        self._removal()

    def __enter__(self) -> CaseFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self) -> None:
        if not self._path.is_dir():
            self._mistakes.add(str(self._path), "there is no such folder")
            self._mistakes.raise_if_any()
        settings, catalogue = self._settings(), self._catalogue()
        self._read_vehicles(catalogue)
        self._read_services(catalogue)
        self._read_events(catalogue)
        self._read_telemetry(catalogue)
        self.vehicle_ids = self._vehicles.ids
        self._cut()
        self._mistakes.raise_if_any()
        # Without mistakes both are there.
        self.settings, self.catalogue = cast(CaseSettings, settings), cast(Catalogue, catalogue)
        self.attributes = self._vehicles.attributes()
        self.usual_gap_ms = self._gaps.median()

    def _settings(self) -> CaseSettings | None:
        try:
            values, line = read_yaml(self._path / SETTINGS_FILE, "case")
        except InvalidInput as error:
            self._mistakes.add(SETTINGS_FILE, str(error))
            return None
        reader = FieldReader()
        settings = read_case_settings(values, self._path.resolve().name, reader)
        for field, wrong in reader.mistakes:
            self._mistakes.add(SETTINGS_FILE, f"{field}: {wrong}".removeprefix(": "), line=line(field))
        return settings

    def _catalogue(self) -> Catalogue | None:
        try:
            values, line = read_yaml(self._path / CATALOGUE_FILE, "catalogue")
            catalogue = read_catalogue(values)
        except InvalidCatalogue as error:
            for field, wrong in error.mistakes:
                self._mistakes.add(CATALOGUE_FILE, f"{field}: {wrong}".removeprefix(": "), line=line(field))
            return None
        except InvalidInput as error:
            self._mistakes.add(CATALOGUE_FILE, str(error))
            return None
        if not catalogue.items:
            self._mistakes.add(CATALOGUE_FILE, "items: name at least one, or there is nothing to predict")
        return catalogue

    def _open(self, stem: str, shape: TableShape, *, is_optional: bool = False) -> CaseTable | None:
        table = open_table(self._path, stem, shape, self._mistakes, is_optional=is_optional)
        if table:
            table.batch_rows = self._batch_rows
        return table

    def _read_vehicles(self, catalogue: Catalogue | None) -> None:
        names = tuple(catalogue.attributes) if catalogue else None
        shape = TableShape(("vehicle_id",), names, "; name it under attributes of the catalogue, or leave it out")
        table = self._open("vehicles", shape, is_optional=True)
        if table:
            kinds = catalogue.attribute_types if catalogue else {}
            self._vehicles.read_list(table, kinds, self._mistakes)

    def _read_services(self, catalogue: Catalogue | None) -> None:
        self._services = Stretches(self._scratch, "services", SERVICE, "known")
        shape = TableShape(("vehicle_id", "time", "item", "outcome"), ("value", "unit", "known_time"))
        table = self._open("services", shape)
        if not table:
            return
        reader = ServiceReader(catalogue, self._vehicles, self._mistakes)
        for batch in table.batches():
            records = reader.read(table, batch)
            self._services.stage(records)
            self._latest_ms = max(self._latest_ms, int(records["known"].max(initial=0)))

    def _read_events(self, catalogue: Catalogue | None) -> None:
        self._events = Stretches(self._scratch, "events", EVENT, "time")
        table = self._open("events", TableShape(("vehicle_id", "time", "code")), is_optional=True)
        codes = {code: place for place, code in enumerate(catalogue.events)} if catalogue else None
        for batch in table.batches() if table else ():
            columns = BatchColumns(cast(CaseTable, table).name, batch, self._mistakes)
            names = columns.names("code")
            code = names.mapped(lambda name: codes.get(name, -1) if codes is not None else 0)
            columns.wrong((names.of >= 0) & (code < 0), partial(_say_unknown, names))
            records = np.zeros(batch.rows, dtype=EVENT)
            records["vehicle"], records["time"] = self._vehicles.places(columns), columns.times("time")
            records["code"] = code
            good = records[(records["vehicle"] >= 0) & (records["time"] != NO_TIME) & (code >= 0)]
            self._events.stage(good)
            self._counts.add(good["time"])

    def _read_telemetry(self, catalogue: Catalogue | None) -> None:
        self.signals = tuple(catalogue.signals) if catalogue else ()
        self.implausible = dict.fromkeys(self.signals, 0)
        self._row = np.dtype(
            [("vehicle", "<i4"), ("time", "<i8"), ("row", "<i8"), ("values", "<f8", (len(self.signals),))]
        )
        self._telemetry = Stretches(self._scratch, "telemetry", self._row, "time")
        why = "; name it under signals of the catalogue, or leave it out"
        shape = TableShape(("vehicle_id", "time", *self.signals), () if catalogue else None, why)
        table = self._open("telemetry", shape)
        self._telemetry_file = table.name if table else ""
        rows = 0
        for batch in table.batches() if table else ():
            columns = BatchColumns(self._telemetry_file, batch, self._mistakes)
            records = self._telemetry_rows(columns, catalogue)
            self._telemetry.stage(records)
            self._counts.add(records["time"])
            rows += batch.rows
        if table and not rows and not table.is_damaged:
            self._mistakes.add(table.name, "has no rows")

    def _telemetry_rows(self, columns: BatchColumns, catalogue: Catalogue | None) -> np.ndarray:
        records = np.zeros(columns.batch.rows, dtype=self._row)
        records["vehicle"], records["time"] = self._vehicles.places(columns), columns.times("time")
        records["row"] = columns.rows
        for place, name in enumerate(self.signals):
            if not columns.has(name):
                continue
            value = columns.numbers(name)
            spec = cast(Catalogue, catalogue).signals[name]
            is_odd = (value < spec.minimum) | (value > spec.maximum)
            self.implausible[name] += int(is_odd.sum())
            records["values"][:, place] = np.where(is_odd, np.nan, value)
        good: np.ndarray = records[(records["vehicle"] >= 0) & (records["time"] != NO_TIME)]
        return good

    def _cut(self) -> None:
        """Deals all that was read to stretches of time and sorts each; notes rows that are there twice."""
        self._ranks = self._vehicles.ranks()
        self._untils = self._counts.untils(self._rows)
        for stretches in (self._telemetry, self._events, self._services):
            stretches.deal(self._untils, self._rows)
        newest = np.full(len(self._ranks), NO_TIME)
        for stretch in range(len(self._untils)):
            telemetry = self._telemetry.sort(stretch, self._by_vehicle_within_time)
            self._look_for_twins(telemetry)
            self._count_gaps(telemetry, newest)
            self._events.sort(stretch, self._by_code_within_vehicle)
            self._services.sort(stretch, self._by_known)
        # What becomes known after the end of all telemetry belongs to the last stretch.
        self._untils[-1] = max(int(self._untils[-1]), self._latest_ms)

    def _rank(self, records: np.ndarray) -> None:
        records["vehicle"] = self._ranks[records["vehicle"]]

    def _by_vehicle_within_time(self, records: np.ndarray) -> np.ndarray:
        self._rank(records)
        return np.lexsort((records["row"], records["vehicle"], records["time"]))

    def _by_code_within_vehicle(self, records: np.ndarray) -> np.ndarray:
        self._rank(records)
        return np.lexsort((records["code"], records["vehicle"], records["time"]))

    def _by_known(self, records: np.ndarray) -> np.ndarray:
        self._rank(records)
        return order(records)

    def _look_for_twins(self, records: np.ndarray) -> None:
        vehicle, time = records["vehicle"], records["time"]
        twins = np.flatnonzero((vehicle[1:] == vehicle[:-1]) & (time[1:] == time[:-1])) + 1
        if len(twins):
            ids = self.vehicle_ids
            wrong = "another row of vehicle {} has the same time; each of a vehicle's rows needs its own".format
            self._mistakes.add_rows(
                self._telemetry_file, records["row"][twins], lambda n: wrong(ids[int(vehicle[twins[n]])])
            )

    def _count_gaps(self, records: np.ndarray, newest: np.ndarray) -> None:
        """Adds the times from row to row of each vehicle; `newest` (vehicles,) is of the stretches before."""
        by_vehicle = records[["vehicle", "time"]][np.argsort(records["vehicle"], kind="stable")]
        vehicle, time = by_vehicle["vehicle"], by_vehicle["time"]
        before = np.concatenate(([NO_TIME], time[:-1])) if len(time) else time
        is_first = np.concatenate(([True], vehicle[1:] != vehicle[:-1])) if len(time) else time.astype(np.bool_)
        before = np.where(is_first, newest[vehicle], before)
        is_gap = before != NO_TIME
        self._gaps.add(time[is_gap] - before[is_gap])
        newest[vehicle] = time  # in the order of time, so that the last one stays

    @property
    def largest_held(self) -> int:
        """The most rows of one table that were held at once, reading aside."""
        return max(self._telemetry.largest, self._events.largest, self._services.largest)

    def spans(self) -> Iterator[CaseSpan]:
        """The history from its beginning, span by span; may be asked for again until the case is closed."""
        if not self._removal.alive:
            raise ValueError("the case is closed; its temporary files are gone")
        items = tuple(self.catalogue.items)
        for stretch, until in enumerate(self._untils.tolist()):
            rows, events = self._telemetry.read(stretch), self._events.read(stretch)
            yield CaseSpan(
                until_ms=until,
                vehicle=rows["vehicle"].astype(np.int64),
                time_ms=rows["time"].astype(np.int64),
                values=np.ascontiguousarray(rows["values"]),
                events=CaseEvents(
                    events["vehicle"].astype(np.int64), events["time"].astype(np.int64), events["code"].astype(np.int64)
                ),
                services=services(self._services.read(stretch), items),
            )


def _say_unknown(names: Names, row: int) -> str:
    return f"the catalogue has no event {names[row]}"
