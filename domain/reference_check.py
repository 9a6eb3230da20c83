"""Checks that what a catalogue names is there: signals, events, exposures, trends, and units that can be converted."""

from __future__ import annotations

from domain.catalogue import AGE_YEARS, Catalogue
from domain.field_reader import FieldReader
from domain.short_item import check_short_item

ROLES = ("speed", "odometer")


def check_versions(reader: FieldReader, catalogue: Catalogue) -> None:
    """Notes what other versions of the signal specification name and the catalogue does not have."""
    for version, spec in catalogue.versions.items():
        for name, path in spec.names.items():
            if path not in catalogue.signals:
                reader.wrong(f"versions.{version}.names.{name}", f"the catalogue has no signal {path}")
        for path, unit in spec.units.items():
            where = f"versions.{version}.units.{path}"
            if path not in catalogue.signals:
                reader.wrong(where, "the catalogue has no such signal")
            elif unit not in catalogue.units.get(catalogue.signals[path].unit, {}):
                reader.wrong(where, f"units.{catalogue.signals[path].unit} doesn't say how {unit} is converted")


def check_references(reader: FieldReader, catalogue: Catalogue) -> None:
    """Notes what exposures, trends, roles and items name and the catalogue does not have."""
    for group, specs in (("exposures", catalogue.exposures), ("trends", catalogue.trends)):
        for name, spec in specs.items():
            for role, signal in spec.signals.items():
                if signal not in catalogue.signals:
                    reader.wrong(f"{group}.{name}.signals.{role}", f"no such signal: {signal}")
    for name, exposure in catalogue.exposures.items():
        for code in exposure.events:
            if code not in catalogue.events:
                reader.wrong(f"exposures.{name}.events", f"no such event: {code}")
    for role, signal in catalogue.roles.items():
        if role not in ROLES:
            reader.wrong(f"roles.{role}", "must be one of " + ", ".join(ROLES))
        elif signal not in catalogue.signals:
            reader.wrong(f"roles.{role}", f"no such signal: {signal}")
    known = set(catalogue.trends) | {AGE_YEARS}
    for item in catalogue.items.values():
        for name in item.wear.rates if item.wear else ():
            if name not in catalogue.exposures:
                reader.wrong(f"items.{item.id}.wear.rates.{name}", "no such exposure")
        if item.wear and item.wear.sensor and item.wear.sensor.signal not in catalogue.signals:
            reader.wrong(f"items.{item.id}.wear.sensor.signal", f"no such signal: {item.wear.sensor.signal}")
        if item.life or item.risk:
            check_short_item(reader, catalogue, item)
        for feature in item.hazard.features if item.hazard else ():
            if feature.source not in known:
                reader.wrong(f"items.{item.id}.hazard.features.{feature.name}", "neither a trend nor age_years")
