"""Codes that people read off one screen and type into another."""

from __future__ import annotations

from workflow.ports import Office

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # nothing that reads like something else
GROUP = 4


def new_code(office: Office, length: int) -> str:
    """A random code, in groups of four: `7F3K-9QXD`."""
    seed = int.from_bytes(office.ids.secret(length * 2).encode(), "big")
    letters = "".join(ALPHABET[seed // len(ALPHABET) ** i % len(ALPHABET)] for i in range(length))
    return "-".join(letters[start : start + GROUP] for start in range(0, length, GROUP))


def plain_code(typed: str) -> str:
    """The code as it was made out, however it was typed."""
    return typed.replace("-", "").replace(" ", "").upper()
