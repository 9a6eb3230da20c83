"""What both encodings of an upload have in common: the fields around the samples, their limits and their checks."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Annotated

import msgspec

from domain.errors import InvalidInput
from domain.telemetry import RECORDED, SIMULATED

MAX_UPLOAD_BYTES = 983_040
"""960 KiB: with its key and headers, and as a reject with the reason, it fits into a record of 1,000,000 bytes."""
MAX_SAMPLES = 3_600
MAX_PATH = 128  # characters of a signal's name; VSS's own have up to 90
MAX_SIGNALS = 200
POSITION = "Vehicle.CurrentLocation."  # a trajectory is never kept: dropped before the log sees it
MAX_QUOTED = 200
"""So many characters of what was sent stand in an error at most: it goes into headers of the rejects."""
MAX_CODES = 64
_CODE = re.compile(r"[PCBU][0-3][0-9A-F]{3}(-[0-9A-F]{2})?")
_BOOT_ID = re.compile(r"[A-Za-z0-9-]{1,36}")

Uint32 = Annotated[int, msgspec.Meta(ge=0, le=4_294_967_295)]
# Milliseconds from 2000 to 2100: outside it is no clock but a mistake of unit.
EARLIEST_MS, LATEST_MS = 946_684_800_000, 4_102_444_800_000
EventTime = Annotated[int, msgspec.Meta(ge=EARLIEST_MS, le=LATEST_MS)]


class Codes(msgspec.Struct, forbid_unknown_fields=True):
    """Trouble codes: what appeared and what went, or everything that is stored in the car."""

    added: list[str] = []
    removed: list[str] = []
    stored: list[str] | None = None


class Envelope(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The fields of upload schema 1 other than the samples."""

    schema: int
    boot_id: str
    seq: Uint32
    start_ms: EventTime
    vss: str = "6.0"
    vehicle_id: str | None = None
    origins: dict[str, str] = {}
    units: dict[str, str] = {}
    codes: Codes | None = None


def is_position(path: str) -> bool:
    """Whether the signal tells where the car is."""
    return path.startswith(POSITION) and len(path) <= MAX_PATH


def cut(text: str) -> str:
    """The text, shortened to `MAX_QUOTED` characters."""
    return text if len(text) <= MAX_QUOTED else text[:MAX_QUOTED] + "…"


def check_head(envelope: Envelope) -> None:
    """Raise InvalidInput, naming the field, for what the types of the fields let through."""
    if envelope.schema != 1:
        raise InvalidInput(f"schema {cut(str(envelope.schema))} is not known", field="schema", fix="send schema 1")
    if not _BOOT_ID.fullmatch(envelope.boot_id):
        raise InvalidInput("not a boot id", field="boot_id", fix="1 to 36 letters, digits or dashes")
    if envelope.codes is not None:
        _check_codes(envelope.codes)


def _check_codes(codes: Codes) -> None:
    """Raise InvalidInput for codes that are none (SAE J2012, with a failure type if there is one), or for too many."""
    if codes.stored is not None and (codes.added or codes.removed):
        raise InvalidInput(
            "both a change and the whole", field="codes", fix="send added and removed, or stored, not both"
        )
    for name, listed in (("added", codes.added), ("removed", codes.removed), ("stored", codes.stored or [])):
        if len(listed) > MAX_CODES:
            raise InvalidInput(f"more than {MAX_CODES} codes", field=f"codes.{name}", fix="send those that changed")
        for place, code in enumerate(listed):
            if not _CODE.fullmatch(code):
                raise InvalidInput(
                    f"{cut(code)!r} is no trouble code",
                    field=f"codes.{name}[{place}]",
                    fix="as SAE J2012 writes it: P0420, or P0420-1A with a failure type",
                )
    both = set(codes.added) & set(codes.removed)
    if both:
        raise InvalidInput(f"{min(both)} is added and removed", field="codes", fix="say what holds at the end")


def check_origins(origins: Mapping[str, str], paths: Collection[str]) -> None:
    """Raise InvalidInput for an origin that is none, or of no signal."""
    for path, origin in origins.items():
        if not (path in paths or is_position(path)) or origin not in (RECORDED, SIMULATED):
            raise InvalidInput(
                f"origin {cut(origin)!r} of a signal",
                field=f"origins.{cut(path)}",
                fix="recorded or simulated, of a signal sent",
            )


def check_length(path: str, values: int, offsets: int) -> None:
    """Raise InvalidInput when a signal has not one value per offset."""
    if values != offsets:
        raise InvalidInput(
            f"{values} values for {offsets} offsets", field=f"signals.{cut(path)}", fix="one value or gap per offset"
        )


def offsets_must_rise() -> InvalidInput:
    """What to raise when they don't."""
    return InvalidInput("offsets must rise", field="offsets_ms", fix="send samples in order, each time once")
