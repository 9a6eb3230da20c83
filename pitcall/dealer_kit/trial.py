"""Trial: attempts at one dealer's endpoint, sent as Pitcall sends its webhooks, or wrong in one known way."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import httpx
from standardwebhooks import Webhook

from adapters.webhook import signing_key
from domain.catalogue import Catalogue
from domain.proposal import BookingProposal
from pitcall.dealer_kit.made_up import made_up_proposal
from workflow.outbox_rows import Delivery

LARGEST_ANSWER = 65_536
ACTED = "pitcall-acted"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status, or in `silence` why there is none. `has_acted` is None unless the dealer says it.

    `is_endless`: the status came, but its body did not end within the time and LARGEST_ANSWER.
    """

    status: int = 0
    silence: str = ""
    is_slow: bool = False
    is_endless: bool = False
    has_acted: bool | None = None
    location: str = ""
    milliseconds: int = 0

    @property
    def is_accepted(self) -> bool:
        """Whether Pitcall would count the delivery as arrived."""
        return 200 <= self.status < 300 and not self.is_endless

    @property
    def is_refused(self) -> bool:
        """Whether the endpoint said that the delivery is wrong."""
        return 400 <= self.status < 500 and not self.is_endless

    def __str__(self) -> str:
        return self.silence or f"answered {self.status}"


class _BrokenOff(Exception):
    """The connection is given up in the middle of the body."""


class Trial:
    """One run at one endpoint. Every proposal it makes up is new; `key` is the dealer's, `wrong_key` nobody's."""

    def __init__(self, url: str, secret: str, catalogue: Catalogue, limit_s: float) -> None:
        self._url = url
        self._catalogue = catalogue
        self._run = secrets.token_hex(4)
        self._proposals = 0
        # As the webhooks: no redirects, no proxies of the environment, a connection for each attempt.
        self._client = httpx.AsyncClient(
            trust_env=False, timeout=limit_s, limits=httpx.Limits(max_keepalive_connections=0)
        )
        self.limit_s = limit_s
        self.key = signing_key(secret)
        self.wrong_key = secrets.token_bytes(24)

    async def close(self) -> None:
        """Close what is open."""
        await self._client.aclose()

    def proposal(self) -> BookingProposal:
        """A fresh made-up proposal, as sent."""
        self._proposals += 1
        return made_up_proposal(self._run, self._proposals, self._catalogue, time.time_ns() // 1_000_000)

    async def post(
        self, delivery: Delivery, *, keys: Sequence[bytes] | None = None, off_s: int = 0, body: str | None = None
    ) -> Answer:
        """Post the delivery, signed with each of `keys` (default: the dealer's) for a moment `off_s` from now.

        `body` is what goes over the wire instead of what was signed. No key at all: no signature.
        """
        headers = self._headers(delivery, [self.key] if keys is None else keys, off_s)
        began = time.monotonic()
        answer = Answer(silence=f"did not answer within {self.limit_s:g} s", is_slow=True)
        try:
            async with (
                asyncio.timeout(self.limit_s),
                self._client.stream(
                    "POST", self._url, content=(body or delivery.body).encode(), headers=headers
                ) as response,
            ):
                milliseconds = round((time.monotonic() - began) * 1000)
                # Until its body has ended, it counts as one that never does.
                answer = _head(response, milliseconds)
                answer = replace(answer, is_endless=not await _ends(response))
        except (TimeoutError, httpx.TimeoutException):
            pass
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if not answer.status:
                return Answer(silence=f"could not be reached or broke off ({type(error).__name__})")
            answer = replace(answer, is_endless=False)
        return answer

    async def break_off(self, delivery: Delivery) -> None:
        """Begin to post the delivery and hang up in the middle of its body."""
        body = delivery.body.encode()

        async def half() -> AsyncIterator[bytes]:
            yield body[: len(body) // 2]
            raise _BrokenOff

        headers = self._headers(delivery, [self.key], 0) | {"content-length": str(len(body))}
        try:
            async with asyncio.timeout(self.limit_s):
                await self._client.post(self._url, content=half(), headers=headers)
        except (_BrokenOff, TimeoutError, httpx.HTTPError):
            pass

    def _headers(self, delivery: Delivery, keys: Sequence[bytes], off_s: int) -> dict[str, str]:
        moment_s = int(time.time()) + off_s
        signed = {
            "content-type": "application/json",
            "user-agent": "pitcall",
            "webhook-id": delivery.delivery_id,
            "webhook-timestamp": str(moment_s),
        }
        if keys:
            moment = datetime.fromtimestamp(moment_s, UTC)
            signatures = [Webhook(key).sign(delivery.delivery_id, moment, delivery.body) for key in keys]
            signed["webhook-signature"] = " ".join(signatures)
        return signed


def _head(response: httpx.Response, milliseconds: int) -> Answer:
    told = response.headers.get(ACTED, "").strip().lower()
    return Answer(
        status=response.status_code,
        is_endless=True,
        has_acted={"yes": True, "no": False}.get(told),
        location=response.headers.get("location", ""),
        milliseconds=milliseconds,
    )


async def _ends(response: httpx.Response) -> bool:
    """Whether the answer's body ends before LARGEST_ANSWER bytes."""
    taken = 0
    async for chunk in response.aiter_raw():
        taken += len(chunk)
        if taken > LARGEST_ANSWER:
            return False
    return True
