"""Request bodies of the JSON API: shapes and types only; rules live behind them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from domain.consent import DataItem, Purpose
from domain.machine_client import Scope
from domain.service_record import ServiceOutcome

Milliseconds = Annotated[int, Field(strict=True, ge=0, le=2**53)]
Metres = Annotated[int, Field(strict=True, ge=0, le=2**32 - 1)]
Identifier = Annotated[str, Field(min_length=1, max_length=100)]
ShortText = Annotated[str, Field(max_length=200)]
Reading = Annotated[float, Field(allow_inf_nan=False)]


class Body(BaseModel):
    """A body refuses what it does not know, and numbers that are none."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Nothing(Body):
    """An empty object."""


Span = tuple[str, str]


class HolidayBody(Body):
    date: Annotated[str, Field(max_length=10)]
    name: ShortText = ""


class TechnicianBody(Body):
    id: Annotated[str, Field(max_length=100)]
    skills: Annotated[list[Identifier], Field(max_length=50)] = []


class SiteBody(Body):
    """Opening hours, and what can be promised within them; a day is one span or a list of spans."""

    time_zone: ShortText
    opening: dict[str, Span | Annotated[list[Span], Field(max_length=20)]]
    holidays: Annotated[list[HolidayBody], Field(max_length=1000)] = []
    bays: Annotated[int, Field(strict=True, ge=1, le=200)]
    technicians: Annotated[list[TechnicianBody], Field(max_length=200)] = []
    loaners: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=200)] = []


class NewDealer(SiteBody):
    name: Annotated[str, Field(min_length=1, max_length=200)]
    address: ShortText = ""
    webhook_url: Annotated[str, Field(max_length=2000)] = ""
    advisor: NewPerson


class NewMachineClient(Body):
    name: Annotated[str, Field(min_length=1, max_length=200)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=20)]


class NewPerson(Body):
    name: Annotated[str, Field(min_length=1, max_length=200)]
    email: Annotated[str, Field(max_length=254)]
    password: Annotated[str, Field(max_length=1000)]


class NewCustomer(NewPerson):
    locale: ShortText = "en"
    time_zone: ShortText = "UTC"


class Credentials(Body):
    email: Annotated[str, Field(max_length=254)]
    password: Annotated[str, Field(max_length=1000)]


class NewPassword(Body):
    current: Annotated[str, Field(max_length=1000)]
    new: Annotated[str, Field(max_length=1000)]


class NewVehicle(Body):
    make: ShortText
    model: ShortText
    model_year: Annotated[int, Field(strict=True, ge=1900, le=2200)]
    powertrain: ShortText
    mass_kg: Reading
    built_ms: Milliseconds
    vin: Annotated[str, Field(max_length=17)] = ""


class Claim(Body):
    code: ShortText
    label: ShortText = ""
    consents: list[Purpose] = []


class ClaimCode(Body):
    code: ShortText


class MayBook(Body):
    may_book: bool = False


class JoinCar(Body):
    code: ShortText
    wants_reminders: bool = False


class WantsReminders(Body):
    wants_reminders: bool


class PastServiceBody(Body):
    item: Identifier
    outcome: ServiceOutcome
    performed_ms: Milliseconds
    odometer_m: Metres
    value: Reading | None = None
    unit: ShortText = ""


class ServiceHistory(Body):
    records: Annotated[list[PastServiceBody], Field(max_length=500)]


class Snooze(Body):
    until_ms: Milliseconds


class WebhookBody(Body):
    url: Annotated[str, Field(max_length=2000)]


class Reason(Body):
    reason: ShortText = ""


class NewConsent(Body):
    vehicle_id: Identifier
    purpose: Purpose
    dealer_id: Identifier | None = None
    data_items: list[DataItem] = []
    expires_ms: Milliseconds | None = None


class LessConsent(Body):
    """What is left of a consent; what is not named stays as it is."""

    data_items: list[DataItem] | None = None
    expires_ms: Milliseconds | None = None


class NewProposal(Body):
    vehicle_id: Identifier
    need_ids: Annotated[list[Identifier], Field(min_length=1, max_length=50)]
    dealer_id: Identifier
    start_ms: Milliseconds
    grant_id: Identifier
    note: Annotated[str, Field(max_length=500)] = ""
    loaner: bool = False


class StartTime(Body):
    start_ms: Milliseconds


class Confirmation(Body):
    start_ms: Milliseconds | None = None


class StartTimes(Body):
    starts_ms: Annotated[list[Milliseconds], Field(min_length=1, max_length=3)]


class CheckIn(Body):
    odometer_m: Metres


class FindingBody(Body):
    item: Identifier
    outcome: ServiceOutcome
    value: Reading | None = None
    unit: ShortText = ""


class Completion(Body):
    odometer_m: Metres
    records: Annotated[list[FindingBody], Field(max_length=100)]
    invoice_minor: Annotated[int, Field(strict=True, ge=0, le=2**53)] | None = None
    currency: Annotated[str, Field(max_length=3)] = ""


NewDealer.model_rebuild()
