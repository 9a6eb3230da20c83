"""Fixtures of the whole suite: the real servers, and a folder for data.

A test that asks for a server whose program isn't on the machine is skipped with one line that says how to get it;
with ``CI=true`` it fails.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from playwright.async_api import Browser

from tests.servers import chromium, influxdb, postgres, prometheus
from tests.servers import kafka_broker as kafka
from tests.servers.availability import Found, MissingServerError, is_missing_a_failure
from tests.servers.process import ServerProcess

FINDERS: tuple[Callable[[], Found], ...] = (
    kafka.find,
    postgres.find,
    influxdb.find,
    chromium.find,
    prometheus.find,
)
# A test that uses the fixture carries the mark, so that `-m "not kafka"` can't forget one.
MARKS = {
    "kafka_server": "kafka",
    "own_kafka_server": "kafka",
    "postgres_cluster": "postgres",
    "influx_server": "influx",
    "own_influx_server": "influx",
    "browser": "browser",
}
# Warnings are errors, but for these of packages of others, which we can't mend.
FOREIGN_WARNINGS = (
    # kafka-python 3.0 reads its schemas by a function that Python 3.11 deprecated and 3.13 took back.
    "ignore:(read|open)_text is deprecated:DeprecationWarning",
)


def pytest_configure(config: pytest.Config) -> None:
    """Let the warnings of others pass."""
    for line in FOREIGN_WARNINGS:
        config.addinivalue_line("filterwarnings", line)


def pytest_report_header() -> list[str]:
    """Name each real server and its version, or how to get it."""
    return [f"real server: {line}" for line in _server_lines()]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say again at the end which servers were missing: the header has scrolled away by then."""
    missing = [line for line in _server_lines() if " is missing: " in line]
    if missing:
        terminalreporter.section("real servers that are not on this machine")
        for line in missing:
            terminalreporter.line(line)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses a real server."""
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in MARKS:
                item.add_marker(MARKS[fixture])


def _server_lines() -> list[str]:
    lines = []
    for find in FINDERS:
        try:
            lines.append(str(find()))
        except MissingServerError as missing:
            lines.append(str(missing))
    return lines


def without(missing: MissingServerError) -> NoReturn:
    """Skip or fail a test whose server isn't on this machine."""
    if is_missing_a_failure():
        pytest.fail(str(missing), pytrace=False)
    pytest.skip(str(missing))


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[tuple[ServerProcess, str]]:
    """The session's Kafka: its process and its address."""
    yield from _running_kafka()


@pytest.fixture
def own_kafka_server() -> Iterator[tuple[ServerProcess, str]]:
    """A Kafka for one test alone, which may kill or freeze it: its process and its address."""
    yield from _running_kafka()


def _running_kafka() -> Iterator[tuple[ServerProcess, str]]:
    try:
        server, address = kafka.start()
    except MissingServerError as missing:
        without(missing)
    with server:
        yield server, address


@pytest.fixture(scope="session")
def kafka_broker(kafka_server: tuple[ServerProcess, str]) -> str:
    """Address ``127.0.0.1:port`` of the session's Kafka; tests that share it use topics of their own names."""
    return kafka_server[1]


@pytest.fixture
def own_kafka_broker(own_kafka_server: tuple[ServerProcess, str]) -> str:
    """Address ``127.0.0.1:port`` of a Kafka without topics, for this test alone."""
    return own_kafka_server[1]


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[postgres.Cluster]:
    """The session's PostgreSQL."""
    try:
        cluster = postgres.start()
    except MissingServerError as missing:
        without(missing)
    with cluster.server:
        yield cluster


@pytest.fixture(scope="session")
def postgres_url(postgres_cluster: postgres.Cluster) -> Iterator[str]:
    """SQLAlchemy URL of one database that lasts for the session."""
    with postgres_cluster.fresh_database() as url:
        yield url


@pytest.fixture
def postgres_database(postgres_cluster: postgres.Cluster) -> Iterator[str]:
    """SQLAlchemy URL of an empty database for this test alone."""
    with postgres_cluster.fresh_database() as url:
        yield url


@pytest.fixture(scope="session")
def influx_server() -> Iterator[influxdb.Influx]:
    """The session's InfluxDB; tests that share it use buckets of their own names."""
    yield from _running_influx()


@pytest.fixture
def own_influx_server() -> Iterator[influxdb.Influx]:
    """An InfluxDB for one test alone, which may kill or freeze it."""
    yield from _running_influx()


def _running_influx() -> Iterator[influxdb.Influx]:
    try:
        influx = influxdb.start()
    except MissingServerError as missing:
        without(missing)
    with influx.server:
        yield influx


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A real Chromium for this test, on this test's event loop."""
    try:
        chromium.find()
    except MissingServerError as missing:
        without(missing)
    async with chromium.browser() as running:
        yield running


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """An empty folder for one installation's data."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder
