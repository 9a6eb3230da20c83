"""`pitcall operator add`: the first account of a deployment, and more; needs the records only, while the API runs."""

from __future__ import annotations

import getpass
import secrets
import sys

from adapters.catalogue_file import load_catalogue
from adapters.clocks import WallClock
from adapters.ids import RandomIds
from adapters.passwords import Argon2Passwords
from adapters.records.records import open_records
from domain.errors import InvalidInput
from pitcall.data_folder import open_data_folder
from pitcall.settings import Settings, records_url
from workflow.identity import add_operator
from workflow.ports import Office

GENERATED_BYTES = 18


def read_password() -> str:
    """The password: asked for twice at a terminal, otherwise the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("The same again: ") != password:
        raise InvalidInput("the two passwords differ", field="password", fix="type them again")
    return password


def generate_password() -> str:
    """A fresh password of 138 random bits, 24 characters long."""
    return ("p" + secrets.token_urlsafe(GENERATED_BYTES))[:24]  # never read as an option


async def add_first_operator(settings: Settings, *, email: str, name: str, password: str) -> str:
    """Add an operator's account to the records, migrating them if this is the first start; its account id.

    Raises InvalidInput for an e-mail, name or password that cannot be, Conflict for an e-mail that is taken, and
    Unavailable when the records do not answer.
    """
    if not settings.database_url:
        open_data_folder(settings.data_dir)
    records = open_records(records_url(settings))
    try:
        await records.migrate()
        clock = WallClock()
        office = Office(
            unit_of_work=records.unit_of_work,
            clock=clock,
            wall=clock,
            ids=RandomIds(),
            catalogue=load_catalogue(settings.catalogue),
            passwords=Argon2Passwords(),
        )
        account = await records.run(lambda: add_operator(office, name=name, email=email, password=password))
    finally:
        await records.close()
    return account.account_id
