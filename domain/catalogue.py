"""Catalogue: which signals, exposures, trends and items a fleet has; data that makes another fleet configuration.

The values here are plain and frozen. `domain.catalogue_reader.read_catalogue` makes one from a mapping and lists every
mistake with its path. All names are identifiers of the fleet's own; texts are kept per language under `texts`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from domain.language import DEFAULT
from domain.need import NeedRule
from domain.prediction import ItemKind

ELAPSED_DAYS = "elapsed_days"  # the one exposure that is read off the calendar instead of summed from signals
EVENT_COUNT = "event_count"  # an exposure that counts reported codes and reads no signal

# Named functions of signals: the signals each needs, and its parameters with their defaults (None: must be given).
EXPOSURE_FUNCTIONS: Mapping[str, tuple[tuple[str, ...], Mapping[str, float | None]]] = {
    "brake_energy": (
        ("speed",),
        {
            "share": None,  # of the work that one axle does, 0–1
            "from_kmh": 0.0,
            "below_kmh": 1000.0,
            "rolling_resistance": None,
            "drag_area_m2": None,
            "air_density_kg_m3": 1.2,
            "rotating_mass": None,  # what wheels and drive line add to the inertia, e.g. 1.04
            "hybrid_recuperation_w": 0.0,  # what an electric machine takes off the brakes
            "electric_recuperation_w": 0.0,
        },
    ),
    "fuel": (
        ("air_mass",),
        {"air_fuel_ratio": None, "fuel_g_per_l": None, "diesel_air_fuel_ratio": None, "diesel_g_per_l": None},
    ),
    "rises_through": (("signal",), {"level": None}),
    "time_above": (("signal",), {"level": None}),
    "time_below": (("signal",), {"level": None}),
    "integral": (("signal",), {"per_seconds": 1.0}),
    ELAPSED_DAYS: ((), {}),
}
TREND_FUNCTIONS: Mapping[str, tuple[tuple[str, ...], Mapping[str, float | None]]] = {
    "level_at_rest": (("signal", "engine_speed"), {"standstill_minutes": 60.0}),
    "gas_at_rest": (("signal", "engine_speed", "ambient"), {"standstill_minutes": 60.0}),
    "dip_at_start": (("signal", "engine_speed"), {"seconds": 1.0, "standstill_minutes": 60.0}),
    "mean": (("signal",), {}),
}
# The models there are for an item of each kind, in the long form and in the short; the first is the product's choice.
LONG_MODELS: Mapping[ItemKind, tuple[str, ...]] = {
    ItemKind.WEAR: ("least_squares",),
    ItemKind.HAZARD: ("bayesian_logistic",),
    ItemKind.CALENDAR: ("interval",),
}
SHORT_MODELS: Mapping[ItemKind, tuple[str, ...]] = {
    ItemKind.WEAR: ("trees",),
    ItemKind.HAZARD: ("trees", "logistic", "hoeffding_tree", "adaptive_forest", "mondrian_forest"),
    ItemKind.CALENDAR: ("interval",),
}
DTYPES = ("float32", "float64", "uint32")
SEVERITIES = ("advisory", "soon", "urgent")


@dataclass(frozen=True, slots=True)
class SignalSpec:
    """A signal by VSS path: its unit, the range outside which a value is impossible, and how it is stored."""

    path: str
    unit: str
    minimum: float
    maximum: float
    dtype: str = "float32"
    role: str = "reading"  # or "setting": an operating condition


@dataclass(frozen=True, slots=True)
class Habit:
    """How a person is told that their car gathers more, or less, of something per km than the typical car."""

    more: str
    less: str


@dataclass(frozen=True, slots=True)
class ExposureSpec:
    """What wears things, as a sum over time of a named function of signals.

    `typical_per_km` is what an ordinary car gathers per km; it stands in while a car has shown too little itself.
    `habits` compare a car with it, by language; without any, nothing is compared.
    """

    name: str
    function: str
    unit: str
    signals: Mapping[str, str]
    parameters: Mapping[str, float]
    typical_per_km: float
    source: str
    texts: Mapping[str, str]
    events: tuple[str, ...] = ()  # the codes that EVENT_COUNT counts
    habits: Mapping[str, Habit] = field(default_factory=dict)

    def text(self, language: str = DEFAULT) -> str:
        """What it is called in `language`, in English where that language has no word."""
        return self.texts.get(language, self.texts[DEFAULT])


@dataclass(frozen=True, slots=True)
class TrendSpec:
    """A level followed over weeks by exponentially weighted means, one value per upload that has it."""

    name: str
    function: str
    unit: str
    signals: Mapping[str, str]
    parameters: Mapping[str, float]
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed before anything was measured, with the source of the figures."""

    mean: float
    sd: float
    source: str


