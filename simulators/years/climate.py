"""Climate and Weather: how warm a day is where a car lives, with seasons, swings from day to day, and cold spells.

Monthly lows and highs are printed long-term means: Stockholm (weather2visit.com), Hamburg (whatstheweatherlike.org),
Madrid (climatestotravel.com); Shanghai and Beijing are the monthly means of 2009 (China Statistical Yearbook 2010,
table 12-13) with a daily swing of 7 and 10 K (M). How restless the days are, how often and how deep cold spells come,
dust and humidity are (M), as are the intervals of the statutory inspections.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DAYS_OF_YEAR = 365.2425
_MID_MONTHS = (np.arange(12) + 0.5) * DAYS_OF_YEAR / 12
PERSISTENCE = 0.8  # correlation of a day's anomaly with the day before (M)
SPELL_DAYS = (4, 11)
LOCAL_SD_K = 1.2  # between cars of one climate: valley, town, coast


@dataclass(frozen=True, slots=True)
class Climate:
    """Monthly mean lows and highs in °C, and what else of a place wears a car.

    `unrest_k` is the standard deviation of a day's anomaly in winter and in summer; `spells` cold spells come in a
    winter, `spell_k` deep; `dust` and `humidity` are 1 in Hamburg; inspections are due first, then again, after so many
    days.
    """

    name: str
    low_c: tuple[float, ...]
    high_c: tuple[float, ...]
    unrest_k: tuple[float, float]
    spells: float
    spell_k: float
    dust: float
    humidity: float
    inspections_days: tuple[int, int]
    share: float


def _around(means: tuple[float, ...], swing: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(mean - swing / 2 for mean in means), tuple(mean + swing / 2 for mean in means)


_SHANGHAI = _around((3.8, 8.9, 10.6, 16.3, 21.9, 26.2, 28.8, 27.9, 25.0, 21.3, 12.1, 6.4), 7.0)
_BEIJING = _around((-3.0, 1.0, 7.0, 15.9, 22.9, 26.2, 27.0, 25.7, 21.1, 15.3, 2.2, -2.3), 10.0)

CLIMATES = (
    Climate(
        "Stockholm",
        (-4.9, -5.3, -2.7, 1.0, 6.1, 11.0, 13.2, 12.6, 8.9, 5.2, 0.8, -3.2),
        (-0.5, -0.5, 3.1, 8.5, 15.4, 20.4, 21.6, 20.3, 15.1, 10.0, 4.7, 1.2),
        *((3.8, 2.8), 2.0, 8.0, 0.8, 0.95, (1_096, 731), 0.2),
    ),
    Climate(
        "Hamburg",
        (-2.0, -2.0, 0.0, 3.0, 7.0, 11.0, 12.0, 12.0, 10.0, 6.0, 3.0, -1.0),
        (3.0, 4.0, 7.0, 12.0, 17.0, 20.0, 21.0, 22.0, 18.0, 13.0, 8.0, 4.0),
        *((3.4, 3.0), 1.5, 8.0, 1.0, 1.0, (1_096, 731), 0.3),
    ),
    Climate(
        "Madrid",
        (1.0, 3.0, 4.0, 6.0, 10.0, 14.0, 18.0, 17.0, 14.0, 9.0, 5.0, 3.0),
        (10.0, 12.0, 16.0, 18.0, 22.0, 28.0, 32.0, 32.0, 27.0, 20.0, 14.0, 11.0),
        *((2.8, 2.8), 0.8, 6.0, 1.2, 0.85, (1_461, 731), 0.2),
    ),
    Climate("Shanghai", *_SHANGHAI, (3.2, 2.2), 1.2, 7.0, 1.6, 1.25, (731, 731), 0.2),
    Climate("Beijing", *_BEIJING, (3.2, 2.4), 1.5, 6.5, 1.9, 0.95, (731, 731), 0.1),
)


def is_winter(day: int) -> bool:
    """Whether a day since 1970 lies in December, January or February."""
    return int(np.datetime64(day, "D").astype("datetime64[M]").astype(int) % 12) in (11, 0, 1)


class Weather:
    """The weather of all climates, day after day; each is one series that all of its cars share."""

    def __init__(self, dice: np.random.Generator) -> None:
        self._dice = dice
        count = len(CLIMATES)
        self._anomaly = np.zeros(count)
        self._spell_left = np.zeros(count, dtype=np.int64)
        self._spell_k = np.zeros(count)

    def step(self, day: int) -> tuple[np.ndarray, np.ndarray]:
        """Mean and lowest temperature of a day since 1970, °C, each of shape (climates,)."""
        of_year = day % DAYS_OF_YEAR
        cold = 0.5 + 0.5 * np.cos(2 * np.pi * (of_year - 15.0) / DAYS_OF_YEAR)  # 1 in mid-January, 0 in mid-July
        noise = self._dice.standard_normal(len(CLIMATES))
        chance = self._dice.random((2, len(CLIMATES)))
        length = self._dice.integers(*SPELL_DAYS, len(CLIMATES))
        means, lows = np.empty(len(CLIMATES)), np.empty(len(CLIMATES))
        for at, climate in enumerate(CLIMATES):
            unrest = climate.unrest_k[1] + (climate.unrest_k[0] - climate.unrest_k[1]) * cold
            self._anomaly[at] = PERSISTENCE * self._anomaly[at] + unrest * np.sqrt(1 - PERSISTENCE**2) * noise[at]
            # A winter has about 100 days on which one may begin.
            if self._spell_left[at] == 0 and cold > 0.75 and chance[0, at] < climate.spells / 100.0:
                self._spell_left[at] = length[at]
                self._spell_k[at] = climate.spell_k * (0.7 + 0.6 * chance[1, at])
            low, high = _of_day(climate.low_c, of_year), _of_day(climate.high_c, of_year)
            spell = self._spell_k[at] if self._spell_left[at] > 0 else 0.0
            means[at] = (low + high) / 2 + self._anomaly[at] - spell
            lows[at] = means[at] - (high - low) / 2 - 0.15 * spell  # clear nights
            self._spell_left[at] = max(0, self._spell_left[at] - 1)
        return means, lows


def _of_day(monthly: tuple[float, ...], of_year: float) -> float:
    return float(np.interp(of_year, _MID_MONTHS, monthly, period=DAYS_OF_YEAR))
