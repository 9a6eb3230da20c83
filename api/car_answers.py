"""What the API answers about cars and who owns and drives them."""

from __future__ import annotations

from typing_extensions import TypedDict

from api.paging import Listed


class CarAnswer(TypedDict):
    """A car for its owner."""

    vehicle_id: str
    label: str
    make: str
    model: str
    model_year: int
    powertrain: str


class CarsAnswer(Listed):
    vehicles: list[CarAnswer]


class ClaimedAnswer(TypedDict):
    vehicle_id: str


class SoldAnswer(TypedDict):
    """A car that is its former owner's no more."""

    vehicle_id: str
    until_ms: int


class DriverAnswer(TypedDict):
    """Somebody who drives a car of the caller's."""

    customer_id: str
    name: str
    from_ms: int
    may_book: bool


class DriversAnswer(Listed):
    drivers: list[DriverAnswer]


class InvitationAnswer(TypedDict):
    """A code for one driver, which is shown this once, and when it runs out."""

    code: str
    expires_ms: int


class DrivingAnswer(TypedDict):
    """Since when the caller drives a car, and what they may and want."""

    from_ms: int
    may_book: bool
    wants_reminders: bool


class BookableAnswer(TypedDict):
    """A dealer with whom a driver may book, under this consent of the owner's, which lets it have these items."""

    dealer_id: str
    grant_id: str
    data_items: list[str]


class DrivenAnswer(DrivingAnswer):
    """The same of the car that is read, with the dealers that the owner has consented to."""

    dealers: list[BookableAnswer]


class InvitationInForce(TypedDict):
    """A code that nobody has used yet; the code itself was shown once."""

    may_book: bool
    expires_ms: int


class InvitationsAnswer(Listed):
    invitations: list[InvitationInForce]


class PastDrivingAnswer(DrivingAnswer):
    """A car of another's that the caller drives, or (`until_ms`) drove."""

    vehicle_id: str
    until_ms: int | None


class DriveAnswer(TypedDict):
    """A car that the caller drives for its owner."""

    vehicle: CarAnswer
    driving: DrivingAnswer


class DrivesAnswer(Listed):
    drives: list[DriveAnswer]
