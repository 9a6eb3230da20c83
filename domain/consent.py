"""ConsentGrant and Permit: what an owner allows, to whom, for what, how long; and the proof that it stands."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from domain.errors import Conflict, ConsentMissing, InvalidInput
from domain.iso_time import iso_moment


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


class GrantEnd(StrEnum):
    """How a grant came to its end."""

    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    SOLD = "sold"  # the car has another owner


@dataclass(frozen=True, slots=True)
class ConsentGrant:
    """One owner's grant for one car and one purpose; for booking also one dealer and the data items.

    `withdrawn_ms`: when it was ended before its time; `end`: how it ended, once that has been noted;
    `erasure_asked_ms`: when its dealer was asked to erase what it had got under it.
    """

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
    changed_ms: int | None = None
    end: GrantEnd | None = None
    erasure_asked_ms: int | None = None

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

    def ended(self, how: GrantEnd, now_ms: int, *, asks_erasure: bool = False) -> ConsentGrant:
        """The grant after its end, one version on; Conflict when it has ended already, or does not end by itself yet.

        `asks_erasure`: the dealer is asked now to erase what it got.
        """
        if self.withdrawn_ms is not None or self.end is not None:
            raise Conflict(f"this consent is {self.end or GrantEnd.WITHDRAWN} already")
        if how is GrantEnd.EXPIRED and self.is_live(now_ms):
            raise Conflict("this consent has not run out")
        return replace(
            self,
            version=self.version + 1,
            withdrawn_ms=None if how is GrantEnd.EXPIRED else now_ms,
            changed_ms=now_ms,
            end=how,
            erasure_asked_ms=now_ms if asks_erasure else None,
        )

    def narrowed(self, now_ms: int, data_items: Collection[DataItem], expires_ms: int | None) -> ConsentGrant:
        """The grant for less, one version on: fewer data items, an earlier end, or both.

        InvalidInput for what is not less, Conflict when the grant does not stand. It is never widened: more is a new
        grant, which the owner reads anew.
        """
        if not self.is_live(now_ms):
            raise Conflict("this consent was withdrawn or has run out: there is nothing left to narrow")
        if more := set(data_items) - set(self.data_items):
            raise InvalidInput(
                f"the consent does not cover {', '.join(sorted(more))}",
                field="data_items",
                fix="name some of those it covers; for more, grant a new consent",
            )
        if expires_ms is not None and expires_ms <= now_ms:
            raise InvalidInput("that end has passed", field="expires_ms", fix="withdraw the consent instead")
        ends = self.expires_ms if expires_ms is None else expires_ms
        if self.expires_ms is not None and ends is not None and ends > self.expires_ms:
            raise InvalidInput(
                "the consent ends before that", field="expires_ms", fix="choose an earlier end, or grant a new consent"
            )
        left = tuple(sorted(set(data_items)))
        if left == self.data_items and ends == self.expires_ms:
            raise InvalidInput(
                "nothing would change", field="data_items", fix="leave some data items out, or choose an earlier end"
            )
        return replace(self, version=self.version + 1, data_items=left, expires_ms=ends, changed_ms=now_ms)

    def permit(self, now_ms: int, *, vehicle_id: str, dealer_id: str) -> Permit:
        """The proof that this dealer may hear of this car now; ConsentMissing when the grant does not cover it."""
        if self.purpose is not Purpose.BOOKING:
            raise ConsentMissing(f"a grant for {self.purpose} permits no proposal")
        if self.vehicle_id != vehicle_id or self.dealer_id != dealer_id:
            raise ConsentMissing("the grant is for another car or another dealer")
        if not self.is_live(now_ms):
            raise ConsentMissing("the consent was withdrawn or has run out")
        return Permit(_SEAL, self)

    def receipt(self, controller: str) -> dict[str, Any]:
        """The consent record as JSON-LD: ISO/IEC TS 27560:2023 in the words of the W3C Data Privacy Vocabulary 2.

        `controller`: who answers for what is done with the data. References: Consent Records and Receipts as per
        ISO/IEC TS 27560:2023 using DPV (DPVCG, https://w3id.org/dpv/guides/consent-27560).
        """
        ends = self.expires_ms
        lasts: dict[str, Any] = {"@type": "dpv:UntilEventDuration", "rdf:value": "until it is withdrawn"}
        if ends is not None:
            lasts = {"@type": "dpv:UntilTimeDuration", "rdf:value": _moment(ends)}
        process: dict[str, Any] = {
            "@type": "dpv:Process",
            "dpv:hasPurpose": str(self.purpose),
            "dpv:hasPersonalData": [str(item) for item in self.data_items],
            "dpv:hasRecipient": self.dealer_id or controller,
            "dpv:hasDuration": lasts,
            "dpv:hasStorageCondition": {"@type": "dpv:StorageDeletion", "rdf:value": "when the consent ends"},
        }
        record: dict[str, Any] = {
            "@context": {
                "dpv": "https://w3id.org/dpv#",
                "dct": "http://purl.org/dc/terms/",
                "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
                "xsd": "http://www.w3.org/2001/XMLSchema#",
            },
            "@type": "dpv:ConsentRecord",
            "dct:conformsTo": "https://w3id.org/dpv/schema/dpv-27560#record",
            "dct:identifier": self.grant_id,
            "dct:hasVersion": self.version,
            "dct:created": _moment(self.granted_ms),
            "dpv:hasDataSubject": self.customer_id,
            "dpv:hasDataController": controller,
            "dpv:hasProcess": process,
            "dpv:hasConsentStatus": _STATUS[self._end],
            "dpv:isIndicatedBy": self.customer_id,
            "dpv:isIndicatedAtTime": _moment(self.granted_ms),
            "dpv:hasConsentControl": {
                "@type": "dpv:WithdrawConsent",
                "rdf:value": f"POST /v1/me/consents/{self.grant_id}/withdraw",
            },
        }
        if self.changed_ms is not None:
            record["dct:modified"] = _moment(self.changed_ms)
        return record

    @property
    def _end(self) -> GrantEnd | None:
        return GrantEnd.WITHDRAWN if self.end is None and self.withdrawn_ms is not None else self.end


_STATUS = {
    None: "dpv:ConsentGiven",
    GrantEnd.WITHDRAWN: "dpv:ConsentWithdrawn",
    GrantEnd.EXPIRED: "dpv:ConsentExpired",
    GrantEnd.SOLD: "dpv:ConsentWithdrawn",
}


def _moment(ms: int) -> dict[str, str]:
    return {"@type": "xsd:dateTime", "@value": iso_moment(ms)}


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
