"""What stands on a topic is read back as it was written."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.event import DomainEvent
from domain.prediction import Contribution, DueWindow, ItemKind, Prediction, UploadRange
from domain.service_record import ServiceOutcome, ServiceRecord, TrainingExample
from domain.telemetry import POWERTRAINS, VehicleAttributes
from tests.support.moments import NOW
from tests.support.predictions import wear
from workflow.messages import decode, decode_attributes, decode_event, encode, encode_event

texts = st.text(st.characters(codec="utf-8"), max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False)
moments = st.integers(0, 4_102_444_800_000)
features = st.dictionaries(texts, numbers, max_size=4)
maybe = st.none() | moments


@st.composite
def windows(draw: st.DrawFn) -> DueWindow:
    earliest, expected, latest = sorted(draw(st.tuples(moments, moments, moments)))
    hidden = draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
    return DueWindow(*(None if h else t for h, t in zip(hidden, (earliest, expected, latest), strict=True)), 0.9)


predictions = st.builds(
    Prediction,
    id=texts,
    vehicle_id=texts,
    item=texts,
    kind=st.sampled_from(ItemKind),
    event_ms=moments,
    odometer_m=st.integers(0, 2**32 - 1),
    health=numbers,
    window=windows(),
    remaining_km=st.none() | numbers,
    probability=st.dictionaries(st.integers(1, 400), numbers, max_size=3),
    contributions=st.lists(st.builds(Contribution, texts, numbers, texts), max_size=3).map(tuple),
    reason=texts,
    features=features,
    model_version=texts,
    uploads=st.lists(st.builds(UploadRange, texts, moments, moments), max_size=3).map(tuple),
    is_ready=st.booleans(),
    served_ms=moments,
)
service_records = st.builds(
    ServiceRecord,
    record_id=texts,
    vehicle_id=texts,
    item=texts,
    outcome=st.sampled_from(ServiceOutcome),
    performed_ms=moments,
    odometer_m=st.integers(0, 2**32 - 1),
    value=numbers,
    unit=texts,
    source=st.sampled_from(["dealer", "owner", "elsewhere"]),
    teaches=st.booleans(),
)
examples = st.builds(
    TrainingExample,
    label_id=texts,
    vehicle_id=texts,
    item=texts,
    known_ms=moments,
    features=features,
    target=numbers,
    predicted=st.none() | numbers,
    lower=st.none() | numbers,
    upper=st.none() | numbers,
)


@settings(deadline=None)
@given(value=predictions | service_records | examples)
def test_what_is_written_is_read_back(value: object) -> None:
    assert decode(encode(value), type(value)) == value


@settings(deadline=None)
@given(value=st.builds(VehicleAttributes, st.sampled_from(POWERTRAINS), st.floats(300, 60_000), moments))
def test_attributes_of_a_header_are_read_back(value: VehicleAttributes) -> None:
    assert decode_attributes(encode(value)) == value


@pytest.mark.parametrize(
    ("attributes", "field"),
    [
        ({"powertrain": "steam"}, "powertrain"),
        ({"mass_kg": 1e308}, "mass_kg"),
        ({"mass_kg": -1.0}, "mass_kg"),
        ({"built_ms": 2**62}, "built_ms"),
        ({"built_ms": 10**40}, "built_ms"),
        ({"built_ms": "long ago"}, "built_ms"),
    ],
)
def test_attributes_that_no_car_has_are_refused_by_their_field(attributes: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        decode_attributes(json.dumps(attributes).encode())
    assert refused.value.field == field


@settings(deadline=None)
@given(value=predictions)
def test_equal_values_are_equal_bytes(value: Prediction) -> None:
    assert encode(decode(encode(value), Prediction)) == encode(value)


def test_an_event_on_its_topic_is_a_cloud_event() -> None:
    event = DomainEvent("need-opened:1", "need-opened", "car-1", NOW, "model", "", {"item": "engine_oil"})
    assert decode_event(encode_event(event)) == event.cloud_event() == json.loads(encode_event(event))


@pytest.mark.parametrize(
    ("change", "field"),
    [({"odometer_m": "far"}, "odometer_m"), ({"window": None}, "window"), ({"kind": "magic"}, "kind")],
)
def test_a_message_that_does_not_fit_names_the_field(change: dict[str, object], field: str) -> None:
    plain = msgspec.to_builtins(wear(20), str_keys=True) | change
    with pytest.raises(InvalidInput) as refused:
        decode(json.dumps(plain).encode(), Prediction)
    assert refused.value.field == field


def test_a_message_with_an_impossible_window_is_refused() -> None:
    plain = msgspec.to_builtins(wear(20), str_keys=True)
    plain["window"]["earliest_ms"] = plain["window"]["latest_ms"] + 1
    with pytest.raises(InvalidInput, match="earliest over expected to latest"):
        decode(json.dumps(plain).encode(), Prediction)


@pytest.mark.parametrize("value", [b"", b"nope", b"\xff", b"7"])
def test_what_is_no_message_is_refused_as_a_whole(value: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        decode(value, ServiceRecord)
    assert refused.value.field == "$"
    with pytest.raises(InvalidInput):
        decode_event(value)
    with pytest.raises(InvalidInput):
        decode_attributes(value)
