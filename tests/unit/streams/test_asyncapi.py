"""The AsyncAPI document tells of every topic, and of messages as they really are."""

from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import yaml

from domain.event import DomainEvent
from domain.service_record import ServiceOutcome, ServiceRecord, TrainingExample
from streams.asyncapi import asyncapi_document, asyncapi_text
from streams.topics import DOMAIN_EVENTS, SERVICE_RECORDS, TOPICS, TRAINING_EXAMPLES, Topic
from workflow.messages import encode, encode_event

FILE = Path(__file__).parents[3] / "docs" / "asyncapi.yaml"
EVENT = DomainEvent("e-1", "proposal-accepted", "car-1", 1_760_000_000_000, "dealer", "", {"proposal_id": "p-1"})
RECORD = ServiceRecord(
    record_id="r-1",
    vehicle_id="car-1",
    item="front_brake_pads",
    outcome=ServiceOutcome.REPLACED,
    performed_ms=1_760_000_000_000,
    odometer_m=61_500_000,
)
EXAMPLE = TrainingExample("r-1", "car-1", "front_brake_pads", 1_760_000_000_000, {"energy_mj": 1.5}, 3.4)


def test_the_file_is_what_the_program_makes() -> None:
    assert FILE.read_text() == asyncapi_text(), "run `python -m streams.asyncapi > docs/asyncapi.yaml`"


def test_every_topic_is_in_it_and_every_reference_leads_somewhere() -> None:
    document = yaml.safe_load(FILE.read_text())
    assert {topic.name for topic in TOPICS} <= document["channels"].keys()
    for reference in references(document):
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found, reference


def test_a_topic_of_which_nothing_is_said_is_missed() -> None:
    with pytest.raises(KeyError):
        asyncapi_document((*TOPICS, Topic("a-new-one")))


@pytest.mark.parametrize(
    ("topic", "message"),
    [
        (DOMAIN_EVENTS, encode_event(EVENT)),
        (SERVICE_RECORDS, encode(RECORD)),
        (TRAINING_EXAMPLES, encode(EXAMPLE)),
    ],
)
def test_messages_are_as_it_says(topic: str, message: bytes) -> None:
    document = asyncapi_document()
    schema = document["components"]["messages"][topic]["payload"] | {"components": document["components"]}
    validator = jsonschema_rs.Draft202012Validator(schema)
    assert [error.message for error in validator.iter_errors(msgspec.json.decode(message))] == []
    assert not validator.is_valid({"type": "something else"})


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for inner in value.values() for found in references(inner)]
    return [found for inner in value for found in references(inner)] if isinstance(value, list) else []
