"""The suite's own promise: the servers it tests against are real, answer, and end with it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest
from kafka.admin import KafkaAdminClient, NewTopic
from playwright.async_api import Browser
from playwright.async_api import Error as BrowserError

from tests.conftest import without
from tests.servers import chromium
from tests.servers import kafka_broker as kafka
from tests.servers.availability import Found, MissingServerError
from tests.servers.process import ServerProcess, free_port, private_folder

ROOT = Path(__file__).parents[2]


@pytest.fixture
def page_url() -> Iterator[str]:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(b"<title>pit lane</title><p id=here>served on loopback</p>")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_kafka_creates_the_topics_it_is_asked_for_and_no_other(kafka_broker: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=kafka_broker)
    try:
        admin.create_topics([NewTopic(name="suite-check", num_partitions=4, replication_factor=1)])
        assert "suite-check" in admin.list_topics()
        assert len(admin.describe_topics(["suite-check"])[0]["partitions"]) == 4
        assert "never-declared" not in admin.list_topics()
    finally:
        admin.close()


def test_kafka_keeps_its_topics_over_a_kill(own_kafka_server: tuple[ServerProcess, str]) -> None:
    server, address = own_kafka_server
    admin = KafkaAdminClient(bootstrap_servers=address)
    admin.create_topics([NewTopic(name="survivor", num_partitions=1, replication_factor=1)])
    admin.close()
    server.kill()
    assert not server.is_alive()
    server.start()
    admin = KafkaAdminClient(bootstrap_servers=address)
    try:
        assert "survivor" in admin.list_topics()
    finally:
        admin.close()


def test_a_changed_jar_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kafka_2.13-4.1.1.jar").write_bytes(b"not Kafka")
    with pytest.raises(ValueError, match=r"kafka_2\.13-4\.1\.1\.jar"):
        kafka.check_hashes(tmp_path)


def test_the_products_role_can_make_btree_gist_and_is_no_superuser(postgres_database: str) -> None:
    with psycopg.connect(postgres_database.replace("+psycopg", "")) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
        connection.execute(
            "CREATE TABLE hold (bay int, during tstzrange, EXCLUDE USING gist (bay WITH =, during WITH &&))"
        )
        assert connection.execute("SELECT current_setting('is_superuser')").fetchone() == ("off",)
        assert connection.execute("SHOW timezone").fetchone() == ("UTC",)


def test_each_test_gets_an_empty_database(postgres_database: str, postgres_url: str) -> None:
    assert postgres_database != postgres_url
    with psycopg.connect(postgres_database.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT count(*) FROM pg_class WHERE relname = 'hold'").fetchone() == (0,)


async def test_chromium_opens_a_page_served_here(browser: Browser, page_url: str) -> None:
    page = await browser.new_page()
    await page.goto(page_url)
    assert await page.title() == "pit lane"
    assert await page.inner_text("#here") == "served on loopback"


async def test_chromium_reaches_nothing_but_loopback(browser: Browser) -> None:
    page = await browser.new_page()
    with pytest.raises(BrowserError, match="ERR_NAME_NOT_RESOLVED"):
        await page.goto("http://example.org/")


def test_a_server_ends_with_a_suite_that_was_killed() -> None:
    """A child starts a server and is killed with -9: the server and its folder are gone soon after."""
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from tests.servers.process import ServerProcess\n"
        "server = ServerProcess('sleeper', Path(sys.argv[1]), ['sleep', '600'], lambda: True)\n"
        "server.start()\n"
        "print(server.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    folder = private_folder("sleeper")
    suite = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )
    assert suite.stdout is not None
    pid = int(suite.stdout.readline())
    os.kill(suite.pid, signal.SIGKILL)
    # The warden inherited the pipe of errors, so its end is the warden's end: nothing here waits for a clock.
    suite.communicate()
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_server_that_ends_at_once_says_why() -> None:
    folder = private_folder("broken")
    command = [sys.executable, "-c", "raise SystemExit('port taken')"]
    with (
        ServerProcess("broken", folder, command, lambda: False) as server,
        pytest.raises(Exception, match=r"(?s)broken ended while starting.*port taken"),
    ):
        server.start()
    assert not folder.exists()


@pytest.mark.parametrize("find", [kafka.find, chromium.find])
def test_a_missing_server_is_named_with_the_way_to_get_it(
    find: Callable[[], Found], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(
        MissingServerError, match=r"^(Apache Kafka|Chromium) is missing: install .*apt-get install [^\n]*$"
    ):
        find()


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_server_skips_here_and_fails_in_ci(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="Chromium is missing: install it"):
        without(MissingServerError("Chromium", "install it"))


def test_free_ports_are_free() -> None:
    assert 20_000 <= free_port() < 32_000
