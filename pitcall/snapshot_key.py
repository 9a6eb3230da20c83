"""The key that signs model snapshots: the setting, or one that the data folder keeps."""

from __future__ import annotations

import os
import secrets

from pitcall.settings import Settings


def snapshot_key(settings: Settings) -> bytes:
    """The key; made at the first start of an embedded deployment and kept readable by its owner alone."""
    if settings.snapshot_key:
        return settings.snapshot_key.encode()
    path = settings.data_dir / "snapshot.key"
    if not path.exists():
        fresh = path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    return path.read_bytes()
