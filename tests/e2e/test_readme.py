"""What the README tells people to type works: each command is run here, or by the test that is named for it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from pitcall.command_line import build_parser
from tests.e2e.demo_run import environment
from tests.e2e.part import ROOT, Person, api_part, url_of

README = (ROOT / "README.md").read_text(encoding="utf-8")
SHORT_DEMO = "--headless --cars 4 --seed 3 --until-bookings 1"

# What is typed → the test that holds it; those of this file run it as it stands.
HELD_BY = {
    "make demo": "tests/e2e/test_readme.py::test_make_demo_plays_the_whole_chain",
    # It is what runs this test.
    "make test": "tests/e2e/test_readme.py::test_make_test_is_lint_and_the_whole_suite",
    ".venv/bin/pitcall demo --headless --cars 20 --until-bookings 3 --json":
        "tests/e2e/test_readme.py::test_the_headless_demo_prints_one_object",
    ".venv/bin/pitcall doctor": "tests/e2e/test_readme.py::test_the_doctor_finds_a_fresh_folder_healthy",
    "deploy/make-secrets.sh":
        "tests/architecture/test_deploy_files.py::test_secrets_are_made_anew_and_never_overwritten",
    # A Docker engine may be missing where the tests run: the file is held to the product instead.
    "docker compose up --build":
        "tests/architecture/test_deploy_files.py::test_what_the_compose_file_says_is_known_to_the_product",
    "docker compose exec api pitcall operator add --email ops@example.org --name Operator --generate":
        "tests/e2e/test_cluster.py::test_three_processes_turn_a_drive_into_a_need_and_stop_when_told",
    ".venv/bin/pitcall api": "tests/e2e/test_readme.py::test_a_recording_is_replayed_as_told",
    ".venv/bin/pitcall operator add --email ops@example.org --name Operator --generate":
        "tests/e2e/test_readme.py::test_a_recording_is_replayed_as_told",
    ".venv/bin/pitcall simulate replay simulators/data/kit_obd2_2017_1hz.parquet"
    " --email ops@example.org --password PASSWORD":
        "tests/e2e/test_readme.py::test_a_recording_is_replayed_as_told",
    ".venv/bin/pitcall backtest pitcall/data/cases/ai4i --out var/backtest":
        "tests/e2e/test_readme.py::test_a_past_is_replayed_into_a_report",
    ".venv/bin/pitcall backtest --obd simulators/data/kit_obd2_2017_1hz.parquet --time-zone Europe/Berlin"
    " --out var/my-car":
        "tests/e2e/test_readme.py::test_a_cars_own_logs_become_a_report",
}  # fmt: skip


def commands() -> list[str]:
    """Every line of the README's `sh` blocks."""
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def typed(beginning: str) -> str:
    """The README's one command that begins so."""
    (found,) = [command for command in commands() if command.startswith(beginning)]
    return found


