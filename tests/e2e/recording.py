"""A recording of a few of the shipped drives, as a person might bring their own."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from simulators.drive import shipped_drives_path


def cut_recording(to: Path, drives: int) -> Path:
    """Write the shortest `drives` of the shipped file to `to` (.parquet)."""
    table = pq.read_table(shipped_drives_path())
    counts = {str(row["values"]): int(row["counts"]) for row in pc.value_counts(table["drive"]).to_pylist()}
    chosen = sorted(counts, key=lambda name: (counts[name], name))[:drives]
    wanted = pc.is_in(pc.cast(table["drive"], "string"), value_set=pa.array(chosen))
    pq.write_table(table.filter(wanted), to)
    return to