class AtFloor(StrEnum):
    """What it means when a wear item has come down to its floor, below which there is nothing to measure."""

    UNDRIVABLE = "undrivable"  # the machine could not work without: that it works tells that something is left
    USED_UP = "used_up"  # it works on, past due; what it says is nothing but "none left"


@dataclass(frozen=True, slots=True)
class WearSensor:
    """A signal in which some cars tell of a wear item themselves: `at_new` when it is new, `at_limit` at its limit.

    Straight in between, and beyond the limit as far as the signal goes; `sd` is of one reading, in the signal's unit.
    """

    signal: str
    at_new: float
    at_limit: float
    sd: float


@dataclass(frozen=True, slots=True)
class WearSpec:
    """A wear item: from `new` down to `limit` in `unit`, by non-negative `rates` (unit per unit of exposure).

    `measurement_sd`: of one reading in a workshop; `car_factor_sd`: how far cars differ under the same exposure;
    `unseen_sd`: relative error of what is extrapolated to a distance nobody observed. `floor`: the least amount there
    can be, None where there is no such bound; `at_floor`: what it means to have come to it.
    """

    unit: str
    new: float
    limit: float
    measurement_sd: float
    car_factor_sd: float
    unseen_sd: float
    rates: Mapping[str, Prior]
    km_until_ready: float = 40.0
    say_until_days: float = 1825.0
    floor: float | None = None
    at_floor: AtFloor = AtFloor.USED_UP
    sensor: WearSensor | None = None


AGE_YEARS = "age_years"  # a hazard's feature that is no trend: since the item was renewed, or the car built


@dataclass(frozen=True, slots=True)
class HazardFeature:
    """One input of a hazard: z = (value − centre) / scale, signed so that a larger z is never less risk.

    The value is that of `trend`, or by how much it has changed of late: its fast mean less its slow one. Where `trend`
    is empty, `name` is the trend's, or `age_years`.
    """

    name: str
    centre: float
    scale: float
    prior: Prior
    texts: Mapping[str, str]
    trend: str = ""
    is_change: bool = False

    @property
    def source(self) -> str:
        """The trend that it is read off, or `age_years`."""
        return self.trend or self.name

    def text(self, language: str = DEFAULT) -> str:
        """What it is called in `language`, in English where that language has no word."""
        return self.texts.get(language, self.texts[DEFAULT])


@dataclass(frozen=True, slots=True)
class HazardSpec:
    """A hazard item: probability of failing within `decide_on_days`, carried to `horizons_days` at a constant rate.

    `action_probability` is that within `decide_on_days` from which on it is worth a visit, by the item's cost.
    A workshop's reading below `fails_below` counts as a failure found, from `sound_from` on as sound.
    """

    horizons_days: tuple[int, ...]
    decide_on_days: int
    action_probability: float
    intercept: Prior
    features: tuple[HazardFeature, ...]
    unit: str = ""
    fails_below: float | None = None
    sound_from: float | None = None
    readings_until_ready: int = 3
    say_until_days: float = 365.0


@dataclass(frozen=True, slots=True)
class CalendarSpec:
    """A calendar item: due `interval_days` after the last service."""

    interval_days: float
    source: str


AGE = "age"  # among the excluded features: anything that counts time or use since the start or the last service


