"""Which topics there are, and what a log's URL says."""

import pytest

from domain.errors import InvalidInput
from streams import topics
from streams.topics import TOPICS, is_embedded, kafka_servers


def test_topics_that_are_read_together_are_not_compacted_and_names_are_unique() -> None:
    by_name = {topic.name: topic for topic in TOPICS}
    assert len(by_name) == len(TOPICS)
    assert {name for name, topic in by_name.items() if topic.is_compacted} == {
        topics.MODEL_SNAPSHOTS,
        "pitcall-vehicle-states-changelog",
    }
    assert by_name[topics.MODEL_SNAPSHOTS].kafka_configs() == {
        "cleanup.policy": "compact",
        "compression.type": "uncompressed",
    }
    assert by_name[topics.TELEMETRY_UPLOADS].kafka_configs() == {
        "cleanup.policy": "delete",
        "compression.type": "uncompressed",
        "retention.ms": "604800000",
    }


def test_a_url_says_which_log_it_is() -> None:
    assert is_embedded("pitcall-log:///var/data")
    assert not is_embedded("pitcall-kafka://127.0.0.1:9092")
    assert kafka_servers("pitcall-kafka://a:1") == ["a:1"]
    assert kafka_servers("pitcall-kafka://a:1;b:2") == ["a:1", "b:2"]
    assert kafka_servers("pitcall-kafka://a:1;pitcall-kafka://b:2") == ["a:1", "b:2"]


@pytest.mark.parametrize("url", ["kafka://a:1", "redis://a", "somewhere"])
def test_another_scheme_is_refused_with_the_ones_there_are(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        is_embedded(url)
    assert refused.value.field == "broker_url"
    assert "pitcall-log:///folder or pitcall-kafka://host:port" in refused.value.fix