def entered(command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command as it stands, from the top of the checkout; it must work."""
    # A make inside of make would take over the outer one's flags and jobs.
    clean = {name: value for name, value in environment(**settings).items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        shlex.split(command), cwd=ROOT, env=clean, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
    return done


def test_every_command_is_held_by_a_test_that_exists() -> None:
    assert set(commands()) == set(HELD_BY)
    for test in set(HELD_BY.values()):
        path, _, name = test.partition("::")
        assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), test


@pytest.mark.parametrize("span", sorted(set(re.findall(r"`((?:make|\.venv/bin/pitcall) [^`]+)`", README))))
def test_a_command_named_in_a_sentence_is_one_that_exists(span: str) -> None:
    program, *arguments = shlex.split(span)
    if program == "make":
        assert re.search(rf"^{arguments[0]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        return
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args([*arguments, "--help"])
    assert ended.value.code == 0


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!https?:)([^)#\s]+)\)", README))))
def test_what_is_linked_or_shown_is_there(target: str) -> None:
    path = ROOT / target
    assert path.exists()
    if path.suffix == ".png":
        assert path.read_bytes().startswith(b"\x89PNG\r\n")


def test_pictures_are_shown_for_both_widths() -> None:
    shown = set(re.findall(r"docs/pictures/(\w+)-(\d+)\.png", README))
    assert shown == {(party, width) for party in ("owner", "dealer", "operator") for width in ("390", "1280")}


def test_make_demo_plays_the_whole_chain(tmp_path: Path) -> None:
    command = typed("make demo")
    done = entered(f'{command} DEMO="{SHORT_DEMO} --json --data-dir {tmp_path}"')
    figures = json.loads(done.stdout.strip().splitlines()[-1])
    assert figures["confirmed"] >= 1
    assert figures["labels_learned"] >= 1


def test_make_test_is_lint_and_the_whole_suite() -> None:
    done = entered(f"{typed('make test')} --dry-run --always-make")
    for part in ("ruff check .", "lint-imports", "mypy", "tools/run_tests.py"):
        assert part in done.stdout


def test_the_headless_demo_prints_one_object() -> None:
    done = entered(typed(".venv/bin/pitcall demo"))
    figures = json.loads(done.stdout)
    assert figures["confirmed"] >= 3
    assert figures["completed"] >= 1
    assert figures["labels_learned"] >= 1


def test_the_doctor_finds_a_fresh_folder_healthy(tmp_path: Path) -> None:
    done = entered(typed(".venv/bin/pitcall doctor"), PITCALL_DATA_DIR=str(tmp_path))
    assert "PITCALL_DATA_DIR" in done.stdout
    assert "FAILS" not in done.stdout


def test_a_recording_is_replayed_as_told(tmp_path: Path) -> None:
    here = {"PITCALL_DATA_DIR": str(tmp_path / "data")}
    assert typed(".venv/bin/pitcall api") == ".venv/bin/pitcall api"
    with api_part(tmp_path / "api.log", **here) as api:
        url = url_of(api)
        added = entered(typed(".venv/bin/pitcall operator"), **here)
        password = dict(line.split(None, 1) for line in added.stdout.splitlines())["password"]
        replay = typed(".venv/bin/pitcall simulate replay").replace("PASSWORD", password)
        done = entered(f"{replay} --json --url {url}")
        figures = json.loads(done.stdout)
        assert figures["drives_replayed"] == 38
        with Person(url, figures["email"], figures["password"]) as owner:
            cars = owner.get("/v1/me/vehicles")["vehicles"]
        assert [car["vehicle_id"] for car in cars] == [figures["vehicle_id"]]
        assert api.end() == 0


def test_a_past_is_replayed_into_a_report(tmp_path: Path) -> None:
    done = entered(typed(".venv/bin/pitcall backtest pitcall").replace("var/backtest", str(tmp_path)) + " --json")
    figures = json.loads(done.stdout)
    assert figures["decisions"] == 10_000
    # The better of the published incremental trees reach .508 (docs/adr/0060).
    assert figures["micro_f1"] > 0.6
    assert {path.name for path in tmp_path.iterdir()} == {"predictions.parquet", "report.json", "report.html"}


def test_a_cars_own_logs_become_a_report(tmp_path: Path) -> None:
    done = entered(typed(".venv/bin/pitcall backtest --obd").replace("var/my-car", str(tmp_path)) + " --json")
    figures = json.loads(done.stdout)
    assert figures["kept"] == figures["rows"] == 114_857
    assert figures["km"] == pytest.approx(2_049.4)
    # The car never told its battery's voltage, and nobody told of a service: neither is made up.
    assert figures["items"]["battery_12v"] == figures["items"]["brake_fluid"] == "nothing"
    assert figures["items"]["engine_oil"] == "guess"
    assert {path.name for path in tmp_path.iterdir()} == {"report.json", "report.html"}
