"""docs/telemetry.md: every example in it is taken by the API, and the two encodings it shows say the same."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

from pitcall.command_line import build_parser
from tests.support.http_town import People, Town, claimed_car
from workflow.signal_names import SignalNames
from workflow.upload_batch import MAX_BATCH_BYTES, MAX_BATCH_UPLOADS
from workflow.upload_codec import MAX_SAMPLES, MAX_UPLOAD_BYTES, decode_upload
from workflow.upload_envelope import MAX_SIGNALS

DOCUMENT = (Path(__file__).parents[3] / "docs" / "telemetry.md").read_text()


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


def run(example: str, names: dict[str, Any]) -> dict[str, Any]:
    exec(compile(example, "docs/telemetry.md", "exec"), names)  # noqa: S102  # our own document
    return names


async def test_the_upload_is_taken_in_json_and_in_binary_and_says_the_same(town: Town, people: People) -> None:
    (as_json,) = examples("json")
    binary: bytes = run(examples("python")[0], {})["body"]
    for body, kind in ((as_json.encode(), "json"), (binary, "vnd.pitcall.upload+msgpack")):
        headers = {"Content-Type": f"application/{kind}"}
        answer = await people.car.post("/v1/telemetry", content=body, headers=headers)
        assert answer.status_code == 202, answer.text
        assert set(answer.json()) == {"accepted", "upload", "partition", "offset"}
    names = SignalNames(town.office.catalogue)
    first, second = (
        decode_upload(body, vehicle_id="x", received_ms=0, names=names) for body in (as_json.encode(), binary)
    )
    assert first == second


def test_the_bytes_for_other_languages_are_those_of_the_example() -> None:
    (dump,) = examples("hex")
    assert bytes.fromhex(dump) == run(examples("python")[0], {})["body"]


async def test_both_batches_are_taken(town: Town, people: People) -> None:
    second, _ = await claimed_car(town, people.enrolment_token, people.owner)
    names: dict[str, Any] = {"vehicle_ids": [people.vehicle_id, second]}
    kinds = ("x-ndjson", "vnd.pitcall.uploads+msgpack")
    async with town.client(people.enrolment_token) as cloud:
        for example, kind in zip(examples("python")[1:], kinds, strict=True):
            batch = run(example, names)["batch"]
            answer = await cloud.post(
                "/v1/telemetry/batch", content=batch, headers={"Content-Type": f"application/{kind}"}
            )
            assert answer.json()["accepted"] == 2, answer.text
    assert len(town.log.taken) == 4


def test_the_limits_are_those_of_the_code() -> None:
    for limit in (MAX_UPLOAD_BYTES, MAX_SAMPLES, MAX_BATCH_UPLOADS, MAX_SIGNALS):
        assert f"{limit:,}" in DOCUMENT
    assert f"{MAX_BATCH_BYTES // 1024**2} MiB" in DOCUMENT


def test_the_commands_are_those_of_the_command_line() -> None:
    commands = re.findall(r"^pitcall (.*?)(?: +#.*)?$", "".join(examples("sh")), re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        build_parser().parse_args(shlex.split(command))


async def test_the_openapi_document_names_the_content_types_of_this_page(town: Town) -> None:
    for path in ("/v1/telemetry", "/v1/telemetry/batch"):
        contents = town.app.openapi()["paths"][path]["post"]["requestBody"]["content"]
        assert len(contents) == 2
        for kind in contents:
            assert kind in DOCUMENT
