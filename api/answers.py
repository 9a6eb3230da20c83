"""The shapes of the JSON API's answers: what `representations` makes, FastAPI checks and the OpenAPI document tells."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict

from api.car_answers import CarAnswer, DrivenAnswer, DriverAnswer, PastDrivingAnswer
from api.paging import Listed


class SlotAnswer(TypedDict):
    """A span at a dealer; the bay is the dealer's affair."""

    start_ms: int
    end_ms: int


class DueAnswer(TypedDict):
    """When work falls due, with how often such a window holds; null beyond what could be said."""

    earliest_ms: int | None
    expected_ms: int | None
    latest_ms: int | None
    coverage: float


class ContributionAnswer(TypedDict):
    """One part of a prediction, in plain words."""

    name: str
    amount: float
    text: str


class UploadsAnswer(TypedDict):
    """The uploads that a prediction rests on, of one boot of the car."""

    boot_id: str
    first_seq: int
    last_seq: int


class AssessmentAnswer(TypedDict):
    """The newest prediction of an item, and what the rule says of it."""

    prediction_id: str
    item: str
    kind: str
    is_ready: bool
    event_ms: int
    odometer_m: int | None
    health: float | None
    window: DueAnswer
    remaining_km: float | None
    probability: dict[str, float]
    contributions: list[ContributionAnswer]
    reason: str
    call: dict[str, Any] | None
    model_version: str
    uploads: list[UploadsAnswer]


class NeedAnswer(TypedDict):
    """A need with its evidence."""

    need_id: str
    vehicle_id: str
    item: str
    state: str
    severity: str
    window: DueAnswer
    probability: dict[str, float]
    reason: str
    contributions: list[ContributionAnswer]
    model_version: str
    prediction_id: str
    uploads: list[UploadsAnswer]
    opened_ms: int
    updated_ms: int
    call: dict[str, Any] | None
    snoozed_until_ms: int | None
    end_reason: str


class GrantAnswer(TypedDict):
    """A consent grant with its receipt (JSON-LD)."""

    grant_id: str
    version: int
    vehicle_id: str
    purpose: str
    dealer_id: str | None
    data_items: list[str]
    granted_ms: int
    expires_ms: int | None
    withdrawn_ms: int | None
    ended: str | None
    erasure_asked_ms: int | None
    receipt: dict[str, Any]


class GrantHistoryAnswer(Listed):
    """A consent grant version by version, the newest last."""

    versions: list[GrantAnswer]


class GrantsAnswer(Listed):
    consents: list[GrantAnswer]


class DealerAnswer(TypedDict):
    """A dealer as owners see it."""

    dealer_id: str
    name: str
    time_zone: str
    address: str
    lends_cars: bool


class DealersAnswer(Listed):
    dealers: list[DealerAnswer]


class DealersSlotAnswer(SlotAnswer):
    """A slot for the dealer itself: with whom and on what it is promised."""

    bay: str | None
    technician: str | None
    loaner: str | None


class RankedSlotAnswer(SlotAnswer):
    """A free slot, whether it is recommended, and why."""

    is_recommended: bool
    why: str | None


class RankedSlotsAnswer(TypedDict):
    slots: list[RankedSlotAnswer]


class HolidayAnswer(TypedDict):
    date: str
    name: str


class TechnicianAnswer(TypedDict):
    id: str
    skills: list[str]


class SiteAnswer(TypedDict):
    """What a dealer can promise, as it was put in: times of day by weekday, holidays, bays, people and cars."""

    time_zone: str
    opening: dict[str, list[list[str]]]
    holidays: list[HolidayAnswer]
    bays: int
    technicians: list[TechnicianAnswer]
    loaners: list[str]


class StepAnswer(TypedDict):
    """One transition of a proposal as it happened."""

    state: str
    actor: str
    time_ms: int
    cause: str


class StepForOtherAnswer(StepAnswer):
    """One that a driver took for a car's owner."""

    proposal_id: str


class ProposalAnswer(TypedDict):
    """A proposal for its owner; `preview` is the exact text that will leave, while it has not."""

    proposal_id: str
    state: str
    version: int
    vehicle_id: str
    dealer_id: str
    grant_id: str
    need_ids: list[str]
    slot: SlotAnswer | None
    offered: list[SlotAnswer]
    expires_ms: int
    appointment: SlotAnswer | None
    note: str
    loaner: bool
    end_reason: str
    minutes_saved: float | None
    history: list[StepAnswer]
    preview: NotRequired[str]


class EntryAnswer(TypedDict):
    """A proposal for its dealer; `payload` is null once no consent stands behind it."""

    proposal_id: str
    state: str
    version: int
    expires_ms: int
    slot: DealersSlotAnswer | None
    offered: list[DealersSlotAnswer]
    payload: dict[str, Any] | None
    history: list[StepAnswer]


class QueueAnswer(Listed):
    proposals: list[EntryAnswer]


