"""What the files of the repository may be and say."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST_FILE = 500
TEXT = {
    *("", ".py", ".md", ".toml", ".yaml", ".yml", ".html", ".css", ".js", ".txt", ".lock", ".ini", ".mako", ".sh"),
    *(".xml", ".svg", ".json", ".sha256", ".env", ".example", ".webmanifest"),
}
# Folders that only exist on somebody's own machine, and hosts that packages are fetched from: a repository that
# names one works in one place only.
MACHINE_PATH = re.compile(r"(?<![\w.$}/-])/(?:root|home|Users|work|private|mnt|opt/wheels)/[\w.-]")
REGISTRY_HOST = re.compile(
    r"\b(?:files\.pythonhosted\.org|pypi\.org|registry\.npmjs\.org|repo1?\.maven\.(?:apache\.)?org|"
    r"proxy\.golang\.org|index\.crates\.io|static\.crates\.io|deb\.debian\.org)\b"
)


def repository_files() -> list[Path]:
    """Files under version control, and new ones that aren't ignored; in an unpacked archive, all but .venv's."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        return sorted(path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts)
    paths = (ROOT / name for name in sorted(set(listed.stdout.split("\0"))) if name)
    return [path for path in paths if path.is_file()]


def text_files() -> list[Path]:
    return [path for path in repository_files() if path.suffix in TEXT and path != Path(__file__)]


def test_the_repository_was_read() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in text_files()}
    assert {"pyproject.toml", "Makefile", "LICENSE", "domain/__init__.py", "requirements/runtime.lock"} <= names


def test_no_file_names_a_folder_of_one_machine() -> None:
    assert lines_with(MACHINE_PATH) == []


def test_no_file_names_a_registry() -> None:
    assert lines_with(REGISTRY_HOST) == []


@pytest.mark.parametrize(
    ("pattern", "line", "is_found"),
    [
        (MACHINE_PATH, "open('/home/somebody/data')", True),
        (MACHINE_PATH, "COPY --from=build /opt/pitcall /opt/pitcall", False),
        (MACHINE_PATH, "https://example.org/home/page", False),
        (REGISTRY_HOST, "--index-url https://" + "pypi" + ".org/simple", True),
        (REGISTRY_HOST, "https://doi.org/10.35097/1130", False),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern: re.Pattern[str], line: str, is_found: bool) -> None:
    assert bool(pattern.search(line)) is is_found


def test_no_source_file_is_longer_than_anybody_reads() -> None:
    too_long = {
        path.relative_to(ROOT).as_posix(): count
        for path in repository_files()
        if path.suffix == ".py" and (count := len(path.read_text().splitlines())) > LONGEST_FILE
    }
    assert too_long == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
    named = [path for path in repository_files() if path.suffix == ".py" and vague & {path.stem, *path.parts}]
    assert named == []


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in text_files()
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if pattern.search(line)
    ]
