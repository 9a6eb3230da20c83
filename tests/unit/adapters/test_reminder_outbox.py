"""Every reminder stands in the file once, whatever happens between."""

import json
import resource
import stat
from pathlib import Path

import pytest

from adapters.reminder_outbox import ReminderOutbox
from domain.errors import Unavailable
from tests.contract.samples import NOW, OWNER
from workflow.letter import Letter


def _reminder(number: int) -> Letter:
    name = f"reminder-{number}"
    text = "Soon\nreally „soon“"
    return Letter(name, (name,), "car-1", ("need-1",), "Brakes", text, f"token-{number}", "en", "O. Wner")


def _ids(path: Path) -> list[str]:
    return [json.loads(line)["letter_id"] for line in path.read_text().splitlines()]


async def test_a_reminder_is_written_once_even_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "reminders.jsonl"
    outbox = ReminderOutbox(path)
    for number in (1, 2, 1):
        await outbox.send(OWNER, _reminder(number), NOW)
    await ReminderOutbox(path).send(OWNER, _reminder(2), NOW + 1)
    await ReminderOutbox(path).send(OWNER, _reminder(3), NOW + 2)
    assert _ids(path) == ["reminder-1", "reminder-2", "reminder-3"]
    first = json.loads(path.read_text().splitlines()[0])
    assert first["to"] == OWNER.email
    assert first["text"] == _reminder(1).text
    assert first["time_ms"] == NOW


async def test_a_line_that_a_crash_cut_short_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "reminders.jsonl"
    await ReminderOutbox(path).send(OWNER, _reminder(1), NOW)
    whole = path.read_bytes()
    await ReminderOutbox(path).send(OWNER, _reminder(2), NOW)
    for length in range(len(whole), len(path.read_bytes())):
        path.write_bytes((whole + whole.replace(b"reminder-1", b"reminder-2"))[:length])
        await ReminderOutbox(path).send(OWNER, _reminder(2), NOW)
        assert _ids(path) == ["reminder-1", "reminder-2"]


async def test_the_file_is_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "reminders.jsonl"
    await ReminderOutbox(path).send(OWNER, _reminder(1), NOW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_disk_that_refuses_is_unavailable_and_keeps_no_half_line(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        await ReminderOutbox(tmp_path / "missing" / "reminders.jsonl").send(OWNER, _reminder(1), NOW)
    path = tmp_path / "reminders.jsonl"
    outbox = ReminderOutbox(path)
    await outbox.send(OWNER, _reminder(1), NOW)
    whole = path.read_bytes()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 10, before[1]))
    try:
        with pytest.raises(Unavailable):
            await outbox.send(OWNER, _reminder(2), NOW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == whole
    await outbox.send(OWNER, _reminder(2), NOW)
    assert _ids(path) == ["reminder-1", "reminder-2"]
