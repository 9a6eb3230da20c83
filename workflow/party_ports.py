"""The ports to who is who: cars with their owners and drivers, people and dealers, and how they sign in.

What holds of `workflow.ports` holds here.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple, Protocol

from domain.machine_client import AccessToken, MachineClient
from domain.people import Account, Customer, Dealer, DriverInvitation, Driving, Ownership, Session, Vehicle
from domain.proposal import ProposalStep


class Vehicles(Protocol):
    async def add(self, vehicle: Vehicle) -> None: ...
    async def get(self, vehicle_id: str) -> Vehicle | None: ...
    async def update(self, vehicle: Vehicle) -> None: ...
    async def add_credential(self, credential_hash: str, vehicle_id: str, created_ms: int) -> None: ...
    async def by_credential(self, credential_hash: str) -> Vehicle | None: ...
    async def add_enrolment_token(self, token_hash: str, created_ms: int) -> None: ...
    async def is_enrolment_token(self, token_hash: str) -> bool: ...
    async def add_enrolment(self, token_hash: str, vehicle_id: str) -> None:
        """Remember with which token the car was enrolled."""

    async def enrolled_with(self, token_hash: str, vehicle_ids: Collection[str]) -> list[Vehicle]:
        """Those of these cars that were enrolled with the token, by id."""

    async def set_claim_code(self, vehicle_id: str, code_hash: str, expires_ms: int) -> None:
        """Replace the car's claim code, if it had one."""

    async def take_claim_code(self, code_hash: str, now_ms: int) -> str | None:
        """The vehicle id of an unexpired code, which is used up by the call; None otherwise."""

    async def showing_code(self, code_hash: str, now_ms: int) -> str | None:
        """The id of the car that shows this unexpired code, which stays good."""

    async def own(self, ownership: Ownership) -> None:
        """Begin an ownership; the one that ran until now (if any) ends at its `from_ms`."""

    async def disown(self, vehicle_id: str, customer_id: str, until_ms: int) -> None:
        """End the customer's ownership; Conflict when it is not theirs any more."""

    async def owner_of(self, vehicle_id: str) -> str | None:
        """The customer id of the present owner."""

    async def ownership_of(self, vehicle_id: str, *, is_held: bool = False, lock: bool = False) -> Ownership | None:
        """Who owns the car now, and since when. `is_held`: it does not end before this transaction does; `lock`: nobody
        else holds it meanwhile."""

    async def owned(self, vehicle_id: str, customer_id: str) -> Vehicle | None:
        """The car, if it is this customer's now."""

    async def owned_by(self, customer_id: str) -> list[Vehicle]: ...
    async def count(self) -> int: ...


class Drivers(Protocol):
    """Who drives cars that are another's. Codes run out by the wall clock."""

    async def invite(self, code_hash: str, invitation: DriverInvitation) -> None: ...
    async def invitation(self, code_hash: str, now_ms: int) -> DriverInvitation | None:
        """The unexpired invitation with this code, which stays good."""

    async def take_invitation(self, code_hash: str, now_ms: int) -> bool:
        """Use an unexpired code up; False when somebody else did, or there is none."""

    async def invitations(self, vehicle_id: str, now_ms: int) -> list[DriverInvitation]:
        """The car's unexpired invitations, the one that ends first first."""

    async def revoke_invitations(self, vehicle_id: str) -> int:
        """Remove all invitations of a car; how many those were."""

    async def forget_invitations(self, expired_ms: int) -> None:
        """Remove all that ran out by then."""

    async def begin(self, driving: Driving) -> None:
        """Conflict when they drive the car already."""

    async def let(self, vehicle_id: str, customer_id: str, *, may_book: bool) -> bool:
        """False when they don't drive the car."""

    async def remind(self, vehicle_id: str, customer_id: str, *, wants_reminders: bool) -> bool:
        """False when they don't drive the car."""

    async def end(self, vehicle_id: str, customer_id: str, until_ms: int) -> bool:
        """False when they don't drive the car."""

    async def end_all(self, vehicle_id: str, until_ms: int) -> list[Driving]:
        """End all drivings of a car; which those were."""

    async def of_vehicle(self, vehicle_id: str) -> list[Driving]:
        """Who drives the car now, the longest first."""

    async def names_by_car(self, owner_id: str) -> dict[str, list[str]]:
        """Who drives the cars of this owner now, by name."""

    async def driving(self, vehicle_id: str, customer_id: str) -> Driving | None:
        """Whether the customer drives the car now; that does not end before this transaction does."""

    async def driven_by(self, customer_id: str) -> list[tuple[Vehicle, Driving]]:
        """The cars that the customer drives now, the longest first."""

    async def history(self, customer_id: str) -> list[Driving]:
        """All that the customer drives or drove, the oldest first."""

    async def steps_of(self, customer_id: str) -> list[ProposalStep]:
        """Steps that the customer took for owners of cars that they drive or drove, the oldest first."""

    async def principal(self, customer_id: str, proposal_id: str) -> str | None:
        """The owner of a proposal for a car of theirs that the customer drives."""


class People(Protocol):
    async def add_customer(self, customer: Customer) -> None: ...
    async def customer(self, customer_id: str) -> Customer | None: ...
    async def add_account(self, account: Account) -> None:
        """Conflict when the e-mail is taken."""

    async def account(self, account_id: str) -> Account | None: ...
    async def account_by_email(self, email: str) -> Account | None: ...
    async def add_session(self, session: Session) -> None: ...
    async def session(self, token_hash: str) -> Session | None: ...
    async def end_session(self, token_hash: str) -> None: ...
    async def end_sessions_of(self, account_id: str, *, but: str = "") -> None:
        """End all sessions of an account, but that of one token hash."""

    async def set_password(self, account_id: str, password_hash: str) -> None: ...
    async def add_dealer(self, dealer: Dealer) -> None: ...
    async def update_dealer(self, dealer: Dealer) -> None: ...
    async def dealer(self, dealer_id: str) -> Dealer | None: ...
    async def dealers_with(self, dealer_ids: Collection[str]) -> dict[str, Dealer]:
        """Those of these dealers that there are, by id."""

    async def dealers(self) -> list[Dealer]: ...


class MachineClients(Protocol):
    async def add(self, client: MachineClient) -> None: ...
    async def get(self, client_id: str) -> MachineClient | None: ...
    async def of_dealer(self, dealer_id: str) -> list[MachineClient]:
        """Live and revoked, the oldest first."""

    async def update(self, client: MachineClient) -> None: ...
    async def add_token(self, token: AccessToken) -> None: ...
    async def by_token(self, token_hash: str) -> tuple[AccessToken, MachineClient] | None: ...
    async def end_tokens(self, client_id: str) -> None: ...
    async def forget_tokens_before(self, now_ms: int) -> None:
        """Remove those that have run out."""


class Guesses(NamedTuple):
    """How often what a key stands for has failed, when last, and when it last succeeded (wall clock)."""

    failures: int
    last_ms: int
    succeeded_ms: int | None


class SignInGuesses(Protocol):
    async def lock(self, keys: Collection[str], now_ms: int) -> dict[str, Guesses]:
        """What is counted under each key, 0 where nothing was; nobody else counts there until the transaction ends."""

    async def set(self, key: str, failures: int, last_ms: int, *, succeeded_ms: int | None = None) -> None:
        """Change what was locked; without `succeeded_ms` the last success stays what it was."""

    async def forget_before(self, last_ms: int) -> None: ...
