"""Reminders by e-mail, over SMTP."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit

import aiosmtplib

from domain.errors import Unavailable, Undeliverable
from domain.people import Customer
from workflow.letter import Letter

TIMEOUT_S = 20.0
SMTP, SUBMISSION, SMTPS = 25, 587, 465


class MailReminders:
    """Sends each letter to a mail server, which takes it from there.

    `server`: smtp://[user:password@]host[:port] or smtps://…; smtp:// goes on in TLS where the server offers it, and
    must with a password. A letter that is sent again bears the same Message-ID.
    """

    def __init__(self, server: str, sender: str, pages_url: str) -> None:
        """`sender`: the address they come from; `pages_url`: under which links lead. ValueError for no such server."""
        parts = urlsplit(server)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("a mail server is smtp://host:port or smtps://host:port")
        name, address = parseaddr(sender)
        if "@" not in address:
            raise ValueError("letters come from an address, as in Pitcall <service@example.org>")
        self._host, self._is_tls = parts.hostname, parts.scheme == "smtps"
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._port = parts.port or (SMTPS if self._is_tls else SUBMISSION if self._user else SMTP)
        self._sender, self._domain = Address(name, addr_spec=address), address.rpartition("@")[2]
        self._pages_url = pages_url.rstrip("/")

    async def send(self, customer: Customer, letter: Letter, now_ms: int) -> None:
        """Hand it to the server; Undeliverable when it never will take it, Unavailable when it may take it later."""
        message = self.message(customer, letter, now_ms)
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                username=self._user,
                password=self._password,
                use_tls=self._is_tls,
                start_tls=None if self._user is None or self._is_tls else True,
                timeout=TIMEOUT_S,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [refused.code for refused in error.recipients]
            raise _meaning(max(codes, default=0), "the address is refused") from error
        except aiosmtplib.SMTPDataError as error:
            raise _meaning(error.code, "the letter is refused") from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            # What concerns ourselves (sign-in, sender, TLS) is mended by the operator, and then it goes.
            raise Unavailable(f"the mail server does not take letters: {type(error).__name__}") from error

    def message(self, customer: Customer, letter: Letter, now_ms: int) -> EmailMessage:
        """The letter as it goes; Undeliverable when the customer has no address that can be written to."""
        message = EmailMessage()
        message["From"] = self._sender
        try:
            message["To"] = Address(_line(customer.name), addr_spec=customer.email)
        except (ValueError, IndexError) as error:
            raise Undeliverable("the address is none") from error
        message["Subject"] = _line(letter.subject)
        message["Date"] = format_datetime(datetime.fromtimestamp(now_ms / 1000, UTC))
        message["Message-ID"] = f"<{hashlib.sha256(letter.letter_id.encode()).hexdigest()[:40]}@{self._domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message["List-Unsubscribe"] = f"<{self._pages_url}{letter.stop_path}>"
        message.set_content(letter.with_links(self._pages_url))
        message["Content-Language"] = letter.language
        return message


def _meaning(code: int, what: str) -> Undeliverable | Unavailable:
    """5xx is for good (RFC 5321, 4.2.1), all else may go the next time."""
    return Undeliverable(f"{what} ({code})") if 500 <= code <= 599 else Unavailable(f"{what} for now ({code})")


def _line(text: str) -> str:
    """In one line: what is written into a header must not begin another."""
    return " ".join(text.split())
