"""DaySums: what cars went through in whole days, as rows that the fold takes in place of second-by-second uploads.

A fleet over years is folded this way: a day's exposures are the sums of those of its drives, and sums commute. From
there on nothing is different from a live upload (`models.fold`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from models.upload_summary import SummaryBlock

Rows = npt.NDArray[Any]  # of `day_dtype`, shape (m,)
Ints = npt.NDArray[np.int64]

BEGINS_MS = 6 * 3_600_000  # after midnight UTC: a day's row stands for what was driven between these
ENDS_MS = 22 * 3_600_000
# Sums in the row of a day, each as `SummaryBlock` has it.
SUMS = ("observed_m", "exposure", "exposure_m")


def day_dtype(catalogue: Catalogue) -> np.dtype[Any]:
    """One car's day: sums over its drives, the odometer in the evening (m, −1 unknown), a value per trend and signal.

    `trends`, `followed` and `sensed` are NaN where the car has none that day; `is_running`: its engine ran.
    """
    exposures, followed = len(catalogue.summed_exposures), len(catalogue.followed)
    return np.dtype(
        [
            ("observed_m", "f8"),
            ("exposure", "f8", (exposures,)),
            ("exposure_m", "f8", (exposures,)),
            ("odometer_m", "i8"),
            ("trends", "f8", (len(catalogue.trends),)),
            ("followed", "f8", (followed,)),
            ("sensed", "f8", (len(catalogue.sensed),)),
            ("is_running", "?"),
        ]
    )


def summary_of(rows: Rows, end_ms: Ints) -> SummaryBlock:
    """The rows of days that end at `end_ms`, shape (m,), as summaries of one upload a day."""
    nothing = np.zeros(len(rows), dtype=np.int64)
    return SummaryBlock(
        reasons=[""] * len(rows),
        start_ms=end_ms - (ENDS_MS - BEGINS_MS),
        end_ms=end_ms,
        observed_m=rows["observed_m"],
        exposure=rows["exposure"],
        exposure_m=rows["exposure_m"],
        first_odometer_m=rows["odometer_m"],
        odometer_m=rows["odometer_m"],
        trends=rows["trends"],
        is_running=rows["is_running"],
        is_clock_wrong=nothing.astype(np.bool_),
        implausible=nothing,
        followed=rows["followed"],
        sensed=rows["sensed"],
    )
