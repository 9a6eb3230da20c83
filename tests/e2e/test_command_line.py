"""What the command line says to a person: help, one sentence for each mistake, and a demo that stops and goes on."""

from __future__ import annotations

import argparse
import json
import re
import signal
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pitcall.command_line import build_parser
from tests.e2e.part import Part, Person, api_part, refusal, run, url_of


def _commands(parser: argparse.ArgumentParser, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command and of its kinds, from the parser itself."""
    yield path
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield from _commands(below, (*path, name))


COMMANDS = tuple(_commands(build_parser()))
WRONG_SETTINGS = (
    ("PITCALL_DATA_DIR", "  ", "it is empty"),
    ("PITCALL_BROKER_URL", "pitcall-kafka://", "names nothing after ://"),
    ("PITCALL_BROKER_URL", "kafka://somebody:a-secret@localhost:9092", "pitcall-kafka://"),
    ("PITCALL_DATABASE_URL", "mysql://somebody:a-secret@localhost/pitcall", "postgresql+psycopg://"),
    ("PITCALL_KAFKA_PARTITIONS", "0", "at least 1"),
    ("PITCALL_KAFKA_REPLICATION", "three", "three"),
    ("PITCALL_STATE_STORE", "tape", "empty, memory, disk"),
    ("PITCALL_STANDBY_REPLICAS", "4", "0 to 3"),
    ("PITCALL_HISTORY_URL", "influx://somebody:a-secret@localhost", "https://"),
    ("PITCALL_HISTORY_RETENTION_DAYS", "-1", "at least 1"),
    ("PITCALL_HTTP_HOST", "", "it is empty"),
    ("PITCALL_HTTP_PORT", "80800", "0 to 65535"),
    ("PITCALL_METRICS_PORT", "-1", "0 to 65535"),
    ("PITCALL_WEBHOOKS_INSIDE", "true", "it is yes or no"),
    ("PITCALL_CALLS_PER_MINUTE", "0", "at least 1"),
    ("PITCALL_SIGN_INS_PER_MINUTE", "many", "it is not a whole number"),
    ("PITCALL_WATCHDOG_SECONDS", "soon", "it is not a whole number"),
    ("PITCALL_PUBLIC_URL", "pitcall.example", "https://"),
    ("PITCALL_SMTP_URL", "mail://somebody:a-secret@localhost", "smtps://"),
    ("PITCALL_MAIL_FROM", "nobody", "service@example.org"),
    ("PITCALL_QUIET_HOURS", "at night", "as in 21-8"),
    ("PITCALL_REMINDER_GAP_HOURS", "-1", "0 hours to 30 days"),
    ("PITCALL_CONTROLLER", " ", "it is empty"),
    ("PITCALL_SNAPSHOT_KEY", "a-secret", "at least 32 characters"),
    ("PITCALL_CATALOGUE", " ", "it is empty"),
    ("PITCALL_LOG_FORMAT", "xml", "console, json"),
    ("PITCALL_LOG_LEVEL", "loud", "debug, info, warning, error"),
)
PROGRESS = re.compile(r"^(\d\d \w{3} \d{4} \d\d:\d\d) UTC · ([\d,]+) uploads", re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_tells_how_it_is_used(command: tuple[str, ...]) -> None:
    done = run(*command, "--help")
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.startswith(" ".join(("usage: pitcall", *command)))


def test_the_commands_were_found() -> None:
    assert {("demo",), ("api",), ("worker",), ("outbox",), ("doctor",), ("simulate", "replay")} < set(COMMANDS)


@pytest.mark.parametrize(("name", "value", "fix"), WRONG_SETTINGS, ids=[name for name, _, _ in WRONG_SETTINGS])
def test_a_wrong_setting_ends_the_start_with_its_name_and_what_would_be_right(
    name: str, value: str, fix: str, tmp_path: Path
) -> None:
    given = {"PITCALL_DATA_DIR": str(tmp_path), name: value}
    said = refusal("api", **given)
    assert name in said
    assert fix in said
    assert "a-secret" not in said


def test_every_setting_is_tried_above() -> None:
    documented = set(re.findall(r"^  (PITCALL_\w+)", run("--help").stdout, re.MULTILINE))
    assert len(documented) > 5
    # Any text may be a token: only the server that made it can tell.
    assert documented - {"PITCALL_HISTORY_TOKEN"} == {name for name, _, _ in WRONG_SETTINGS}


def test_a_mail_server_alone_is_not_enough(tmp_path: Path) -> None:
    said = refusal("api", PITCALL_SMTP_URL="smtp://u:a-secret@mail.example", PITCALL_DATA_DIR=str(tmp_path))
    assert "PITCALL_MAIL_FROM" in said and "PITCALL_PUBLIC_URL" in said and "a-secret" not in said


@pytest.mark.parametrize("command", ["api", "demo", "operator"])
def test_a_data_folder_that_cannot_be_is_named(command: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    arguments = {
        "api": ("api",),
        "demo": ("demo", "--data-dir", str(tmp_path / "file"), "--port", "0"),
        "operator": ("operator", "add", "--email", "a@b.example", "--name", "N", "--generate"),
    }
    said = refusal(*arguments[command], PITCALL_DATA_DIR=str(tmp_path / "file"), PITCALL_HTTP_PORT="0")
    assert f"{tmp_path / 'file'} can't be the data folder" in said
    assert ("--data-dir" if command == "demo" else "PITCALL_DATA_DIR") in said


@pytest.mark.parametrize("name", ["log.sqlite", "records.sqlite"])
def test_a_file_of_the_data_folder_that_is_damaged_is_said(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"this is no database " * 500)
    assert "file is not a database" in refusal("api", PITCALL_DATA_DIR=str(tmp_path), PITCALL_HTTP_PORT="0")


def test_a_demo_whose_notes_are_damaged_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "demo.json").write_text('{"cars": 4, ')
    assert "demo.json is damaged: begin again" in refusal("demo", "--data-dir", tmp_path, "--port", "0")


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"a: [", "is not YAML"), (b"\xff\xfe", "is not UTF-8"), (b"a: 1", "a: unknown field"), (None, "No such file")],
)
def test_a_catalogue_that_is_none_is_said_in_one_sentence(content: bytes | None, words: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "mine.yaml").write_bytes(content)
    here = {"PITCALL_DATA_DIR": str(tmp_path / "data"), "PITCALL_HTTP_PORT": "0"}
    assert words in refusal("api", PITCALL_CATALOGUE=str(tmp_path / "mine.yaml"), **here)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--port", "99999"), "a port is 0 to 65535"),
        (("--cars", "0"), "it must be at least 1"),
        (("--cars", "many"), "'many' is no whole number"),
        (("--speed", "fast"), "'fast' is no number"),
        (("--speed", "nan"), "it must be 1 (real time) to 10,000,000"),
    ],
)
def test_a_wrong_argument_is_said_with_what_would_be_right(arguments: tuple[str, ...], words: str) -> None:
    done = run("demo", *arguments)
    assert done.returncode == 2
    assert f"{arguments[0]}: {words}" in done.stderr.splitlines()[-1]


def test_a_variable_that_is_no_setting_is_named_with_the_nearest_that_is() -> None:
    assert "PITCALL_HTTP_PROT is no setting of Pitcall; did you mean PITCALL_HTTP_PORT?" in refusal(
        "doctor", PITCALL_HTTP_PROT="1"
    )


def test_a_cluster_without_a_key_for_its_models_does_not_start(tmp_path: Path) -> None:
    elsewhere = {"PITCALL_BROKER_URL": "pitcall-kafka://127.0.0.1:1", "PITCALL_DATA_DIR": str(tmp_path)}
    assert "PITCALL_SNAPSHOT_KEY is missing" in refusal("worker", **elsewhere)


@pytest.mark.parametrize("part", ["worker", "outbox"])
def test_with_the_embedded_log_the_api_is_all_parts(part: str, tmp_path: Path) -> None:
    said = refusal(part, PITCALL_DATA_DIR=str(tmp_path))
    assert "`pitcall api`" in said
    assert "PITCALL_BROKER_URL" in said


@pytest.mark.parametrize("way_out", ["--port", "PITCALL_HTTP_PORT"])
def test_a_busy_port_is_said_with_the_way_out(way_out: str, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        if way_out == "--port":
            said = refusal("demo", "--port", port, "--data-dir", tmp_path / "demo")
        else:
            said = refusal("api", PITCALL_HTTP_PORT=port, PITCALL_DATA_DIR=str(tmp_path))
    assert f"127.0.0.1:{port} cannot be listened on" in said
    assert way_out in said


def test_a_folder_of_another_demo_is_not_mixed_up(tmp_path: Path) -> None:
    small = ("demo", "--headless", "--data-dir", tmp_path, "--until-bookings", "1")
    first = run(*small, "--cars", "4", "--seed", "3")
    assert first.returncode == 0, first.stderr
    said = refusal(*small, "--cars", "4", "--seed", "4")
    assert "holds a demo with seed 3" in said
    assert "leave --seed out" in said
    assert "holds a demo with cars 4" in refusal(*small, "--cars", "5")


def test_an_interrupted_demo_stops_cleanly_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    demo = ("demo", "--cars", "4", "--port", "0", "--data-dir", tmp_path / "data", "--speed", "86400")
    with Part(tmp_path / "first.log", *demo) as first:
        first.wait_for(r"· [1-9][\d,]* uploads .* [1-9][\d,]* predictions")
        assert first.end(signal.SIGINT) == 0, first.said()
    assert "Traceback" not in first.said()
    kept = json.loads((tmp_path / "data" / "demo.json").read_text())
    day, uploads = PROGRESS.findall(first.said())[-1]
    with Part(tmp_path / "second.log", *demo) as second:
        second.wait_for(PROGRESS.pattern)
        assert second.end(signal.SIGINT) == 0, second.said()
    first_day, first_uploads = PROGRESS.findall(second.said())[0]
    assert _count(first_uploads) >= _count(uploads)
    assert _minutes(first_day) >= _minutes(day)
    goes_on = json.loads((tmp_path / "data" / "demo.json").read_text())
    assert goes_on["start_ms"] == kept["start_ms"]
    assert goes_on["starts"] == kept["starts"] + 1
    assert goes_on["play"]["now_ms"] >= kept["play"]["now_ms"]


def _count(text: str) -> int:
    return int(text.replace(",", ""))


def _minutes(text: str) -> datetime:
    return datetime.strptime(text, "%d %b %Y %H:%M").replace(tzinfo=UTC)


def test_a_generated_password_signs_in_and_is_shown_once(tmp_path: Path) -> None:
    here = {"PITCALL_DATA_DIR": str(tmp_path / "data")}
    named = ("operator", "add", "--name", "Opera Tor", "--email")
    # Before the first start: the records are made.
    added = run(*named, "ops@pitcall.example", "--generate", "--json", **here)
    assert added.returncode == 0, added.stderr
    shown: dict[str, Any] = json.loads(added.stdout)
    with api_part(tmp_path / "api.log", **here) as api:
        url = url_of(api)
        with Person(url, shown["email"], shown["password"]) as operator:
            assert operator.get("/v1/me")["role"] == "operator"
        # While the API runs on the same records.
        second = run(*named, "second@pitcall.example", given="another-long-password\n", **here)
        assert second.returncode == 0, second.stderr
        assert "another-long-password" not in second.stdout + second.stderr
        with Person(url, "second@pitcall.example", "another-long-password") as operator:
            assert operator.get("/v1/me")["name"] == "Opera Tor"
        taken = refusal(*named, "OPS@pitcall.example", given="another-long-password\n", **here)
        assert "there is an account with this e-mail address already" in taken
        assert api.end(signal.SIGINT) == 0
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert shown["password"].encode() not in kept + api.said().encode()


@pytest.mark.parametrize(
    ("arguments", "password", "words"),
    [
        (("--email", "nobody", "--name", "N"), "long-enough-for-all", "that is no e-mail address"),
        (("--email", "a@b.example", "--name", " "), "long-enough-for-all", "a name is missing"),
        (("--email", "a@b.example", "--name", "N"), "short", "a password has 10 to 200 characters"),
        (("--email", "a@b.example", "--name", "N"), "", "a password has 10 to 200 characters"),
    ],
)
def test_an_operator_who_cannot_be_is_refused(
    arguments: tuple[str, ...], password: str, words: str, tmp_path: Path
) -> None:
    assert words in refusal("operator", "add", *arguments, given=password, PITCALL_DATA_DIR=str(tmp_path))