@dataclass(frozen=True, slots=True)
class LifeSpec:
    """A wear item whose remaining life is learnt from signals alone, counted in `unit` (km, day, h, cycle …).

    `exposures` are names of the catalogue's; `exclude` names what no feature may be made of: `AGE`, signals, events,
    attributes or exposures. `signals` are those that bear on the item, or trends, none named meaning all signals;
    `settings` are those of them that are operating conditions to this item, beside those that are to all. Further ahead
    than `say_until`, in the unit, nothing is said: what is left counts as that much.
    """

    unit: str
    exposures: tuple[str, ...] = ()
    exclude: frozenset[str] = frozenset()
    signals: tuple[str, ...] = ()
    settings: frozenset[str] = frozenset()
    say_until: float = math.inf


@dataclass(frozen=True, slots=True)
class RiskSpec:
    """A hazard item whose probability is learnt from signals alone, for each of `horizons_ms`, shortest first.

    `horizons` are the same as the catalogue writes them (`PT24H`): a prediction is named after them. `exclude`,
    `signals` and `settings` are as in `LifeSpec`. `action_probability` is that within the first horizon.
    """

    horizons_ms: tuple[int, ...]
    action_probability: float
    exclude: frozenset[str] = frozenset()
    horizons: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()
    settings: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ItemText:
    """What a person reads; the reasons are templates (see `reason_fields`).

    `reason_bounded` is added where a wear item was held to what it had; the others stand alone.
    """

    name: str
    advice: str
    reason: str
    reason_unknown: str
    reason_unused: str = ""
    reason_bounded: str = ""


@dataclass(frozen=True, slots=True)
class ItemSpec:
    """One thing that is serviced. Exactly one part is there, as `kind` says.

    Wear has `wear` or `life`, hazard has `hazard` or `risk`, calendar has `calendar`. `model` names the model that is
    asked for, of `LONG_MODELS` or `SHORT_MODELS`; empty where the choice is the product's. `powertrains` are those that
    have the item, none named meaning all. `skill` is what a technician must be trained for, empty where any will do.
    """

    id: str
    kind: ItemKind
    severity: str
    need_rule: NeedRule
    labour_minutes: int
    parts: tuple[str, ...]
    cost_hint: tuple[float, float] | None
    cost_currency: str
    texts: Mapping[str, ItemText]
    wear: WearSpec | None = None
    hazard: HazardSpec | None = None
    calendar: CalendarSpec | None = None
    roles: Mapping[str, str] = field(default_factory=dict)
    life: LifeSpec | None = None
    risk: RiskSpec | None = None
    model: str = ""
    powertrains: tuple[str, ...] = ()
    skill: str = ""

    @property
    def horizons(self) -> Mapping[str, int]:
        """The horizons of a hazard as the catalogue writes them (`PT24H`, days as `P30D`), in ms; others have none."""
        if self.risk is not None:
            return dict(zip(self.risk.horizons, self.risk.horizons_ms, strict=True))
        return {f"P{days}D": days * 86_400_000 for days in (self.hazard.horizons_days if self.hazard else ())}

    @property
    def action_probability(self) -> float:
        """The probability at which a hazard is acted on; 1 of other kinds."""
        part = self.hazard or self.risk
        return part.action_probability if part else 1.0

    def text(self, language: str = DEFAULT) -> ItemText:
        """The texts in `language`, in English where that language has none."""
        return self.texts.get(language, self.texts[DEFAULT])

    def is_in(self, powertrain: str) -> bool:
        """Whether cars of this power train have the item.

        Of one that is not known only what all cars have is believed: an oil change that an electric car is told of
        costs more trust than one that a car is told of a day later, once its power train is known.
        """
        return not self.powertrains or powertrain in self.powertrains


