"""Telltales: what of the hidden parts shows on the instruments: readings, lamps and trouble codes."""

from __future__ import annotations

import numpy as np

from simulators.years.arrays import Floats
from simulators.years.sensors import CHANNELS, TYRE_CHANNELS, Connection, Sensors
from simulators.years.trouble_codes import LOW_COOLANT, LOW_VOLTAGE, SOOT, WEAK_PACK, TroubleCodes
from simulators.years.world import World

PAD_CONTACT_SHARE, PAD_CONTACT_MM = 0.5, 3.4  # a contact in the pad that closes a lamp's circuit


class Telltales:
    """The instruments of all cars, with sensors that fail and connections that drop."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.dice = next(world.dices)
        self.front, self.rear, self.plugs, self.leak = world.front, world.rear, world.plugs, world.leak
        self.starter, self.coolant = world.starter, world.coolant
        self.particulate, self.traction = world.particulate, world.traction
        everywhere = np.ones(world.count, dtype=bool)
        has = {channel.name: everywhere for channel in CHANNELS}
        has |= {"crank_voltage_v": world.has_starter, "state_of_health_pct": self.traction.has}
        has |= dict.fromkeys(("soot_load_pct", "filter_pressure_kpa"), self.particulate.has)
        self.sensors = Sensors(has, next(world.dices))
        self.connection = Connection(world.count, next(world.dices))
        self._codes = TroubleCodes(next(world.dices))
        self._has_pad_contact = self.dice.random(world.count) < PAD_CONTACT_SHARE

    def readings(self) -> dict[str, Floats]:
        """What the sensors show today, by channel; shape (cars,) each, NaN where there is none."""
        true = {
            "front_pad_wear_pct": 100.0 * np.clip(self.front.used()[0], 0.0, 1.0),
            "rear_pad_wear_pct": 100.0 * np.clip(self.rear.used()[0], 0.0, 1.0),
            "rest_voltage_v": self.starter.rest_v(),
            "crank_voltage_v": self.starter.crank_v(),
            "soot_load_pct": np.minimum(self.particulate.load_pct()[0], 127.0),
            "filter_pressure_kpa": self.particulate.pressure_kpa(),
            "coolant_level_pct": self.coolant.level_pct,
            "state_of_health_pct": self.traction.health_pct(),
        }
        true |= dict(zip(TYRE_CHANNELS, self.leak.pressure_kpa(), strict=True))
        return self.sensors.read(true)

    def lamps(self) -> dict[str, Floats]:
        """What an owner sees or hears, by the names in `owners.REACTIONS`; bool of shape (cars,) each."""
        thin = np.minimum(self.front.left_mm[0], self.rear.left_mm[0]) <= PAD_CONTACT_MM
        return {
            "pads": self._has_pad_contact & thin,
            "pressure": self.sensors.fitted[TYRE_CHANNELS[0]] & self.leak.warns(),
            "coolant": self.coolant.is_low(),
            "filter": self.particulate.has & (self.particulate.load_pct()[0] >= 65.0),
            "battery": self.starter.strength()[0] < 0.3,
            "misfire": self.plugs.has & (self.plugs.worn[0] > 1.1),
        }

    def codes(self) -> list[tuple[int, str]]:
        """Cars and the trouble codes that appear in them today."""
        causes = {
            SOOT: self.particulate.has & (self.particulate.load_pct()[0] >= 68.0),
            LOW_VOLTAGE: self.starter.strength()[0] < 0.35,
            LOW_COOLANT: self.coolant.is_low(),
            WEAK_PACK: self.traction.has & (self.traction.health_pct() < 73.0),
        }
        return self._codes.of_day(causes, self.plugs.misfires())
