"""The heap of a process that runs for long."""

from __future__ import annotations

import gc


def freeze_start() -> None:
    """Leave what the start has made, which stays, out of garbage collection: a pass took 160 ms, a tenth of the time.

    Call it once, when everything has started.
    """
    gc.collect()
    gc.freeze()
