"""ConsentGrant and Permit: what an owner allows, to whom, for what, how long; and the proof that it stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from domain.errors import Conflict, ConsentMissing, InvalidInput


class Purpose(StrEnum):
    PREDICTION = "prediction"
    REMINDERS = "reminders"
    BOOKING = "booking"
    MODEL_IMPROVEMENT = "model_improvement"


class DataItem(StrEnum):
    """What a booking grant may let a dealer see. The needs themselves always go along: they are the message."""

    CONTACT = "contact"
    VEHICLE = "vehicle"
    ODOMETER = "odometer"
    EVIDENCE = "evidence"
    VIN = "vin"


@dataclass(frozen=True, slots=True)
class ConsentGrant:
    """One owner's grant for one car and one purpose; for booking also one dealer and the data items."""

    grant_id: str
    version: int
    customer_id: str
    vehicle_id: str
    purpose: Purpose
    dealer_id: str | None
    data_items: tuple[DataItem, ...]
    granted_ms: int
    expires_ms: int | None
    withdrawn_ms: int | None = None

    def __post_init__(self) -> None:
        if (self.purpose is Purpose.BOOKING) != (self.dealer_id is not None):
            raise InvalidInput(
                "a booking grant names one dealer, and no other grant does",
                field="dealer_id",
                fix="name the dealer for purpose booking, and leave it out otherwise",
            )
        if self.expires_ms is not None and self.expires_ms <= self.granted_ms:
            raise InvalidInput("a grant ends after it begins", field="expires_ms", fix="give a time in the future")

    def is_live(self, now_ms: int) -> bool:
        """Whether it stands at `now_ms`: neither withdrawn nor expired."""
        return self.withdrawn_ms is None and (self.expires_ms is None or now_ms < self.expires_ms)

    def withdraw(self, now_ms: int) -> ConsentGrant:
        """The grant after its withdrawal, one version on."""
        if self.withdrawn_ms is not None:
            raise Conflict("this consent is withdrawn already")
        return replace(self, withdrawn_ms=now_ms, version=self.version + 1)

    def permit(self, now_ms: int, *, vehicle_id: str, dealer_id: str) -> Permit:
        """The proof that this dealer may hear of this car now; ConsentMissing when the grant does not cover it."""
        if self.purpose is not Purpose.BOOKING:
            raise ConsentMissing(f"a grant for {self.purpose} permits no proposal")
        if self.vehicle_id != vehicle_id or self.dealer_id != dealer_id:
            raise ConsentMissing("the grant is for another car or another dealer")
        if not self.is_live(now_ms):
            raise ConsentMissing("the consent was withdrawn or has run out")
        return Permit(_SEAL, self)

    def receipt(self) -> dict[str, Any]:
        """The consent receipt as JSON-LD, after ISO/IEC TS 27560 in the words of the W3C Data Privacy Vocabulary."""
        return {
            "@context": {"dpv": "https://w3id.org/dpv#", "dct": "http://purl.org/dc/terms/"},
            "@type": "dpv:ConsentRecord",
            "dct:identifier": self.grant_id,
            "dct:hasVersion": self.version,
            "dpv:hasDataSubject": self.customer_id,
            "dpv:hasPurpose": str(self.purpose),
            "dpv:hasRecipient": self.dealer_id,
            "dpv:hasPersonalData": [str(item) for item in self.data_items],
            "dpv:isIndicatedAtTime": self.granted_ms,
            "dpv:hasExpiryTime": self.expires_ms,
            "dpv:hasConsentStatus": "dpv:ConsentGiven" if self.withdrawn_ms is None else "dpv:ConsentWithdrawn",
            "dpv:hasWithdrawalMethod": f"POST /v1/me/consents/{self.grant_id}/withdraw",
        }


_SEAL = object()


class Permit:
    """Made by `ConsentGrant.permit` of a live grant and by nothing else; `propose()` asks for one."""

    __slots__ = ("_grant",)

    def __init__(self, seal: object, grant: ConsentGrant) -> None:
        if seal is not _SEAL:
            raise TypeError("a Permit is made by ConsentGrant.permit() only")
        self._grant = grant

    @property
    def grant(self) -> ConsentGrant:
        return self._grant

    def covers(self, item: DataItem) -> bool:
        """Whether this data item may leave."""
        return item in self._grant.data_items
