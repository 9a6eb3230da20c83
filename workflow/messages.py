"""Messages on topics: JSON of the domain's values, typed on the way in."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from domain.errors import InvalidInput
from domain.event import DomainEvent
from domain.telemetry import VehicleAttributes

# The topics that use cases write to, by way of the outbox; the others are the streams' own.
SERVICE_RECORDS = "service-records"
DOMAIN_EVENTS = "domain-events"

T = TypeVar("T")

# Fields in their order, no spaces: equal values, built in the same order, are equal bytes.
_encoder = msgspec.json.Encoder()
_attributes = msgspec.json.Decoder(VehicleAttributes)
_NAMED_FIELD = re.compile(r"(?:unknown|missing required) field `([^`]*)`")
_NOT_READABLE = (msgspec.DecodeError, ValueError, RecursionError)


def encode(value: object) -> bytes:
    """The value as JSON bytes; dataclasses become objects, enums their values."""
    return _encoder.encode(value)


def decode(value: bytes, kind: type[T]) -> T:
    """A value of `kind` from JSON bytes; InvalidInput names the field that does not fit."""
    try:
        return msgspec.json.decode(value, type=kind)
    except _NOT_READABLE as error:
        raise InvalidInput(f"not a {kind.__name__}: {error}", field=field_of(error)) from error


def decode_attributes(value: bytes) -> VehicleAttributes:
    """The car's attributes from an upload's header; InvalidInput as for `decode`."""
    try:
        attributes = _attributes.decode(value)
    except _NOT_READABLE as error:
        raise InvalidInput(f"not a car's attributes: {str(error)[:200]}", field=field_of(error)) from error
    attributes.check()
    return attributes


def encode_event(event: DomainEvent) -> bytes:
    """The event as CloudEvents JSON."""
    return _encoder.encode(event.cloud_event())


def decode_event(value: bytes) -> dict[str, Any]:
    """A CloudEvents object as plain JSON."""
    return decode(value, dict[str, Any])


def field_of(error: Exception) -> str:
    """The path msgspec names at the end of its message (`… - at `$.seq``), or `$` for the whole.

    With the name of a field that is unknown or missing there.
    """
    text = str(error)
    path = text.rsplit("`", 2)[1].removeprefix("$.") if " - at `" in text else "$"
    named = _NAMED_FIELD.search(text)
    if named is None or not named[1]:
        return path
    return named[1] if path == "$" else f"{path}.{named[1]}"
