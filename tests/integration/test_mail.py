"""Reminders by e-mail: to a real SMTP server on this machine, and to servers that refuse in every way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from adapters.mail import MailReminders
from domain.errors import Unavailable, Undeliverable
from domain.people import Customer
from tests.contract.samples import NOW, OWNER
from workflow.letter import Letter

PAGES = "https://pitcall.example/"
SENDER = "Pitcall <service@pitcall.example>"


def letter(**changes: Any) -> Letter:
    about: dict[str, Any] = {
        "letter_id": "need-1:due:7", "reminder_ids": ("need-1:due:7",), "vehicle_id": "car-1", "need_ids": ("need-1",),
        "subject": "Bremsbeläge vorn",
        "text": "Etwa 4,1 mm sind übrig.", "token": "t0ken", "language": "de", "name": OWNER.name,
    }  # fmt: skip
    return Letter(**(about | changes))


class Mailbox:
    """A mail server: keeps what it takes, and answers recipients and letters as it is told."""

    def __init__(self) -> None:
        self.letters: list[Any] = []
        self.recipient, self.data = "250 OK", "250 OK"

    async def handle_RCPT(  # noqa: N802 - the name the server asks for
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.recipient

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.data.startswith("250"):
            self.letters.append(message_from_bytes(envelope.content or b"", policy=default))
        return self.data


@pytest.fixture
async def mailbox() -> AsyncIterator[tuple[Mailbox, str]]:
    box = Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(box, enable_SMTPUTF8=True), "127.0.0.1", 0)
    try:
        yield box, f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


async def test_a_letter_arrives_as_it_was_written(mailbox: tuple[Mailbox, str]) -> None:
    box, url = mailbox
    mail = MailReminders(url, SENDER, PAGES)
    await mail.send(OWNER, letter(), NOW)
    await mail.send(OWNER, letter(), NOW + 1)
    first, again = box.letters
    assert (first["To"], first["From"]) == (f"{OWNER.name} <{OWNER.email}>", SENDER)
    assert (first["Subject"], first["Content-Language"]) == ("Bremsbeläge vorn", "de")
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["List-Unsubscribe"] == "<https://pitcall.example/owner/consents>"
    body = first.get_content()
    assert "Etwa 4,1 mm sind übrig." in body and "https://pitcall.example/r/t0ken" in body
    assert first["Message-ID"] == again["Message-ID"], "who sorts out doubles can"


@pytest.mark.parametrize(
    ("where", "answer", "meaning"),
    [
        ("recipient", "550 5.1.1 no such user", Undeliverable),
        ("recipient", "450 4.2.1 try later", Unavailable),
        ("data", "554 5.7.1 we do not like it", Undeliverable),
        ("data", "452 4.3.1 the disk is full", Unavailable),
    ],
)
async def test_what_is_refused_for_good_is_told_from_what_may_go_later(
    mailbox: tuple[Mailbox, str], where: str, answer: str, meaning: type[Exception]
) -> None:
    box, url = mailbox
    setattr(box, where, answer)
    with pytest.raises(meaning):
        await MailReminders(url, SENDER, PAGES).send(OWNER, letter(), NOW)
    assert box.letters == []


async def test_a_server_that_is_away_may_take_it_later() -> None:
    with pytest.raises(Unavailable):
        await MailReminders("smtp://127.0.0.1:9", SENDER, PAGES).send(OWNER, letter(), NOW)


async def test_a_password_is_never_sent_in_the_clear(mailbox: tuple[Mailbox, str]) -> None:
    """The server offers no TLS: nobody signs in, and nothing is sent."""
    box, _ = mailbox
    asked: list[object] = []

    def authenticate(*about: object) -> AuthResult:
        asked.append(about)
        return AuthResult(success=True)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(box, authenticator=authenticate, auth_require_tls=False), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    try:
        with pytest.raises(Unavailable):
            await MailReminders(f"smtp://user:p%40ss@127.0.0.1:{port}", SENDER, PAGES).send(OWNER, letter(), NOW)
    finally:
        server.close()
        await server.wait_closed()
    assert (asked, box.letters) == ([], [])


@pytest.mark.parametrize(
    "email", ["no address", "a@b\r\nBcc: victim@example.org", "", "two@example.org, b@example.org"]
)
async def test_an_address_that_is_none_sends_nothing(mailbox: tuple[Mailbox, str], email: str) -> None:
    box, url = mailbox
    customer = Customer(OWNER.customer_id, OWNER.name, email, "en", "UTC")
    with pytest.raises((Undeliverable, Unavailable)):
        await MailReminders(url, SENDER, PAGES).send(customer, letter(), NOW)
    assert box.letters == []


async def test_a_name_writes_no_header(mailbox: tuple[Mailbox, str]) -> None:
    box, url = mailbox
    customer = Customer(OWNER.customer_id, "Eve\r\nBcc: victim@example.org", OWNER.email, "en", "UTC")
    await MailReminders(url, SENDER, PAGES).send(customer, letter(subject="Brakes\r\nX-Evil: yes"), NOW)
    (got,) = box.letters
    assert got["Bcc"] is None and got["X-Evil"] is None
    assert got["Subject"] == "Brakes X-Evil: yes"


@pytest.mark.parametrize("wrong", [("http://x", SENDER), ("smtp://", SENDER), ("smtp://mail:25", "nobody")])
def test_a_server_or_sender_that_cannot_be_is_refused_at_once(wrong: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"mail server|address"):
        MailReminders(*wrong, PAGES)
