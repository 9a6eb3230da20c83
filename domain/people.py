"""The parties: customers, dealers with their bays, the accounts they sign in with, cars, their owners and drivers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from domain.opening_hours import OpeningHours
from domain.site import Site, Technician
from domain.telemetry import VehicleAttributes


class Role(StrEnum):
    OWNER = "owner"
    ADVISOR = "advisor"
    OPERATOR = "operator"
    MACHINE = "machine"  # a dealer's own system, which signs in by client credentials


@dataclass(frozen=True, slots=True)
class Customer:
    """One id for one person over every touchpoint."""

    customer_id: str
    name: str
    email: str
    locale: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Account:
    """Who signs in: an owner (customer_id), a dealer's advisor (dealer_id), or an operator."""

    account_id: str
    role: Role
    email: str
    password_hash: str
    customer_id: str | None = None
    dealer_id: str | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in account; the token itself is kept by its bearer only, we hold its SHA-256."""

    token_hash: str
    account_id: str
    expires_ms: int  # wall clock
    is_single_use: bool = False  # a sign-in link


@dataclass(frozen=True, slots=True)
class Dealer:
    """A dealer with one site (more come with the tenancy work): its hours, and what it can promise within them."""

    dealer_id: str
    name: str
    address: str
    hours: OpeningHours
    bays: tuple[str, ...]
    webhook_url: str = ""
    webhook_secret: str = ""
    technicians: tuple[Technician, ...] = ()
    loaners: tuple[str, ...] = ()
    # The secret before the present one, and until when it counts (wall clock).
    old_webhook_secret: str = ""
    old_webhook_secret_until_ms: int = 0

    def secrets_at(self, now_ms: int) -> tuple[str, ...]:
        """What deliveries are signed with at a moment of the wall clock, the newest first."""
        if self.old_webhook_secret and now_ms < self.old_webhook_secret_until_ms:
            return (self.webhook_secret, self.old_webhook_secret)
        return (self.webhook_secret,)

    def with_webhook(self, url: str) -> Dealer:
        """The same dealer, told at another address, or ("") not at all."""
        return replace(self, webhook_url=url)

    def with_secret(self, secret: str, now_ms: int, overlap_ms: int) -> Dealer:
        """The same dealer with a new secret; the present one counts beside it for `overlap_ms`, older ones no more."""
        return replace(
            self,
            webhook_secret=secret,
            old_webhook_secret=self.webhook_secret,
            old_webhook_secret_until_ms=now_ms + overlap_ms if self.webhook_secret else 0,
        )

    @property
    def site(self) -> Site:
        """What slots are made of."""
        return Site(self.hours, self.bays, self.technicians, self.loaners)

    def at(self, site: Site) -> Dealer:
        """The same dealer with what it can promise from now on."""
        return replace(self, hours=site.hours, bays=site.bays, technicians=site.technicians, loaners=site.loaners)


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A car. `vehicle_id` is random and is all that topics and logs ever hold; `vin` never leaves the database."""

    vehicle_id: str
    make: str
    model: str
    model_year: int
    attributes: VehicleAttributes
    vin: str = ""
    label: str = ""

    def labelled(self, label: str) -> Vehicle:
        """The same car under the name that its owner gives it."""
        return replace(self, label=label)


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who owns a car since when (ms, UTC)."""

    vehicle_id: str
    customer_id: str
    from_ms: int
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Driving:
    """Who drives a car that is another's, since when (ms, UTC), and what its owner lets them do.

    `may_book`: send proposals and answer for the owner, under consents that the owner gave. `wants_reminders` is the
    driver's own wish. `until_ms` is None while they drive it.
    """

    vehicle_id: str
    customer_id: str
    from_ms: int
    may_book: bool
    wants_reminders: bool = False
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class DriverInvitation:
    """An owner's word that whoever has its code may drive the car; the code itself is the invited one's only."""

    vehicle_id: str
    owner_id: str
    may_book: bool
    expires_ms: int  # wall clock
