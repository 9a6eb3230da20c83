"""The arrays of the fleet: numbers, yes or no, and whole numbers such as days and positions of cars."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]
Counts = npt.NDArray[np.uint8]
