"""RegimeSearch: looks for regimes in the fleet's first rows, once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from models.regimes import Regimes, find_regimes
from models.vehicle_state import States

Floats = npt.NDArray[np.float64]

ROWS = 2_000  # of the fleet, over which regimes are looked for


class RegimeSearch:
    """Gathers rows while it `is_open`; closed at once where nothing is followed or nothing is a setting."""

    def __init__(self, catalogue: Catalogue, signals: Sequence[str]) -> None:
        """`signals`: the columns of the rows that will come."""
        followed = catalogue.followed
        self._columns = [signals.index(path) if path in signals else -1 for path in followed]
        self._is_setting = [catalogue.is_setting(path) for path in followed]
        self._rows: list[Floats] = []
        self._count = 0
        self.is_open = any(self._is_setting) and -1 not in self._columns
        self.regimes: Regimes | None = None

    def found(self, values: Floats) -> bool:
        """Take rows (n, signals); whether they complete what was needed to find regimes, and there are some."""
        self._rows.append(values[:, self._columns])
        self._count += len(values)
        if self._count < ROWS:
            return False
        self.regimes = find_regimes(np.concatenate(self._rows), self._is_setting)
        self._rows.clear()
        self.is_open = False
        return self.regimes is not None


def begin_levels_anew(states: States) -> None:
    """Forget the levels followed so far, in place: from here on signals are compared with their regime."""
    for levels in (states, states["base"]):
        levels["followed"] = np.zeros((), dtype=levels["followed"].dtype)
    states["ring"]["followed"] = np.nan
