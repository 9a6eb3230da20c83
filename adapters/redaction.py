"""What must not stand in a log: VINs, e-mail addresses, positions, names, secrets; and line breaks of others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "[hidden]"

# Compared without case, underscores and dashes; a key counts also as the last word of a dotted or underscored one.
_PERSON_KEYS = {
    "name",
    "owner",
    "ownername",
    "customername",
    "advisorname",
    "email",
    "address",
    "phone",
    "label",
    "vin",
}
_POSITION_KEYS = {
    "lat",
    "lon",
    "lng",
    "latitude",
    "longitude",
    "altitude",
    "heading",
    "position",
    "location",
    "currentlocation",
    "gps",
}
_SECRET_KEYS = {
    "password",
    "passwordhash",
    "secret",
    "webhooksecret",
    "token",
    "authorization",
    "cookie",
    "setcookie",
    "credential",
    "claimcode",
}
_HIDDEN_KEYS = _PERSON_KEYS | _POSITION_KEYS | _SECRET_KEYS

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), HIDDEN),
    # ISO 3779: 17 characters without I, O and Q. One digit at least, so that no word is taken for a VIN.
    (re.compile(r"(?<![0-9A-Za-z])(?=[A-Za-z]*\d)[A-HJ-NPR-Za-hj-npr-z0-9]{17}(?![0-9A-Za-z])"), HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), rf"\1 {HIDDEN}"),
    (re.compile(r"(?i)\b((?:access_|id_)?token|code|secret|password)=[^&\s\"']+"), rf"\1={HIDDEN}"),
    (re.compile(r"\bwhsec_[\w+/=-]+"), HIDDEN),
    (re.compile(r"://([^/\s:@]+):[^/\s@]+@"), rf"://\1:{HIDDEN}@"),
    (
        re.compile(r"(?i)\b(lat(?:itude)?|lon(?:gitude)?|lng)(\"?'?\s*[:=]\s*)-?\d+(?:\.\d+)?"),
        rf"\1\2{HIDDEN}",
    ),
    (re.compile(r"-?\b\d{1,3}\.\d{4,}\s*[,;]\s*-?\d{1,3}\.\d{4,}"), HIDDEN),
)
# Line breaks, and the other characters with which one writes over a terminal.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DEEPEST = 6


def redact(value: Any, depth: int = 0) -> Any:
    """The value as a log may hold it: mappings and sequences within, texts cleaned, other objects by their text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return clean(value)
    if depth >= _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {clean(str(key)): _of_key(str(key), entry, depth) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(entry, depth + 1) for entry in value]
    return clean(str(value))


def clean(text: str) -> str:
    """A text on one line, without what its form gives away as personal or secret."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return _CONTROL.sub(_escaped, text)


def is_hidden(key: str) -> bool:
    """Whether a key's value is never written, whatever it is."""
    words = re.split(r"[.\s]", key.lower())
    plain = re.sub(r"[_-]", "", words[-1])
    return plain in _HIDDEN_KEYS or re.split(r"[_-]", words[-1])[-1] in _HIDDEN_KEYS


def _of_key(key: str, value: Any, depth: int) -> Any:
    return HIDDEN if value is not None and is_hidden(key) else redact(value, depth + 1)


def _escaped(match: re.Match[str]) -> str:
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(match[0], f"\\x{ord(match[0]):02x}")
