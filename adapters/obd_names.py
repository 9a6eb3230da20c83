"""What OBD-II apps call the readings of SAE J1979, and in which units, as VSS 6.0 signals in the car catalogue's units.

The names are those that Torque, Car Scanner and OBD Fusion write in the first line of their logs, seen in logs and in
programs that read them; an app may call one reading by several names over its versions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

# Signal, unit in the car's catalogue, and names; of two columns for one signal the name that is listed first counts.
_KNOWN: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Vehicle.Speed", "km/h", ("vehicle speed", "speed obd", "obd speed", "vehicle speed sensor", "speed")),
    (
        "Vehicle.Powertrain.CombustionEngine.Speed",
        "rpm",
        ("engine rpm", "engine speed", "engine revolutions", "rpm"),
    ),
    (
        "Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature",
        "Celsius",
        ("engine coolant temperature", "engine coolant temp", "coolant temperature", "coolant temp", "coolant", "ect"),
    ),
    (
        "Vehicle.Powertrain.CombustionEngine.MAF",
        "g/s",
        ("mass air flow rate", "maf air flow rate", "air flow rate from mass air flow sensor",
         "air flow rate from mass flow sensor", "mass air flow sensor", "mass air flow", "maf air flow", "maf rate",
         "maf"),
    ),
    (
        "Vehicle.Powertrain.CombustionEngine.MAP",
        "kPa",
        ("intake manifold absolute pressure", "intake manifold pressure", "manifold absolute pressure", "map"),
    ),
    (
        "Vehicle.Powertrain.CombustionEngine.TPS",
        "percent",
        ("throttle position manifold", "absolute throttle position", "throttle position", "throttle", "tps"),
    ),
    (
        "Vehicle.Exterior.AirTemperature",
        "Celsius",
        ("ambient air temperature", "ambient air temp", "ambient temperature", "outside air temperature",
         "outside temperature", "ambient"),
    ),
    (
        "Vehicle.LowVoltageBattery.CurrentVoltage",
        "V",
        ("control module voltage", "voltage control module", "obd module voltage", "module voltage", "battery voltage",
         "voltage obd adapter", "obd adapter voltage", "adapter voltage"),
    ),
    ("Vehicle.TraveledDistance", "m", ("odometer", "odometer reading", "vehicle odometer", "odometer ecu")),
    # Known for the day on which a catalogue asks for them.
    (
        "Vehicle.Powertrain.CombustionEngine.DieselParticulateFilter.DeltaPressure",
        "kPa",
        ("dpf differential pressure", "dpf delta pressure", "diesel particulate filter differential pressure",
         "dpf bank 1 delta pressure", "dpf pressure"),
    ),
    (
        "Vehicle.Powertrain.TractionBattery.StateOfHealth",
        "percent",
        ("hv battery state of health", "battery state of health", "state of health", "soh"),
    ),
    (
        "Vehicle.Chassis.Axle.Row1.Wheel.Left.Tire.Pressure",
        "kPa",
        ("tire pressure front left", "tyre pressure front left", "front left tire pressure",
         "front left tyre pressure"),
    ),
)  # fmt: skip
NAMES: Mapping[str, tuple[str, str, int]] = {
    name: (path, unit, place) for path, unit, names in _KNOWN for place, name in enumerate(names)
}
# Of readings that come without a unit: what the standard reports them in, where that is not the catalogue's.
_UNTOLD = {"m": "km"}

# From a unit, as `plain_unit` has it, to the catalogue's: factor and offset.
UNITS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "km/h": {"km/h": (1, 0), "kph": (1, 0), "kmh": (1, 0), "kmph": (1, 0), "mph": (1.609344, 0), "mi/h": (1.609344, 0),
             "m/s": (3.6, 0)},
    "rpm": {"rpm": (1, 0), "1/min": (1, 0), "r/min": (1, 0), "min1": (1, 0)},
    "Celsius": {"c": (1, 0), "degc": (1, 0), "celsius": (1, 0), "f": (5 / 9, -160 / 9), "degf": (5 / 9, -160 / 9),
                "fahrenheit": (5 / 9, -160 / 9), "k": (1, -273.15)},
    "g/s": {"g/s": (1, 0), "g/sec": (1, 0), "kg/h": (1 / 3.6, 0), "lb/min": (453.59237 / 60, 0)},
    "kPa": {"kpa": (1, 0), "psi": (6.894757293168361, 0), "bar": (100, 0), "mbar": (0.1, 0), "hpa": (0.1, 0),
            "inhg": (3.386389, 0), "pa": (0.001, 0)},
    "percent": {"%": (1, 0), "percent": (1, 0)},
    "V": {"v": (1, 0), "volt": (1, 0), "volts": (1, 0), "mv": (0.001, 0)},
    "m": {"km": (1000, 0), "mi": (1609.344, 0), "mile": (1609.344, 0), "miles": (1609.344, 0), "m": (1, 0)},
}  # fmt: skip
_TIME_UNITS = frozenset({"s", "sec", "secs", "seconds", "ms", "msec", "milliseconds", "min", "h"})
_ALL_UNITS = _TIME_UNITS.union(*UNITS.values())
# A unit at the end of a name in snake case, as data sets have it: speed_kmh, maf_g_s.
_TAILS = {
    "kmh": "km/h", "mph": "mph", "rpm": "rpm", "c": "°C", "f": "°F", "g_s": "g/s", "kg_h": "kg/h", "kpa": "kPa",
    "psi": "psi", "bar": "bar", "pct": "%", "percent": "%", "v": "V", "mv": "mV", "km": "km", "mi": "mi", "m": "m",
    "s": "s", "ms": "ms",
}  # fmt: skip
_TAIL = re.compile(rf"^([a-z][a-z0-9_]*?)_({'|'.join(sorted(_TAILS, key=len, reverse=True))})$")
_CODES = frozenset(
    ("dtc", "dtcs", "trouble code", "trouble codes", "trouble codes dtc", "diagnostic trouble codes", "fault codes",
     "stored dtcs", "stored codes", "stored trouble codes", "error codes")
)  # fmt: skip
_BRACKET = re.compile(r"^(.*?)\s*[(\[]([^()\[\]]*)[)\]]\s*$")
# What tells where a car was, or from where that is known: never read.
_POSITION = re.compile(r"latitude|long(t)?itude|\blat\b|\blon\b|\blng\b|altitude|bearing|heading|gps|dilution")


@dataclass(frozen=True, slots=True)
class PidColumn:
    """A column's name in plain words, its unit ("" where none is told), and what it is.

    `signal` is a VSS path, "" where the reading is not known; `factor` and `offset` bring its values to `own_unit`, the
    catalogue's; `rank` tells of two columns of one signal the better (the smaller). `unit_told` is the unit as it was
    written, `usual_unit` the one that is believed where none was.
    """

    name: str
    unit: str
    signal: str = ""
    factor: float = 1.0
    offset: float = 0.0
    rank: int = 0
    wrong_unit: str = ""
    own_unit: str = ""
    unit_told: str = ""
    usual_unit: str = ""

    @property
    def is_position(self) -> bool:
        return bool(_POSITION.search(self.name))

    @property
    def is_codes(self) -> bool:
        """Whether its cells are trouble codes."""
        return self.name in _CODES


def pid_column(header: str, unit: str = "") -> PidColumn:
    """What the column with this header holds; the unit stands in its last brackets unless it is given.

    >>> pid_column("Speed (OBD)(mph)").signal, pid_column("Speed (OBD)(mph)").factor
    ('Vehicle.Speed', 1.609344)
    >>> pid_column("Vehicle speed [km/h]").name, pid_column("Engine RPM").unit
    ('vehicle speed', '')
    """
    name = header.strip()
    found = _BRACKET.match(name)
    if not unit and found and plain_unit(found[2]) in _ALL_UNITS:
        name, unit = found[1], found[2]
    elif not unit and (tail := _TAIL.match(name)) and _plain(tail[1]) in NAMES:
        name, unit = tail[1], _TAILS[tail[2]]
    name, told = _plain(name), plain_unit(unit)
    known = NAMES.get(name)
    if known is None:
        return PidColumn(name, told, unit_told=unit.strip())
    path, own, rank = known
    usual = _UNTOLD.get(own, own)
    scale = UNITS[own].get(told or plain_unit(usual))
    if scale is None:
        wrong = f"{unit.strip()} is no unit of {path} that is known here"
        return PidColumn(name, told, wrong_unit=wrong, unit_told=unit.strip())
    return PidColumn(name, told, path, *scale, rank, "", own, unit.strip(), usual)


def usual_names(signal: str) -> tuple[str, ...]:
    """What apps call a signal, the best-known first; none where no name is known."""
    return next((names for path, _, names in _KNOWN if path == signal), ())


def meant(name: str) -> str:
    """The known name that a column's unknown one, in plain words, is nearest to; "" where none is near."""
    return next(iter(get_close_matches(name, NAMES, n=1, cutoff=0.84)), "")


def plain_unit(unit: str) -> str:
    """A unit in small letters without what encodings and taste add to it: °C, ºC and Â°C are all c."""
    return re.sub(r"[^a-z0-9/%]", "", unit.strip().lower())


def _plain(name: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", name.lower()))
