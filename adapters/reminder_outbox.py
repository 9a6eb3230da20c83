"""Reminders written to a file: the embedded default, and what a mail or push gateway may be fed from."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from pathlib import Path
from typing import Any

from domain.errors import Unavailable
from domain.people import Customer
from workflow.letter import Letter


class ReminderOutbox:
    """Appends one JSON line per letter to `path` and flushes it to the disk before it returns.

    A letter that stands in the file already is not written again. The file is readable by its owner only: it is
    a person's mail.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = asyncio.Lock()
        self._written: set[str] | None = None

    async def send(self, customer: Customer, letter: Letter, now_ms: int) -> None:
        """Write it once, by its id; Unavailable when the disk refuses."""
        line = {
            "letter_id": letter.letter_id,
            "reminder_ids": list(letter.reminder_ids),
            "time_ms": now_ms,
            "to": customer.email,
            "name": customer.name,
            "locale": customer.locale,
            "vehicle_id": letter.vehicle_id,
            "need_ids": list(letter.need_ids),
            "subject": letter.subject,
            "text": letter.text,
            "opened_by": f"/r/{letter.token}",
        }
        async with self._turn:
            try:
                await asyncio.to_thread(self._append, line)
            except OSError as error:
                raise Unavailable(f"the reminder could not be written: {error.strerror}") from error

    def _append(self, line: dict[str, Any]) -> None:
        if self._written is None:
            self._written = self._read()
        if line["letter_id"] in self._written:
            return
        data = json.dumps(line, ensure_ascii=False).encode() + b"\n"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with open(descriptor, "ab", buffering=0) as file:  # noqa: PTH123 - a descriptor, made with its mode
            whole = file.seek(0, os.SEEK_END)
            try:
                if file.write(data) != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(file.fileno())
            except OSError:
                file.truncate(whole)
                raise
        self._written.add(line["letter_id"])

    def _read(self) -> set[str]:
        """The ids in the file, less a last line that a crash cut short: it is taken away, and will be sent again."""
        if not self._path.exists():
            return set()
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(self._path, whole)
        return {json.loads(line)["letter_id"] for line in content[:whole].splitlines()}