@dataclass(frozen=True, slots=True)
class EventSpec:
    """A code a vehicle may report (an issue to come folds these)."""

    code: str
    unit: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UnitScale:
    """From another unit to a signal's own: value · factor + offset."""

    factor: float
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class VssVersion:
    """How another version of the signal specification has what the catalogue has.

    `names`: its path of a signal to the catalogue's; `units`: the unit of a signal, by the catalogue's path, where it
    is not the catalogue's.
    """

    names: Mapping[str, str]
    units: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that is configuration about one kind of machine. Mappings keep the order of the file.

    `versions`: other versions of the specification that machines may speak; `units`: by a signal's unit, which others
    it may be sent in; `attribute_types`: `number` or `text` of the attributes that say it; `languages`: those in which
    every text is there, English first.
    """

    schema: int
    vss: str
    name: str
    signals: Mapping[str, SignalSpec]
    exposures: Mapping[str, ExposureSpec]
    trends: Mapping[str, TrendSpec]
    items: Mapping[str, ItemSpec]
    roles: Mapping[str, str]
    events: Mapping[str, EventSpec] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, VssVersion] = field(default_factory=dict)
    units: Mapping[str, Mapping[str, UnitScale]] = field(default_factory=dict)
    attribute_types: Mapping[str, str] = field(default_factory=dict)
    languages: tuple[str, ...] = (DEFAULT,)

    def items_of(self, powertrain: str) -> tuple[str, ...]:
        """The items that cars of this power train have, in the order of the file."""
        return tuple(item.id for item in self.items.values() if item.is_in(powertrain))

    @property
    def skills(self) -> frozenset[str]:
        """What technicians may be trained for, by the items that ask for it."""
        return frozenset(item.skill for item in self.items.values() if item.skill)

    @property
    def summed_exposures(self) -> tuple[str, ...]:
        """Names of the exposures that are sums over signals or codes, in file order: columns of a vehicle's state."""
        return tuple(name for name, spec in self.exposures.items() if spec.function != ELAPSED_DAYS)

    @property
    def sensed(self) -> Mapping[str, WearSensor]:
        """The sensors of wear items, by item; a vehicle's state holds the newest reading of each."""
        return {name: item.wear.sensor for name, item in self.items.items() if item.wear and item.wear.sensor}

    @property
    def learnt(self) -> tuple[str, ...]:
        """The items that are learnt from signals alone: those of back-tests (`domain.short_item`)."""
        return tuple(name for name, item in self.items.items() if item.life is not None or item.risk is not None)

    @property
    def followed(self) -> tuple[str, ...]:
        """The signals and trends whose levels a vehicle's state follows: those that learnt items name.

        All signals, where a learnt item names none; nothing, where no item is learnt.
        """
        parts = [part for name in self.learnt if (part := self.items[name].life or self.items[name].risk) is not None]
        named = {name for part in parts for name in part.signals}
        if any(not part.signals for part in parts):
            named |= set(self.signals)
        return tuple(name for name in (*self.signals, *self.trends) if name in named)

    def unit_of(self, followed: str) -> str:
        """The unit of a signal or trend that is followed; empty where it has none."""
        return (self.signals[followed] if followed in self.signals else self.trends[followed]).unit

    def is_setting(self, followed: str) -> bool:
        """Whether it is a signal that is an operating condition."""
        return followed in self.signals and self.signals[followed].role == "setting"

    @property
    def counted(self) -> tuple[str, ...]:
        """The codes whose occurrences a vehicle's state counts, likewise."""
        return tuple(self.events) if self.followed else ()


def reason_fields(kind: ItemKind) -> frozenset[str]:
    """Placeholders that a reason template of an item of `kind` may use."""
    shared = {"name", "due", "since", "km_since", "odometer_km", "age"}
    own = {
        ItemKind.WEAR: {
            "remaining", "unit", "new", "limit", "worn", "per_1000_km", "km_per_day", "unseen_km", "remaining_km",
            "health_pct", "main_cause", "main_amount", "main_share_pct", "cause", "reckoned",
        },
        ItemKind.HAZARD: {"probability_pct", "days", "action_pct", "main_cause", "readings"},
        ItemKind.CALENDAR: {"interval_months"},
    }[kind]  # fmt: skip
    return frozenset(shared | own)
