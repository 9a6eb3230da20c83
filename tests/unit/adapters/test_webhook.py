"""Webhooks are signed, sent once to a checked address, and every failure is one that is tried again."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpcore
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from adapters.clocks import WallClock
from adapters.webhook import LARGEST_BODY, SignedWebhooks
from adapters.webhook_address import is_public
from adapters.webhook_connection import MOST_BYTES
from domain.errors import Unavailable
from tests.contract.samples import DEALER
from workflow.outbox_rows import Delivery

DELIVERY = Delivery("hook-1", DEALER.dealer_id, "grant-1", "proposal.sent", '{"needs": ["Bremsbeläge"]}')
INSIDE = (
    *("127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),  # noqa: S104
    *("224.0.0.1", "::1", "::", "fe80::1", "fc00::1", "::ffff:10.0.0.1"),
    *("64:ff9b::a00:1", "2002:a00:1::", "2001:0:a00:1::"),
)
OK = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass
class Dealership:
    """A real HTTP server of a dealer, which answers as it is told and keeps what it got."""

    answer: bytes = OK
    port: int = 0
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    misbehave: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers["content-length"]))
            self.requests.append((head[0], headers, body))
            if self.misbehave is not None:
                await self.misbehave(writer)
            writer.write(self.answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def dealership(answer: bytes = OK) -> AsyncIterator[Dealership]:
    one = Dealership(answer)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()


async def send(one: Dealership, *, host: str = "localhost", timeout_s: float = 10, **options: bool) -> None:
    dealer = replace(DEALER, webhook_url=f"http://{host}:{one.port}/hook?x=1")
    sender = SignedWebhooks(timeout_s=timeout_s, **({"allow_private": True} | options))
    await sender.send(dealer, DELIVERY, WallClock().now_ms())


async def test_the_dealer_can_check_who_sent_it_and_that_nothing_was_changed() -> None:
    async with dealership() as one:
        await send(one)
    ((line, headers, body),) = one.requests
    assert line == "POST /hook?x=1 HTTP/1.1"
    assert headers["host"] == f"localhost:{one.port}"
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == "hook-1"
    assert Webhook(DEALER.webhook_secret).verify(body, headers) == {"needs": ["Bremsbeläge"]}
    with pytest.raises(WebhookVerificationError):
        Webhook(DEALER.webhook_secret).verify(body.replace(b"needs", b"seeds"), headers)


@pytest.mark.parametrize(
    ("answer", "retry_after_s"),
    [
        (b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", 5),
        (b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n", 5),
        (b"HTTP/1.1 302 There\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", 5),
        (b"HTTP/1.1 429 Slow\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n", 120),
        (b"HTTP/1.1 503 Slow\r\nretry-after: 999999999\r\ncontent-length: 0\r\n\r\n", 3600),
        (b"no http at all\r\n\r\n", 5),
        (b"", 5),
    ],
)
async def test_anything_but_a_plain_yes_is_tried_again_and_no_redirect_followed(
    answer: bytes, retry_after_s: int
) -> None:
    async with dealership(answer) as one:
        with pytest.raises(Unavailable) as failed:
            await send(one)
    assert failed.value.retry_after_s == retry_after_s
    assert len(one.requests) == 1


async def test_a_dealer_that_never_answers_is_left_in_time() -> None:
    async def hang(_writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1)

    async with dealership() as one:
        one.misbehave = hang
        with pytest.raises(Unavailable, match=r"longer than 0\.2 s"):
            await send(one, timeout_s=0.2)


async def test_an_answer_without_end_is_not_read() -> None:
    endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"ffff\r\n" + b"x" * 65535
    async with dealership(endless) as one:
        await send(one)
    assert len(one.requests) == 1


async def test_nothing_is_sent_to_an_inside_address_unless_allowed() -> None:
    async with dealership() as one:
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
            with pytest.raises(Unavailable, match="inside"):
                await send(one, host=host, allow_private=False)
    assert one.requests == []


@pytest.mark.parametrize(
    "address",
    INSIDE,
)
def test_inside_addresses_are_known_in_all_their_clothes(address: str) -> None:
    assert not is_public(address)


def test_addresses_of_the_open_internet_are_public() -> None:
    assert is_public("93.184.215.14")
    assert is_public("2606:2800:21f:cb07:6820:80da:af6b:8b2c")


@pytest.mark.parametrize(
    "url", ["", "ftp://example.test/x", "http://", "no url", "http://nobody.invalid/", "http://a:b:c/"]
)
async def test_an_address_that_is_none_is_a_failure_like_others(url: str) -> None:
    with pytest.raises(Unavailable):
        await SignedWebhooks(allow_private=True).send(replace(DEALER, webhook_url=url), DELIVERY, 0)


async def test_a_secret_that_is_none_or_a_body_too_long_sends_nothing() -> None:
    sender = SignedWebhooks(allow_private=True)
    async with dealership() as one:
        dealer = replace(DEALER, webhook_url=f"http://127.0.0.1:{one.port}/")
        for secret in ("", "whsec_", "abcde", "whsec_MDAw-DAwMDAw", "schlüssel"):
            with pytest.raises(Unavailable):
                await sender.send(replace(dealer, webhook_secret=secret), DELIVERY, 0)
        with pytest.raises(Unavailable):
            await sender.send(dealer, replace(DELIVERY, body="x" * (LARGEST_BODY + 1)), 0)
    assert one.requests == []


async def endless(writer: asyncio.StreamWriter, first: bytes, again: bytes, pause_s: float = 0) -> None:
    writer.write(first)
    while True:
        writer.write(again)
        await writer.drain()
        await asyncio.sleep(pause_s)


HOSTILE = {
    "endless headers": (b"HTTP/1.1 200 OK\r\n", b"x-more: " + b"y" * 100 + b"\r\n", 0.0),
    "one endless header": (b"HTTP/1.1 200 OK\r\nx-long: ", b"y" * 1000, 0.0),
    "endless interim answers": (b"", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", 0.0),
    "an endless first line": (b"HTTP/1.1 ", b"2" * 1000, 0.0),
    "a drip of headers": (b"HTTP/1.1 200 OK\r\n", b"x: y\r\n", 0.02),
}


@pytest.mark.parametrize("how", HOSTILE)
async def test_an_answer_that_never_comes_to_its_point_is_left_after_so_many_bytes_or_so_long(how: str) -> None:
    first, again, pause_s = HOSTILE[how]
    sent_bytes = 0

    async def misbehave(writer: asyncio.StreamWriter) -> None:
        nonlocal sent_bytes
        writer.transport.set_write_buffer_limits(high=0)
        writer.write(first)
        while not writer.is_closing():
            writer.write(again)
            await writer.drain()
            sent_bytes += len(again)
            await asyncio.sleep(pause_s)

    async with dealership() as one:
        one.misbehave = misbehave
        with pytest.raises(Unavailable):
            await send(one, timeout_s=2 if pause_s else 30)
        assert len(one.requests) == 1
    # What was not read stays in the buffers of two sockets.
    assert sent_bytes < 20_000_000


async def test_no_more_of_an_answer_is_read_than_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = 0
    plain_connect = httpcore.AnyIOBackend.connect_tcp

    async def connect(self: httpcore.AnyIOBackend, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        stream = await plain_connect(self, *args, **options)
        whole = stream.read

        async def counted(*a: Any, **o: Any) -> bytes:
            nonlocal taken
            data = await whole(*a, **o)
            taken += len(data)
            return data

        stream.read = counted  # type: ignore[method-assign]
        return stream

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    async with dealership() as one:
        one.misbehave = lambda writer: endless(writer, b"", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 99)
        with pytest.raises(Unavailable):
            await send(one, timeout_s=30)
    assert 0 < taken <= MOST_BYTES


@pytest.mark.parametrize(
    "inside", ["127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "10.0.0.1", "192.168.1.1", "172.16.9.9", "::1"]
)
async def test_a_name_that_turns_inside_after_the_check_is_not_asked_again(
    inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rebinding: the first look-up gives a public address, every later one an inside address."""
    looked_up, connected = [], []

    async def getaddrinfo(host: str, port: int, **_: object) -> list[Any]:
        looked_up.append(host)
        return [(0, 0, 0, "", ("93.184.215.14" if len(looked_up) == 1 else inside, port))]

    async def connect(self: httpcore.AnyIOBackend, host: str, port: int, *_: Any) -> httpcore.AsyncNetworkStream:
        connected.append(host)
        raise httpcore.ConnectError

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    sender = SignedWebhooks()
    dealer = replace(DEALER, webhook_url="http://rebinding.example/hook")
    with pytest.raises(Unavailable, match="could not be reached"):
        await sender.send(dealer, DELIVERY, 0)
    assert (looked_up, connected) == (["rebinding.example"], ["93.184.215.14"])
    # The next attempt looks anew, sees the inside address, and connects to nothing.
    with pytest.raises(Unavailable, match="inside"):
        await sender.send(dealer, DELIVERY, 0)
    assert connected == ["93.184.215.14"]


