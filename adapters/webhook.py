"""Webhooks to dealers, signed after Standard Webhooks 1.0 (https://www.standardwebhooks.com)."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import httpx
from standardwebhooks import Webhook

from adapters.webhook_address import resolve
from domain.errors import Unavailable
from domain.people import Dealer
from workflow.ports import Delivery

LARGEST_BODY = 262_144
LONGEST_RETRY_AFTER_S = 3_600


class SignedWebhooks:
    """Posts a delivery's body once. What a dealer's server answers beside its status is not read.

    The host name is looked up once, checked, and the connection goes to that address (with the name in Host and
    TLS); redirects are not followed, proxies of the environment not used. `timeout_s` bounds the whole attempt.
    `allow_private` is for dealers on the operator's own network, and for the demo's on loopback.
    """

    def __init__(self, *, timeout_s: float = 10.0, allow_private: bool = False) -> None:
        self._timeout_s = timeout_s
        self._allow_private = allow_private
        self._client = httpx.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=50, max_keepalive_connections=0),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close what is open."""
        await self._client.aclose()

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
                answer = await self._post(dealer.webhook_url, body, headers)
        except TimeoutError as error:
            raise Unavailable(f"the dealer's server took longer than {self._timeout_s:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(f"the dealer's server could not be reached: {type(error).__name__}") from error
        if not answer.is_success:
            raise Unavailable(f"the dealer's server answered {answer.status_code}", retry_after_s=_retry_after(answer))

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        target = httpx.URL(url)
        if target.scheme not in ("http", "https") or not target.host:
            raise Unavailable("the dealer's webhook address is not an http(s) URL")
        port = target.port or (443 if target.scheme == "https" else 80)
        address = await resolve(target.host, port, allow_private=self._allow_private)
        request = self._client.build_request(
            "POST",
            target.copy_with(host=address),
            content=body,
            headers=headers | {"host": target.netloc.decode("ascii")},
            extensions={"sni_hostname": target.host},
        )
        answer = await self._client.send(request, stream=True)
        await answer.aclose()
        return answer


def _signed_headers(dealer: Dealer, delivery: Delivery, now_ms: int) -> dict[str, str]:
    moment = datetime.fromtimestamp(now_ms // 1000, UTC)
    signature = Webhook(signing_key(dealer.webhook_secret)).sign(delivery.delivery_id, moment, delivery.body)
    return {
        "content-type": "application/json",
        "user-agent": "pitcall",
        "webhook-id": delivery.delivery_id,
        "webhook-timestamp": str(now_ms // 1000),
        "webhook-signature": signature,
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


def _retry_after(answer: httpx.Response) -> int:
    """Seconds a busy server asks for, within an hour; 5 when it doesn't say."""
    asked = answer.headers.get("retry-after", "")
    return min(int(asked), LONGEST_RETRY_AFTER_S) if asked.isascii() and asked.isdigit() else 5
