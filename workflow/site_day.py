"""A day at a dealer's site: what it has, and what of it is promised to whom."""

from __future__ import annotations

from datetime import date, time, timedelta

from domain.dossier import Promise, SiteDay
from domain.proposal import ProposalState
from domain.wall_time import local_day, moment_ms
from domain.workload import Workload
from workflow.known_dealer import known_dealer
from workflow.ports import Office

HOLDING = frozenset(state for state in ProposalState if state.is_open) | {
    ProposalState.CONFIRMED,
    ProposalState.CHECKED_IN,
}


async def site_day(office: Office, *, dealer_id: str, day: date | None = None) -> SiteDay:
    """The local day, today where none is named; ids and times only, no data of a customer."""
    async with office.unit_of_work() as uow:
        dealer = await known_dealer(uow, dealer_id)
        proposals = await uow.proposals.of_dealer(dealer_id, HOLDING)
    zone = dealer.hours.zone
    shown = local_day(office.clock.now_ms(), zone) if day is None else day
    begins, ends = (moment_ms(d, time(), zone) for d in (shown, shown + timedelta(days=1)))
    promises = [
        Promise(hold, proposal.proposal_id, proposal.state)
        for proposal in proposals
        for slot in proposal.slots_held
        for hold in slot.holds
        if hold.start_ms < ends and begins < hold.end_ms
    ]
    promises.sort(key=lambda promise: (promise.hold.start_ms, promise.hold.resource))
    load = Workload(dealer.site, [promise.hold for promise in promises], begins, ends)
    return SiteDay(
        dealer=dealer,
        day=shown,
        spans=tuple(dealer.hours.spans(shown)),
        load=(load.percent((shown, False)), load.percent((shown, True))),
        promises=tuple(promises),
    )
