"""What stands behind the ports in unit tests: outlets that keep what went through them, or are away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from domain.errors import Unavailable, Undeliverable
from domain.people import Customer, Dealer
from workflow.deliveries import Deliveries
from workflow.letter import Letter
from workflow.outbox_rows import Delivery, TopicMessage
from workflow.ports import LoggedUpload, Office, WebhookSender


@dataclass
class KeptUploads:
    """An upload log of one partition."""

    kept: list[tuple[str, bytes, Mapping[str, bytes], int]] = field(default_factory=list)
    is_away: bool = False

    async def append(
        self, vehicle_id: str, value: bytes, headers: Mapping[str, bytes], received_ms: int
    ) -> tuple[int, int]:
        if self.is_away:
            raise Unavailable("the log is away")
        self.kept.append((vehicle_id, value, headers, received_ms))
        return 0, len(self.kept) - 1

    async def append_many(self, uploads: Sequence[LoggedUpload]) -> list[tuple[int, int]]:
        return [await self.append(*upload, 0) for upload in uploads]


@dataclass
class KeptTopics:
    """Topics whose messages stay in a list, in the order they were written."""

    kept: list[TopicMessage] = field(default_factory=list)
    is_away: bool = False

    async def write(self, messages: Sequence[TopicMessage]) -> None:
        if self.is_away:
            raise Unavailable("the log is away")
        self.kept.extend(messages)


@dataclass
class KeptWebhooks:
    """A dealer's server; `meanwhile` happens once, while a delivery is under way."""

    kept: list[tuple[Dealer, Delivery, int]] = field(default_factory=list)
    is_away: bool = False
    asked_ids: list[str] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def send(self, dealer: Dealer, delivery: Delivery, now_ms: int) -> None:
        self.asked_ids.append(delivery.delivery_id)
        if self.meanwhile is not None:
            happens, self.meanwhile = self.meanwhile, None
            await happens()
        if self.is_away:
            raise Unavailable("the dealer's server is away")
        self.kept.append((dealer, delivery, now_ms))

    @property
    def asked(self) -> int:
        """How many attempts there were, the failed ones too."""
        return len(self.asked_ids)

    @property
    def kinds(self) -> list[str]:
        return [delivery.kind for _, delivery, _ in self.kept]


@dataclass
class KeptReminders:
    """An owner's mailbox."""

    kept: list[tuple[Customer, Letter, int]] = field(default_factory=list)
    is_away: bool = False
    refuses: bool = False

    async def send(self, customer: Customer, letter: Letter, now_ms: int) -> None:
        if self.is_away:
            raise Unavailable("the mailbox is away")
        if self.refuses:
            raise Undeliverable("the address is refused (550)")
        self.kept.append((customer, letter, now_ms))


async def dispatch_deliveries(office: Office, sender: WebhookSender) -> int:
    """Send the webhooks that are due, as a process that has just begun; how many went."""
    return await Deliveries(office, sender).work_off()
