"""Small values: events as CloudEvents, service records as labels, errors as one tree."""

from __future__ import annotations

import pytest

from domain import errors
from domain.event import DomainEvent
from domain.service_record import ServiceOutcome, ServiceRecord
from domain.telemetry import UploadId
from tests.support.moments import NOW


def test_an_event_is_a_cloud_event_about_a_pseudonymous_car() -> None:
    event = DomainEvent(
        "need-opened:1", "need-opened", "car-1", NOW, "model", "", {"item": "engine_oil"}, "owner-1", "dealer-1"
    )
    cloud = event.cloud_event()
    assert (cloud["specversion"], cloud["id"], cloud["type"]) == ("1.0", "need-opened:1", "pitcall.need-opened.v1")
    assert (cloud["subject"], cloud["time"]) == ("car-1", "2025-10-06T08:00:00.000+00:00")
    assert cloud["data"] == {"actor": "model", "cause": "", "channel": "", "item": "engine_oil"}


def test_an_event_that_leaves_does_not_say_whose_car_it_is() -> None:
    event = DomainEvent("e", "need-opened", "car-1", NOW, "model", "", {}, "owner-1", "dealer-1")
    assert "owner-1" not in str(event.cloud_event())


def test_an_upload_is_named_by_car_boot_and_sequence_number() -> None:
    assert str(UploadId("car-1", "boot-a", 7)) == "car-1/boot-a/7"


def test_replaced_and_failed_items_are_as_new_and_looked_at_ones_are_not() -> None:
    assert {outcome for outcome in ServiceOutcome if outcome.renews} == {
        ServiceOutcome.REPLACED,
        ServiceOutcome.FAILED,
    }


def test_a_measured_item_has_a_value() -> None:
    with pytest.raises(ValueError, match="has a value"):
        ServiceRecord("r", "car-1", "engine_oil", ServiceOutcome.MEASURED, NOW, 1)


def test_every_error_raised_on_purpose_is_of_one_tree_and_stands_in_its_picture() -> None:
    named = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert all(issubclass(error, errors.PitcallError) for error in named)
    assert all(error.__name__ in (errors.__doc__ or "") for error in named)
