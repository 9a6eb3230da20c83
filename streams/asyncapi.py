"""The topics as an AsyncAPI 3 document, made from `streams.topics` and the types of the messages themselves.

`python -m streams.asyncapi > docs/asyncapi.yaml` writes it; a test holds the file to what this makes.
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import yaml

from domain.service_record import ServiceRecord, TrainingExample
from streams.rejects import REPLAY_TOPICS
from streams.topics import (
    DEAD_LETTERS,
    DOMAIN_EVENTS,
    MODEL_SNAPSHOTS,
    PREDICTIONS,
    SERVICE_RECORDS,
    TELEMETRY_REJECTS,
    TELEMETRY_UPLOADS,
    TOPICS,
    TRAINING_EXAMPLES,
    VEHICLE_STATES,
    Topic,
    changelog_name,
)

Json = dict[str, Any]
BY_VEHICLE = "the pseudonymous vehicle id"
BYTES = {"type": "string", "format": "binary"}
CLOUD_EVENT: Json = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "description": "the same when the event is sent again"},
        "source": {"const": "/pitcall"},
        "type": {"type": "string", "pattern": r"^pitcall\.[a-z-]+\.v1$", "examples": ["pitcall.proposal-accepted.v1"]},
        "subject": {"type": "string", "description": BY_VEHICLE},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "data": {
            "type": "object",
            "description": "ids and numbers only: no name, VIN, position or free text",
            "required": ["actor", "cause", "channel"],
            "properties": {name: {"type": "string"} for name in ("actor", "cause", "channel")},
            "additionalProperties": True,
        },
    },
}
SET_ASIDE = "as it came, with headers that say why and where it stood (`topic`, `partition`, `offset`)"


def _message(summary: str, key: str, payload: Json, content_type: str = "application/json") -> Json:
    return {
        "summary": summary,
        "contentType": content_type,
        "payload": payload,
        "bindings": {"kafka": {"key": {"type": "string", "description": key}}},
    }


def _typed(kind: type[Any], components: Json) -> Json:
    """The JSON schema of a type as its messages are written; what it refers to goes to the components."""
    (schema,), found = msgspec.json.schema_components([kind], ref_template="#/components/schemas/{name}")
    components.update(found)
    return schema


def _messages(components: Json) -> dict[str, Json]:
    octets = "application/octet-stream"
    return {
        TELEMETRY_UPLOADS: _message(
            "An upload of a car, in JSON or msgpack (docs/telemetry.md); headers say which car it is and when it came",
            BY_VEHICLE,
            BYTES,
            octets,
        ),
        SERVICE_RECORDS: _message(
            "What a workshop found on one item of a car", BY_VEHICLE, _typed(ServiceRecord, components)
        ),
        DOMAIN_EVENTS: _message("Something that happened, as CloudEvents 1.0", BY_VEHICLE, CLOUD_EVENT),
        PREDICTIONS: _message(
            "All that is predicted for a car, a row of numbers in the catalogue's layout (docs/adr/0042)",
            BY_VEHICLE,
            BYTES,
            octets,
        ),
        TRAINING_EXAMPLES: _message(
            "A label beside the features that were known when it was predicted",
            "the item",
            _typed(TrainingExample, components),
        ),
        MODEL_SNAPSHOTS: _message("The signed snapshot of an item's model (docs/models.md)", "the item", BYTES, octets),
        TELEMETRY_REJECTS: _message(f"An upload that could not be used, {SET_ASIDE}", BY_VEHICLE, BYTES, octets),
        DEAD_LETTERS: _message(f"A record that no agent could handle, {SET_ASIDE}", "its key", BYTES, octets),
        changelog_name(VEHICLE_STATES): _message(
            "The state of a car, for workers alone: another version may write it in another way",
            BY_VEHICLE,
            BYTES,
            octets,
        ),
        REPLAY_TOPICS[0].name: _message("The mark that a reject was sent again", "the reject's id", BYTES, octets),
    }


def asyncapi_document(topics: tuple[Topic, ...] = (*TOPICS, *REPLAY_TOPICS)) -> Json:
    """The document; KeyError for a topic of which nothing is said here."""
    components: Json = {}
    messages = _messages(components)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Pitcall topics",
            "version": "1",
            "description": "Topics of the log, on Apache Kafka or embedded. No topic holds a name, VIN or position.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in topics},
        "operations": {
            f"receive-{topic.name}": {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "summary": messages[topic.name]["summary"],
            }
            for topic in topics
        },
        "components": {
            "messages": {topic.name: messages[topic.name] for topic in topics},
            "schemas": dict(sorted(components.items())),
        },
    }


def _channel(topic: Topic) -> Json:
    configuration: Json = {"cleanup.policy": ["compact" if topic.is_compacted else "delete"]}
    if not topic.is_compacted:
        configuration["retention.ms"] = topic.retention_days * 86_400_000
    return {
        "address": topic.name,
        "messages": {topic.name: {"$ref": f"#/components/messages/{topic.name}"}},
        "bindings": {"kafka": {"topicConfiguration": configuration}},
    }


def asyncapi_text() -> str:
    """The document as YAML, the same for the same code."""
    return yaml.safe_dump(asyncapi_document(), sort_keys=False, allow_unicode=True, width=120)


if __name__ == "__main__":
    sys.stdout.write(asyncapi_text())
