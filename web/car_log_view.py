"""The page of a car's own logs: per item what can be said and on what it rests; what was read, and what was not."""

from __future__ import annotations

from dataclasses import dataclass

from domain.car_log import Basis, CarLog, ColumnUse, ExposureReading, ItemFinding, LogColumn, LogFile, Missing
from domain.prediction import ItemKind, Prediction
from web.formatting import DAY_MS
from web.judgement_charts import Table
from web.judgement_view import NOTHING
from web.operator_view import Tile
from web.reading import Reading

_ORDER = (Basis.KNOWN, Basis.GUESS, Basis.NOTHING)
_ALIKE = 1.25  # within this factor of the typical car a rate is called usual
_SIGNS = {"Celsius": "°C", "percent": "%"}


@dataclass(frozen=True, slots=True)
class ItemCard:
    """One item: what is said of it, its window and chances, what that rests on, and what is missing."""

    anchor: str
    name: str
    tone: str
    chip: str
    reason: str
    window: tuple[Tile, ...]
    rests_on: tuple[str, ...]
    missing: tuple[Missing, ...]


@dataclass(frozen=True, slots=True)
class TrendRow:
    """A level as it was read, or why it was not."""

    name: str
    value: str
    about: str


@dataclass(frozen=True, slots=True)
class FileCard:
    """One file: counts in a sentence, what was left out, its columns, and notes."""

    name: str
    counts: str
    span: str
    dropped: tuple[str, ...]
    columns: Table
    not_read: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CarLogView:
    """The whole page."""

    span: str
    tiles: tuple[Tile, ...]
    summary: str
    items: tuple[ItemCard, ...]
    exposures: Table
    trends: tuple[TrendRow, ...]
    codes: str
    gaps: str
    as_of: str
    refused: tuple[str, ...]
    remarks: tuple[Missing, ...]
    files: tuple[FileCard, ...]


def car_log_view(log: CarLog, reading: Reading) -> CarLogView:
    """From the findings, in words."""
    return _Page(log, reading).view()