async def test_while_a_secret_is_replaced_receivers_with_either_find_their_signature() -> None:
    now = WallClock().now_ms()
    old, new = DEALER.webhook_secret, "whsec_" + base64.b64encode(b"n" * 24).decode()
    rotated = DEALER.with_secret(new, now, 86_400_000)
    sender = SignedWebhooks(allow_private=True)
    async with dealership() as one:
        dealer = replace(rotated, webhook_url=f"http://127.0.0.1:{one.port}/")
        await sender.send(dealer, DELIVERY, now)
        await sender.send(replace(dealer, old_webhook_secret_until_ms=now), DELIVERY, now)
    (_, both, body), (_, after, _) = one.requests
    assert [part[:3] for part in both["webhook-signature"].split(" ")] == ["v1,", "v1,"]
    for secret in (old, new):
        assert Webhook(secret).verify(body, both)
    assert Webhook(new).verify(body, after)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(body, after)


# Over TLS.


@asynccontextmanager
async def dealership_with_certificate(folder: Path, names: str) -> AsyncIterator[Dealership]:
    """A dealer's server over TLS; its certificate, for these names, signs itself and lies in `folder`."""
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=a dealer of tests"]
    made += ["-addext", f"subjectAltName={names}", "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    run = await asyncio.create_subprocess_exec(*made, stderr=asyncio.subprocess.PIPE)
    _, told = await run.communicate()
    assert run.returncode == 0, told.decode()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    one = Dealership()
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0, ssl=context)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()


@pytest.mark.parametrize(
    ("names", "is_trusted", "arrives"),
    [
        ("DNS:localhost", True, True),
        ("DNS:localhost", False, False),  # by nobody whom this machine trusts
        ("DNS:another.example", True, False),  # somebody else's
    ],
)
async def test_a_delivery_goes_to_who_can_prove_to_be_the_dealers_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: str, is_trusted: bool, arrives: bool
) -> None:
    async with dealership_with_certificate(tmp_path, names) as one:
        if is_trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        sender = SignedWebhooks(allow_private=True)
        dealer = replace(DEALER, webhook_url=f"https://localhost:{one.port}/hook")
        if arrives:
            await sender.send(dealer, DELIVERY, WallClock().now_ms())
        else:
            with pytest.raises(Unavailable):
                await sender.send(dealer, DELIVERY, WallClock().now_ms())
    assert len(one.requests) == arrives
