"""The folder of an installation: made at the first start, and looked at before anything is opened in it."""

from __future__ import annotations

import os
from pathlib import Path

from domain.errors import PitcallError


def open_data_folder(path: Path, way_out: str = "choose another by PITCALL_DATA_DIR") -> None:
    """Make the folder if it is missing; PitcallError with `way_out` when that can't be, or nothing can be written."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PitcallError(f"{path} can't be the data folder ({error.strerror}): {way_out}") from error
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise PitcallError(f"{path} can't be the data folder (it may not be written): {way_out}")