class _Page:
    def __init__(self, log: CarLog, reading: Reading) -> None:
        self.log, self.reading = log, reading
        self.t, self.fmt = reading.texts, reading.formatting

    def view(self) -> CarLogView:
        items = sorted(self.log.items, key=lambda item: (_ORDER.index(item.basis), _due(item.prediction)))
        return CarLogView(
            span=self._span(),
            tiles=self._tiles(),
            summary=self._summary(),
            items=tuple(self._item(item) for item in items),
            exposures=self._exposures(),
            trends=tuple(self._trends()),
            codes=self._codes(),
            gaps=self._gaps(),
            as_of=self.t("car_log.as_of", day=self.fmt.day(self.log.driving.end_ms)),
            refused=tuple(self.t("car_log.refused", n=n, reason=why) for why, n in self.log.driving.refused),
            remarks=self.log.remarks,
            files=tuple(self._file(file) for file in self.log.files),
        )

    def _span(self) -> str:
        driving = self.log.driving
        if self.fmt.day(driving.start_ms) == self.fmt.day(driving.end_ms):
            return self.t("car_log.one_day", day=self.fmt.day(driving.end_ms), zone=self.fmt.zone_name)
        begin, end = self.fmt.day(driving.start_ms), self.fmt.day(driving.end_ms)
        return self.t("car_log.span", begin=begin, end=end, zone=self.fmt.zone_name)

    def _tiles(self) -> tuple[Tile, ...]:
        driving = self.log.driving
        return (
            Tile(self.t("car_log.km"), self.fmt.number(driving.km, 1)),
            Tile(self.t("car_log.drives"), self.fmt.number(driving.drives)),
            Tile(self.t("car_log.time"), self.fmt.duration(round(driving.minutes))),
            Tile(self.t("car_log.samples"), self.fmt.number(driving.samples)),
        )

    def _summary(self) -> str:
        counts = {basis: sum(item.basis is basis for item in self.log.items) for basis in Basis}
        values = {str(basis): self.fmt.number(count) for basis, count in counts.items()}
        return self.t("car_log.summary", items=self.fmt.number(len(self.log.items)), **values)

    def _item(self, item: ItemFinding) -> ItemCard:
        said = item.prediction
        chip = str(item.basis)
        if said is not None and item.basis is Basis.KNOWN:
            chip = {ItemKind.CALENDAR: "by_date", ItemKind.HAZARD: "by_readings"}.get(said.kind, chip)
        return ItemCard(
            anchor=f"item-{item.item}",
            name=item.name,
            tone={Basis.KNOWN: "fine", Basis.GUESS: "soon", Basis.NOTHING: "none"}[item.basis],
            chip=self.t(f"car_log.basis.{chip}"),
            reason=said.reason if said is not None else self.t("car_log.says_nothing", name=item.name),
            window=self._window(said) if said is not None else (),
            rests_on=item.rests_on,
            missing=item.missing,
        )

    def _window(self, said: Prediction) -> tuple[Tile, ...]:
        window, tiles = said.window, []
        if window.expected_ms is not None:
            tiles.append(Tile(self.t("car_log.expected"), self.fmt.day(window.expected_ms)))
        if window.earliest_ms is not None and window.earliest_ms != window.latest_ms:
            name = self.t("car_log.window", percent=self.fmt.percent(window.coverage))
            late = self.t("car_log.open_end") if window.latest_ms is None else self.fmt.day(window.latest_ms)
            tiles.append(Tile(name, f"{self.fmt.day(window.earliest_ms)} – {late}"))
        for days, share in said.probability.items():
            tiles.append(Tile(self.t("car_log.within", days=days), self.fmt.percent(share)))
        if said.remaining_km is not None:
            about = self.t("car_log.about", amount=self.fmt.amount(_two_digits(said.remaining_km), "km", 0))
            tiles.append(Tile(self.t("car_log.remaining"), about))
        return tuple(tiles)

    def _exposures(self) -> Table:
        head = tuple(self.t(f"car_log.{key}") for key in ("exposure", "gathered", "per_100_km", "typical", "beside"))
        rows = tuple(self._exposure(one) for one in self.log.exposures)
        return Table(self.t("car_log.exposures"), head, rows)

    def _exposure(self, one: ExposureReading) -> tuple[str, ...]:
        typical = self._amount(100 * one.typical_per_km, one.unit)
        if one.per_km is None:
            return one.text, NOTHING, NOTHING, typical, self.t("car_log.not_seen", why=one.why_not)
        gathered = self._amount(one.amount, one.unit)
        return one.text, gathered, self._amount(100 * one.per_km, one.unit), typical, self._beside(one)

    def _amount(self, value: float, unit: str) -> str:
        digits = 0 if value == 0 or value >= 20 else 1 if value >= 1 else 2
        return self.fmt.amount(value, _SIGNS.get(unit, unit), digits)

    def _beside(self, one: ExposureReading) -> str:
        if one.per_km is None:
            return NOTHING
        if not one.typical_per_km:
            return self.t("car_log.usual" if not one.per_km else "car_log.more")
        if not one.per_km:
            return self.t("car_log.none")
        times = one.per_km / one.typical_per_km
        if 1 / _ALIKE <= times <= _ALIKE:
            return self.t("car_log.usual")
        return self.t("car_log.times", n=self.fmt.number(times, 1 if times >= 0.15 else 2))

    def _trends(self) -> list[TrendRow]:
        rows = []
        for trend in self.log.trends:
            if trend.value is None:
                rows.append(TrendRow(trend.text, NOTHING, self.t("car_log.not_seen", why=trend.why_not)))
            else:
                digits = 2 if trend.unit == "V" else 0
                value = self.fmt.amount(trend.value, _SIGNS.get(trend.unit, trend.unit), digits)
                rows.append(TrendRow(trend.text, value, self.t.plural("car_log.read_times", trend.count)))
        return rows

    def _codes(self) -> str:
        if self.log.codes:
            return self.t("car_log.codes", codes=", ".join(self.log.codes))
        return self.t("car_log.no_codes" if self.log.has_codes else "car_log.codes_unknown")

    def _gaps(self) -> str:
        driving = self.log.driving
        if not driving.gaps:
            return self.t("car_log.no_gaps")
        minutes = self.fmt.number(driving.gap_minutes, 1)
        if driving.gap_km is None:
            return self.t.plural("car_log.gaps_unknown", driving.gaps, minutes=minutes)
        return self.t.plural("car_log.gaps", driving.gaps, minutes=minutes, km=self.fmt.number(driving.gap_km, 1))

    def _file(self, file: LogFile) -> FileCard:
        kept = self.fmt.number(file.kept)
        read = tuple(self._column(column) for column in file.columns if column.use is ColumnUse.READ)
        head = tuple(self.t(f"car_log.{key}") for key in ("column", "signal", "unit", "readings", "remark"))
        return FileCard(
            name=file.name,
            counts=self.t("car_log.kept", kept=kept, rows=self.fmt.number(file.rows)),
            span=f"{self.fmt.moment(file.start_ms)} – {self.fmt.moment(file.end_ms)}" if file.start_ms >= 0 else "",
            dropped=tuple(
                self.t("car_log.dropped", rows=self.fmt.number(one.rows), reason=one.reason)
                + (self.t("car_log.first_row", row=one.first_row) if one.first_row else "")
                for one in file.dropped
            ),
            columns=Table(self.t("car_log.columns_of", name=file.name), head, read),
            not_read=tuple(self._not_read(column) for column in file.columns if _is_told(column)),
            notes=file.notes,
        )

    def _column(self, column: LogColumn) -> tuple[str, ...]:
        own = _SIGNS.get(column.own_unit, column.own_unit)
        unit = own if column.unit in (own, column.own_unit) else f"{column.unit or '?'} → {own}"
        return column.name, _short(column.signal), unit, self.fmt.number(column.readings), self._remark(column)

    def _remark(self, column: LogColumn) -> str:
        parts = [column.hint] if column.hint else []
        for count, key in ((column.not_numbers, "not_numbers"), (column.implausible, "implausible")):
            if count:
                parts.append(self.t(f"car_log.{key}", n=self.fmt.number(count)))
        if column.first_bad_row:
            parts[-1] += self.t("car_log.first_row", row=column.first_bad_row)
        return "; ".join(parts) or NOTHING

    def _not_read(self, column: LogColumn) -> str:
        why = self.t(f"car_log.use.{column.use}")
        return f"{column.name}: {why}" + (f"; {column.hint}" if column.hint else "")


def _is_told(column: LogColumn) -> bool:
    return column.use not in (ColumnUse.READ, ColumnUse.TIME, ColumnUse.CODES)


def _due(said: Prediction | None) -> float:
    expected = said.window.expected_ms if said is not None else None
    return float(expected) if expected is not None else 1e6 * DAY_MS


def _two_digits(value: float) -> float:
    """Rounded as far as such a number can be trusted."""
    return float(f"{value:.2g}")


def _short(signal: str) -> str:
    """The path without what all have in common."""
    return signal.removeprefix("Vehicle.").removeprefix("Powertrain.")
