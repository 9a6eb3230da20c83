"""Webhooks to dealers, signed after Standard Webhooks 1.0 (https://www.standardwebhooks.com)."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime

import httpcore
import httpx
from standardwebhooks import Webhook

from adapters.webhook_connection import CheckedNetwork
from domain.errors import Unavailable
from domain.people import Dealer
from workflow.outbox_rows import Delivery

LARGEST_BODY = 262_144
LONGEST_RETRY_AFTER_S = 3_600


class SignedWebhooks:
    """Posts a delivery's body once. What a dealer's server answers beside its status is not read.

    The host name is looked up once, checked, and the connection goes to that address (with the name in Host and
    TLS); redirects are not followed, proxies of the environment not used. `timeout_s` bounds the whole attempt, and
    of an answer at most `MOST_BYTES` are taken from the network. `allow_private` is for dealers on the operator's own
    network, and for the demo's on loopback. How many attempts there are at a time is for the caller to say.
    """

    def __init__(self, *, timeout_s: float = 10.0, allow_private: bool = False) -> None:
        self._timeout_s = timeout_s
        self._network = CheckedNetwork(allow_private=allow_private)
        # Whom httpcore trusts when nothing is said, the system's and Mozilla's authorities. Made once: that takes long.
        self._trusted = httpx.create_ssl_context(trust_env=False)
        self._trusted.load_default_certs()

    async def send(self, dealer: Dealer, delivery: Delivery, now_ms: int) -> None:
        """Post and return when the dealer's server has answered 2xx; Unavailable in every other case.

        `now_ms` is wall time: receivers refuse a timestamp that is more than five minutes off.
        """
        body = delivery.body.encode()
        if len(body) > LARGEST_BODY:
            raise Unavailable(f"the delivery is longer than {LARGEST_BODY} bytes")
        headers = _signed_headers(dealer, delivery, now_ms)
        try:
            async with asyncio.timeout(self._timeout_s):
                status, retry_after = await self._post(dealer.webhook_url, body, headers)
        except (TimeoutError, httpcore.TimeoutException) as error:
            raise Unavailable(f"the dealer's server took longer than {self._timeout_s:g} s") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpx.InvalidURL) as error:
            raise Unavailable(f"the dealer's server could not be reached: {type(error).__name__}") from error
        if not 200 <= status < 300:
            raise Unavailable(f"the dealer's server answered {status}", retry_after_s=retry_after)

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> tuple[int, int]:
        """The status, and how many seconds to wait before another try."""
        target = httpx.URL(url)
        if target.scheme not in ("http", "https") or not target.host:
            raise Unavailable("the dealer's webhook address is not an http(s) URL")
        address = httpcore.URL(scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path)
        sent = {"host": target.netloc.decode("ascii"), "content-length": str(len(body))} | headers
        # Each attempt has a connection of its own: a pool would look for one to share among all that are open.
        async with (
            httpcore.AsyncHTTPConnection(address.origin, self._trusted, network_backend=self._network) as connection,
            connection.stream("POST", address, headers=list(sent.items()), content=body) as answer,
        ):
            return answer.status, _retry_after(answer)


def _signed_headers(dealer: Dealer, delivery: Delivery, now_ms: int) -> dict[str, str]:
    """Signed with every secret that counts: while one is being replaced, receivers find the one that they know."""
    moment = datetime.fromtimestamp(now_ms // 1000, UTC)
    signatures = [
        Webhook(signing_key(secret)).sign(delivery.delivery_id, moment, delivery.body)
        for secret in dealer.secrets_at(now_ms)
    ]
    return {
        "content-type": "application/json",
        "user-agent": "pitcall",
        "webhook-id": delivery.delivery_id,
        "webhook-timestamp": str(now_ms // 1000),
        "webhook-signature": " ".join(signatures),
    }


def signing_key(secret: str) -> bytes:
    """The key in `whsec_<base64>`; Unavailable when there is none.

    Read strictly: the library would skip what is not base64 (the - and _ of URL-safe secrets, say), and a receiver
    whose library does not would never find our signatures good.
    """
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not key:
        raise Unavailable("the dealer's webhook secret is not whsec_ and base64, so nothing can be signed")
    return key


def _retry_after(answer: httpcore.Response) -> int:
    """Seconds a busy server asks for, within an hour; 5 when it doesn't say."""
    asked = next((value for name, value in answer.headers if name.lower() == b"retry-after"), b"")
    return min(int(asked), LONGEST_RETRY_AFTER_S) if asked.isdigit() and len(asked) < 12 else 5
