"""The folder of a demo: what its actors must remember to go on after a stop or a kill."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

from domain.errors import PitcallError
from pitcall.data_folder import open_data_folder


class DemoFolder:
    """One JSON file, replaced whole; it holds the credentials of simulated cars and is its owner's alone."""

    def __init__(self, data_dir: Path) -> None:
        open_data_folder(data_dir, "choose another by --data-dir")
        self._path = data_dir / "demo.json"
        try:
            self.kept: dict[str, Any] = json.loads(self._path.read_text()) if self._path.exists() else {}
        except ValueError as error:
            raise PitcallError(f"{self._path} is damaged: begin again in a fresh --data-dir") from error

    def begin(self, cars: int | None, seed: int | None, start_ms: int) -> None:
        """Take over the demo that the folder has, or begin one; PitcallError when another one is asked for."""
        if not self.kept:
            self.kept = {
                "cars": cars or 20,
                "seed": 1 if seed is None else seed,
                "start_ms": start_ms,
                "operator_password": secrets.token_urlsafe(16),
                "play": None,
                "starts": 0,
            }
        for name, asked in (("cars", cars), ("seed", seed)):
            if asked is not None and asked != self.kept[name]:
                raise PitcallError(
                    f"{self._path.parent} holds a demo with {name} {self.kept[name]}: leave --{name} out to go on "
                    "with it, or begin another in a fresh --data-dir"
                )

        # Counted, for ids drawn from the seed must not come again at a second start over the same data.
        self.kept["starts"] += 1
        self.save()

    def keep_play(self, state: dict[str, Any]) -> None:
        """Remember the actors' state."""
        self.kept["play"] = state
        self.save()

    def save(self) -> None:
        """Replace the file; a kill leaves the old or the new one."""
        fresh = self._path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(self.kept, file)
        fresh.replace(self._path)
