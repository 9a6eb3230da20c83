"""Without a live grant nothing leaves: every path to a dealer is walked, and consent ends between each pair of steps.

A journey is the list of steps from the grant to the end of the visit. For every gap between two steps a fresh owner
makes the journey up to there and takes the consent back; then everybody goes on trying: the remaining steps, every
answer a dealer can give, every page and message a dealer can read. What those give is searched for words that stand
nowhere but in this owner's data.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from domain.consent import ConsentGrant
from domain.errors import Conflict, NotFound, PitcallError
from domain.need import MaintenanceNeed, NeedState
from domain.prediction import Contribution
from domain.proposal import ProposalState
from domain.service_record import ServiceOutcome
from tests.support.moments import DAY, HOUR
from tests.support.outlets import KeptTopics, KeptWebhooks, dispatch_deliveries
from tests.support.town import PADS, Garage, Household, Town
from workflow import negotiate, visit
from workflow.consents import withdraw_consent
from workflow.dispatch import dispatch_topics
from workflow.dossiers import dealer_desk, desk_entry
from workflow.propose import send_proposal

S = ProposalState
ODOMETER_M = 61_000_500
LABEL = "CANARY-label"  # the owner's own name for the car: no grant covers it
SHARED = (
    "CANARY-name",
    "canary-mail@example.test",
    "CANARYVN000000017",
    "CANARY-model",
    "CANARY-reason",
    "CANARY-part",
    "CANARY-note",
    "8190.0625",
)
GRANT_MS = 6 * HOUR


@dataclass
class Journey:
    """One owner, one car, one dealer, and everything the dealer ever got."""

    town: Town
    home: Household
    garage: Garage
    need: MaintenanceNeed
    webhooks: KeptWebhooks = field(default_factory=KeptWebhooks)
    topics: KeptTopics = field(default_factory=KeptTopics)
    grant_id: str = ""
    proposal_id: str = "never-made"
    got: list[str] = field(default_factory=list)

    def start_ms(self, days: int = 1) -> int:
        """08:00 UTC some days from now."""
        return self.town.clock.now_ms() // DAY * DAY + days * DAY + 8 * HOUR

    # The steps.
    async def grant(self) -> None:
        expires_ms = self.town.clock.now_ms() + GRANT_MS
        self.grant_id = (await self.town.grant(self.home, self.garage, expires_ms=expires_ms)).grant_id

    async def draft(self) -> None:
        grant = await self._grant()
        made = await self.town.draft(
            self.home, self.garage, grant, self.need, start_ms=self.start_ms(), note="CANARY-note"
        )
        self.proposal_id = made.proposal_id

    async def send(self) -> None:
        await send_proposal(self.town.office, customer_id=self.home.id, proposal_id=self.proposal_id)

    async def dispatch(self) -> None:
        await dispatch_deliveries(self.town.office, self.webhooks)
        await dispatch_topics(self.town.office, self.topics)

    async def accept(self) -> None:
        self._reply(await negotiate.accept(self.town.office, proposal_id=self.proposal_id, **self.garage.party))

    async def counter(self) -> None:
        starts = [self.start_ms(2), self.start_ms(3)]
        self._reply(
            await negotiate.counter(
                self.town.office, proposal_id=self.proposal_id, starts_ms=starts, **self.garage.party
            )
        )

    async def counter_back(self) -> None:
        await negotiate.counter_back(
            self.town.office, customer_id=self.home.id, proposal_id=self.proposal_id, start_ms=self.start_ms(4)
        )

    async def confirm(self) -> None:
        await negotiate.confirm(self.town.office, customer_id=self.home.id, proposal_id=self.proposal_id)

    async def confirm_offered(self) -> None:
        await negotiate.confirm(
            self.town.office, customer_id=self.home.id, proposal_id=self.proposal_id, start_ms=self.start_ms(3)
        )

    async def check_in(self) -> None:
        self._reply(
            await visit.check_in(
                self.town.office, proposal_id=self.proposal_id, odometer_m=ODOMETER_M, **self.garage.party
            )
        )

    async def complete(self) -> None:
        findings = [visit.Finding(PADS, ServiceOutcome.REPLACED, 4.0, "mm")]
        self._reply(
            await visit.complete(
                self.town.office,
                proposal_id=self.proposal_id,
                odometer_m=ODOMETER_M,
                findings=findings,
                **self.garage.party,
            )
        )

    async def _grant(self) -> ConsentGrant:
        async with self.town.records.unit_of_work() as uow:
            grant = await uow.consents.get(self.grant_id)
        assert grant is not None
        return grant

    # How consent ends.
    async def withdraw(self) -> None:
        await withdraw_consent(self.town.office, customer_id=self.home.id, grant_id=self.grant_id)

    async def let_it_run_out(self) -> None:
        self.town.later(GRANT_MS)

    # The paths to the dealer.
    def _reply(self, value: object) -> None:
        self.got.append(repr(value))

    async def read_everything(self) -> None:
        """All that a dealer can look at, and all that comes by itself."""
        office, dealer_id = self.town.office, self.garage.id
        self._reply((await dealer_desk(office, dealer_id=dealer_id)).entries)
        try:
            self._reply(await desk_entry(office, dealer_id=dealer_id, proposal_id=self.proposal_id))
        except NotFound as error:
            self._reply(error)
        seen = len(self.webhooks.kept)
        await self.dispatch()
        self.got.extend(delivery.body for _, delivery, _ in self.webhooks.kept[seen:])
        async with self.town.records.unit_of_work() as uow:
            for _, event in await uow.timeline.after(0, dealer_id=dealer_id, limit=10_000):
                self.got.append(json.dumps(event.cloud_event()))
        self.got.extend(message.value.decode() for message in self.topics.kept)

    async def answer_everything(self) -> None:
        """Every answer a dealer can give; each is refused, and the refusal is read like an answer."""
        replies: list[Callable[..., Awaitable[object]]] = [
            negotiate.accept,
            negotiate.decline,
            visit.no_show,
            lambda *a, **k: negotiate.counter(*a, starts_ms=[self.start_ms(5)], **k),
            lambda *a, **k: visit.check_in(*a, odometer_m=ODOMETER_M, **k),
        ]
        for reply in replies:
            with pytest.raises((Conflict, NotFound)) as refused:
                await reply(self.town.office, proposal_id=self.proposal_id, **self.garage.party)
            self._reply(refused.value)

    async def state(self) -> ProposalState | None:
        async with self.town.records.unit_of_work() as uow:
            proposal = await uow.proposals.get(self.proposal_id)
        return None if proposal is None else proposal.state


Step = Callable[[Journey], Awaitable[None]]
J = Journey
JOURNEYS: dict[str, list[Step]] = {
    "accepted": [J.grant, J.draft, J.send, J.dispatch, J.accept, J.confirm, J.dispatch, J.check_in, J.complete],
    "countered": [
        J.grant, J.draft, J.send, J.dispatch, J.counter, J.confirm_offered, J.dispatch, J.check_in, J.complete,
    ],
    "countered back": [
        J.grant, J.draft, J.send, J.counter, J.counter_back, J.dispatch, J.accept, J.confirm, J.dispatch, J.check_in,
        J.complete,
    ],
}  # fmt: skip

# What becomes of a proposal whose consent is withdrawn. The car that is on the lift is finished.
ENDS = {
    None: None,
    S.DRAFT: S.WITHDRAWN,
    S.SENT: S.WITHDRAWN,
    S.COUNTERED: S.WITHDRAWN,
    S.ACCEPTED: S.WITHDRAWN,
    S.CONFIRMED: S.CANCELLED,
    S.CHECKED_IN: S.COMPLETED,
    S.COMPLETED: S.COMPLETED,
}


async def begin(town: Town) -> Journey:
    """A fresh owner whose every word is a canary, a fresh dealer, and a need."""
    number = next(town.number)
    home = await town.household(
        name=f"CANARY-name {number}",
        email=f"{number}-canary-mail@example.test",
        vin="CANARYVN000000017",
        model="CANARY-model",
        label=LABEL,
    )
    need = await town.need(
        home,
        reason="CANARY-reason",
        contributions=(Contribution("brake_energy_slow", -1.0, "CANARY-part"),),
        features={"brake_energy_slow": 8190.0625},
    )
    return Journey(town, home, await town.garage(), need)


def assert_silent(got: list[str], refs: tuple[str, ...] = ()) -> None:
    for text in got:
        for canary in (*SHARED, LABEL, *refs):
            assert canary not in text, f"{canary} was told: {text[:2000]}"


@pytest.mark.parametrize("name", JOURNEYS)
async def test_with_a_live_grant_the_dealer_gets_what_was_granted(town: Town, name: str) -> None:
    """The control: these words do arrive while the consent stands, or their absence would show nothing."""
    journey = await begin(town)
    for step in JOURNEYS[name]:
        await step(journey)
        await journey.read_everything()
    everything = "\n".join(journey.got)
    assert await journey.state() is S.COMPLETED
    assert [canary for canary in SHARED if canary not in everything] == []
    assert LABEL not in everything
    assert "proposal.sent" in journey.webhooks.kinds and "proposal.confirmed" in journey.webhooks.kinds


@pytest.mark.parametrize("name", JOURNEYS)
async def test_nothing_leaves_before_the_proposal_is_sent(town: Town, name: str) -> None:
    journey = await begin(town)
    for step in JOURNEYS[name]:
        if step is J.send:
            break
        await step(journey)
        await journey.read_everything()
        await journey.answer_everything()
    assert journey.webhooks.kept == []
    assert_silent(journey.got)


@pytest.mark.parametrize("name", JOURNEYS)
async def test_after_a_withdrawal_nothing_leaves(town: Town, name: str, subtests: pytest.Subtests) -> None:
    steps = JOURNEYS[name]
    for gap in range(1, len(steps) + 1):
        with subtests.test(after=f"{gap}. {steps[gap - 1].__name__}"):
            await _withdraw_in_the_gap(await begin(town), steps[:gap], steps[gap:])
    async with town.records.unit_of_work() as uow:
        assert await uow.holds.overlaps() == 0


async def _withdraw_in_the_gap(journey: Journey, before: list[Step], after: list[Step]) -> None:
    for step in before:
        await step(journey)
    was = await journey.state()
    had_left = any("proposal.sent" in kind for kind in journey.webhooks.kinds)
    await journey.withdraw()
    sent_before, journey.got = len(journey.webhooks.kept), []
    await journey.read_everything()
    await journey.answer_everything()
    for step in after:
        await _try(journey, step, was)
        await journey.read_everything()
    await journey.answer_everything()

    assert_silent(journey.got)
    assert await journey.state() is ENDS[was]
    assert await journey.town.busy(journey.garage) == 0
    need = await journey.town.latest_need(journey.home)
    assert need.state is (NeedState.RESOLVED if ENDS[was] is S.COMPLETED else NeedState.OPEN)
    _assert_notice(journey, sent_before, was, had_left)


async def _try(journey: Journey, step: Step, was: ProposalState | None) -> None:
    """Only what brings no data to the dealer goes on: empty dispatching, and ending the visit that had begun."""
    if step is J.dispatch or (step is J.complete and was is S.CHECKED_IN):
        await step(journey)
        return
    with pytest.raises((Conflict, NotFound)) as refused:
        await step(journey)
    journey.got.append(repr(refused.value))


def _assert_notice(journey: Journey, sent_before: int, was: ProposalState | None, had_left: bool) -> None:
    """A dealer who was asked hears that it is over, by ids only; a dealer who was not hears nothing.

    Of what was not withdrawn with the consent it is asked to erase what it has.
    """
    notices = [json.loads(delivery.body) for _, delivery, _ in journey.webhooks.kept[sent_before:]]
    asked = was in (S.SENT, S.COUNTERED, S.ACCEPTED, S.CONFIRMED)
    keeps = was in (S.CONFIRMED, S.CHECKED_IN, S.COMPLETED)
    expected = [*([f"proposal.{ENDS[was]}"] if asked else []), *(["consent.ended"] if keeps else [])]
    assert [notice["type"] for notice in notices] == expected
    assert had_left or sent_before == 0
    for notice in notices:
        if notice["type"] == "consent.ended":
            assert (notice["proposal_ids"], notice["grant_id"]) == ([journey.proposal_id], journey.grant_id)
            assert notice["data_items"] == [] and notice["erase"]
            continue
        assert notice.keys() == {"type", "proposal_id", "version", "time_ms"}
        assert notice["proposal_id"] == journey.proposal_id


@pytest.mark.parametrize("name", JOURNEYS)
async def test_after_a_grant_has_run_out_nothing_leaves(town: Town, name: str, subtests: pytest.Subtests) -> None:
    steps = JOURNEYS[name]
    for gap in range(1, len(steps) + 1):
        with subtests.test(after=f"{gap}. {steps[gap - 1].__name__}"):
            journey = await begin(town)
            for step in steps[:gap]:
                await step(journey)
            was = await journey.state()
            await journey.let_it_run_out()
            journey.got = []
            await journey.read_everything()
            await journey.answer_everything()
            for step in steps[gap:]:
                await _try(journey, step, was)
                await journey.read_everything()
            assert_silent(journey.got)


async def test_a_withdrawal_during_a_delivery_is_followed_by_its_notice(town: Town) -> None:
    journey = await begin(town)
    for step in (J.grant, J.draft, J.send):
        await step(journey)
    journey.webhooks.meanwhile = journey.withdraw
    await journey.dispatch()
    await journey.dispatch()
    assert journey.webhooks.kinds == ["proposal.sent", "proposal.withdrawn"]
    assert_silent([journey.webhooks.kept[-1][1].body])


async def test_a_delivery_that_failed_is_not_tried_again_after_the_withdrawal(town: Town) -> None:
    journey = await begin(town)
    for step in (J.grant, J.draft, J.send):
        await step(journey)
    journey.webhooks.is_away = True
    await journey.dispatch()
    await journey.withdraw()
    journey.webhooks.is_away = False
    town.later(DAY)
    await journey.dispatch()
    assert journey.webhooks.kinds == ["proposal.withdrawn"]


async def test_a_page_that_is_left_open_shows_nothing_of_the_owner_any_more(town: Town) -> None:
    journey = await begin(town)
    for step in JOURNEYS["accepted"][:6]:
        await step(journey)
    await journey.withdraw()
    entry = await desk_entry(town.office, dealer_id=journey.garage.id, proposal_id=journey.proposal_id)
    assert entry.payload is None
    assert entry.steps == ()
    assert_silent([repr(entry)], refs=(journey.home.id, journey.home.car_id, journey.need.need_id))


async def test_another_dealer_sees_nothing_whatever_was_granted(town: Town) -> None:
    journey = await begin(town)
    other = await town.garage()
    for step in JOURNEYS["accepted"]:
        await step(journey)
        assert (await dealer_desk(town.office, dealer_id=other.id)).entries == ()
        for answer in (negotiate.accept, negotiate.decline, visit.no_show):
            with pytest.raises(NotFound):
                await answer(town.office, proposal_id=journey.proposal_id, **other.party)
        with pytest.raises(PitcallError):
            await desk_entry(town.office, dealer_id=other.id, proposal_id=journey.proposal_id)