class EventAnswer(TypedDict):
    """A step of a timeline."""

    event_id: str
    kind: str
    time_ms: int
    actor: str
    cause: str
    channel: str
    data: dict[str, Any]


class TimelineAnswer(Listed):
    """What happened, the oldest first."""

    steps: list[EventAnswer]


class OwnCarAnswer(TypedDict):
    """All its owner, or who drives it for them (`driving`), sees of one car."""

    now_ms: int
    vehicle: CarAnswer
    assessments: list[AssessmentAnswer]
    needs: list[NeedAnswer]
    past_needs: list[NeedAnswer]
    proposals: list[ProposalAnswer]
    timeline: list[EventAnswer]
    driving: DrivenAnswer | None


class PersonAnswer(TypedDict):
    customer_id: str
    name: str
    email: str
    locale: str
    time_zone: str


class OwnedCarAnswer(TypedDict):
    """A car of the caller's since `from_ms`, and the needs that opened since."""

    vehicle: CarAnswer
    from_ms: int
    needs: list[NeedAnswer]
    drivers: list[DriverAnswer]


class ExportAnswer(TypedDict):
    """What is kept about the caller."""

    now_ms: int
    customer: PersonAnswer
    vehicles: list[OwnedCarAnswer]
    drivings: list[PastDrivingAnswer]
    steps_for_others: list[StepForOtherAnswer]
    consents: list[GrantAnswer]
    proposals: list[ProposalAnswer]
    timeline: list[EventAnswer]


class MeAnswer(TypedDict):
    """Who the token's bearer is; a machine client has `client_id` and `scopes`."""

    role: str
    name: str
    customer_id: NotRequired[str]
    dealer_id: NotRequired[str]
    client_id: NotRequired[str]
    scopes: NotRequired[list[str]]


class RecordedAnswer(TypedDict):
    recorded: int


class RegisteredAnswer(TypedDict):
    customer_id: str


class SessionAnswer(TypedDict):
    """A session token, for eight hours."""

    token: str
    role: str
    expires_ms: int


class EnrolledAnswer(TypedDict):
    """A car's id and its own credential, which is shown this once."""

    vehicle_id: str
    credential: str


class ClaimCodeAnswer(TypedDict):
    code: str
    expires_ms: int


class ClientAnswer(TypedDict):
    """A machine client; its secret is in the answer that makes it, and never again."""

    client_id: str
    dealer_id: str
    name: str
    scopes: list[str]
    created_ms: int
    revoked_ms: int | None


class NewClientAnswer(ClientAnswer):
    client_secret: str


class ClientsAnswer(Listed):
    clients: list[ClientAnswer]


class EnrolmentTokenAnswer(TypedDict):
    token: str


class NewDealerAnswer(TypedDict):
    """The secret that signs the dealer's webhooks is shown this once, where there is a webhook."""

    dealer_id: str
    webhook_secret: NotRequired[str]


class AcceptedAnswer(TypedDict):
    """An upload that the log has durably."""

    accepted: bool
    upload: str
    partition: int
    offset: int


class BatchAnswer(TypedDict):
    """What became of each upload of a batch, in order: accepted as a single one is, or refused with a problem."""

    accepted: int
    refused: int
    results: list[dict[str, Any]]


class SignalPointAnswer(TypedDict):
    """One part of a span; `simulated` says how many of its values did not come from a sensor."""

    start_ms: int
    end_ms: int
    count: int
    mean: float
    minimum: float
    maximum: float
    simulated: int


class SignalAnswer(TypedDict):
    signal: str
    unit: str
    points: list[SignalPointAnswer]


class AliveAnswer(TypedDict):
    alive: bool


class ReadinessAnswer(TypedDict):
    """Whether the process can serve, and how each part it relies on stands."""

    ready: bool


class WaitingAnswer(TypedDict):
    """What is still in flight: `waiting` in all, and what it is made of."""

    waiting: int
    topics: dict[str, int]
    outbox: int


class WebhookAnswer(TypedDict):
    """A dealer's webhook; `url` is empty when nothing is sent."""

    url: str
    old_secret_until_ms: int | None


class WebhookSetAnswer(WebhookAnswer):
    webhook_secret: str | None


class NewSecretAnswer(WebhookAnswer):
    webhook_secret: str


class TestDeliveryAnswer(TypedDict):
    delivery_id: str


class DeliveryAttemptAnswer(TypedDict):
    """One try; `error` is empty when it went."""

    started_ms: int
    ended_ms: int
    error: str


class DeliveryAnswer(TypedDict):
    """A delivery to a dealer's webhook, without its content; `type` is null when the content is gone."""

    delivery_id: str
    dealer_id: str
    type: str | None
    state: str
    due_ms: int | None
    over_ms: int | None
    dropped_reason: str
    attempts: list[DeliveryAttemptAnswer]


class DeliveriesAnswer(TypedDict):
    deliveries: list[DeliveryAnswer]
    next: str | None


class ReplayedAnswer(TypedDict):
    replayed: int
